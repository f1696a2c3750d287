//! Where the images of Flux's ImagePolicy objects and markers come from.

use clap::{Args, ValueEnum};

use crate::cli::error::CommandError;
use crate::evaluator::Elected;

/// Where the images of Flux's ImagePolicy objects and markers come from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ElectedFlag {
    /// The image that an ImagePolicy object in the files stands for: the one that it elects from the
    /// tags in the registry now, or the one that Flux has recorded in its status; no registry is
    /// queried for recorded images [default: now]
    #[arg(
        long,
        help_heading = "Decisions",
        value_name = "recorded|now",
        default_value = "now",
        hide_default_value = true,
        hide_possible_values = true
    )]
    elected: ElectedWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ElectedWord {
    Recorded,
    #[default]
    Now,
}

/// A flag or an argument of the same run that a recorded election rules out.
pub(crate) struct RuledOut {
    /// Its name.
    pub(crate) name: &'static str,
    /// Why.
    pub(crate) why: &'static str,
    /// Whether it was given.
    pub(crate) is_given: bool,
}

impl ElectedFlag {
    /// Where the images come from.
    pub(crate) fn elected(&self) -> Elected {
        match self.elected {
            ElectedWord::Recorded => Elected::Recorded,
            ElectedWord::Now => Elected::Now,
        }
    }

    /// Checks a recorded election against the other flags.
    ///
    /// # Errors
    ///
    /// There are no files, or one of the others was given.
    pub(crate) fn check(&self, has_files: bool, others: &[RuledOut]) -> Result<(), CommandError> {
        if self.elected() == Elected::Now {
            return Ok(());
        }
        if !has_files {
            return Err(CommandError::usage(
                "--elected=recorded reads markers and ImagePolicy objects from files; add -f",
            ));
        }
        match others.iter().find(|other| other.is_given) {
            Some(RuledOut { name, why, .. }) => Err(CommandError::usage(format!(
                "--elected=recorded cannot be used with {name}: {why}"
            ))),
            None => Ok(()),
        }
    }
}
