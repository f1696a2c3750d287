//! The flags of this command line, for suggested commands.
//!
//! They are read from clap's matches, so that a new flag is repeated automatically. Flags
//! that must not be repeated are listed here.

use std::ffi::OsStr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};

/// Flags that no suggested command repeats, by their ids.
const NOT_REPEATED: [&str; 11] = [
    // Secrets, and the user name, which is useless without one.
    "token",
    "username",
    "password",
    // Suggested commands use the namespace of the workload instead.
    "namespace",
    // Flags about how this run prints, not about what it does.
    "verbosity",
    "color",
    "cache_dir",
    "request_timeout",
    // A command that writes always queries the registry again.
    "max_age",
    "refresh",
    "offline",
];

/// The flags that were given, as words that repeat them.
#[derive(Debug, Clone, Default)]
pub(crate) struct GivenFlags(Vec<GivenFlag>);

#[derive(Debug, Clone)]
struct GivenFlag {
    id: String,
    /// The words of each value.
    words: Vec<Vec<String>>,
}

impl GivenFlag {
    fn read(argument: &Arg, matches: &ArgMatches) -> Option<Self> {
        let id = argument.get_id().as_str();
        if NOT_REPEATED.contains(&id) || matches.value_source(id)? != ValueSource::CommandLine {
            return None;
        }
        let values = matches.get_raw(id)?;
        Some(Self {
            id: id.to_owned(),
            words: values.map(|value| words(argument, value)).collect(),
        })
    }
}

impl GivenFlags {
    /// Reads the flags given on the command line, without defaults.
    pub(crate) fn from_matches(command: &Command, matches: &ArgMatches) -> Self {
        let mut given: Vec<GivenFlag> = Vec::new();
        let mut level = Some((command, matches));
        while let Some((command, matches)) = level {
            level = matches
                .subcommand()
                .and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
            for argument in command.get_arguments() {
                // A global flag may be an argument at every level.
                let is_known = given
                    .iter()
                    .any(|flag| argument.get_id() == flag.id.as_str());
                if !is_known {
                    given.extend(GivenFlag::read(argument, matches));
                }
            }
        }
        Self(given)
    }

    /// The given flags of one group, in the group's order.
    pub(crate) fn to_args<A: Args>(&self) -> Vec<String> {
        self.to_args_except::<A>(&[])
    }

    /// Like `to_args`, but without some of the flags.
    pub(crate) fn to_args_except<A: Args>(&self, except: &[&str]) -> Vec<String> {
        self.of_group::<A>(except).flatten().cloned().collect()
    }

    /// The given flags of one group as a manifest has them: each with its value in one word.
    pub(crate) fn to_assignments<A: Args>(&self) -> Vec<String> {
        self.of_group::<A>(&[]).map(|flag| flag.join("=")).collect()
    }

    /// The words of each value of each given flag of a group.
    fn of_group<A: Args>(&self, except: &[&str]) -> impl Iterator<Item = &Vec<String>> {
        let group = A::augment_args(Command::new(""));
        let ids: Vec<String> = group
            .get_arguments()
            .map(|argument| argument.get_id().to_string())
            .filter(|id| !except.contains(&id.as_str()))
            .collect();
        ids.into_iter().flat_map(|id| {
            let given = self.0.iter().filter(move |given| given.id == id);
            given.flat_map(|given| &given.words)
        })
    }
}

/// The words that set a flag to one value.
fn words(argument: &Arg, value: &OsStr) -> Vec<String> {
    let flag = match (argument.get_long(), argument.get_short()) {
        // kubectl users write these in their short form.
        (Some("filename" | "kustomize" | "recursive"), Some(short)) | (None, Some(short)) => {
            format!("-{short}")
        }
        (Some(long), _) => format!("--{long}"),
        (None, None) => return Vec::new(),
    };
    let value = value.to_string_lossy();
    let is_set = value == "true" && argument.is_require_equals_set();
    let is_switch = is_set || !argument.get_action().takes_values();
    if is_switch {
        vec![flag]
    } else if argument.is_require_equals_set() {
        vec![format!("{flag}={value}")]
    } else {
        vec![flag, value.into_owned()]
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Arguments;
    use crate::cli::flags::client::Globals;
    use crate::cli::flags::decisions::DecisionFlags;
    use crate::cli::flags::registry::RegistryFlags;
    use crate::cli::flags::scope::PlaceFlags;

    fn given(line: &str) -> GivenFlags {
        let command = Arguments::command();
        let matches = command.clone().try_get_matches_from(line.split(' '));
        GivenFlags::from_matches(&command, &matches.expect("a valid command line"))
    }

    #[test]
    fn every_given_flag_is_repeated() {
        let given = given(
            "x --context prod update -f a.yaml -f b -R --insecure-skip-tls-verify \
             --max-connections 4 --cache off --min-age 3d --allow-downgrade --all \
             --as-group ops --as-group dev --token secret --offline=false",
        );
        assert_eq!(
            given.to_args::<PlaceFlags>(),
            ["-f", "a.yaml", "-f", "b", "-R"]
        );
        assert_eq!(
            given.to_args::<Globals>(),
            [
                "--context",
                "prod",
                "--as-group",
                "ops",
                "--as-group",
                "dev",
                "--insecure-skip-tls-verify"
            ]
        );
        assert_eq!(
            given.to_args::<RegistryFlags>(),
            ["--max-connections", "4", "--cache", "off"]
        );
        assert_eq!(
            given.to_args::<DecisionFlags>(),
            ["--min-age", "3d", "--allow-downgrade"]
        );
    }

    #[test]
    fn every_excluded_flag_exists() {
        let command = Arguments::command();
        let update = command.find_subcommand("update").expect("a command");
        for id in NOT_REPEATED {
            let mut all = command.get_arguments().chain(update.get_arguments());
            assert!(all.any(|argument| argument.get_id() == id), "{id}");
        }
    }

    #[test]
    fn assignment_is_one_word() {
        let given = given("x update --all --max-connections 4 --cache=off --offline=false");
        assert_eq!(
            given.to_assignments::<RegistryFlags>(),
            ["--max-connections=4", "--cache=off"]
        );
    }

    #[test]
    fn default_value_is_not_repeated() {
        let given = given("x update --all");
        assert_eq!(given.to_args::<RegistryFlags>(), [""; 0]);
        assert_eq!(given.to_args::<Globals>(), [""; 0]);
    }
}
