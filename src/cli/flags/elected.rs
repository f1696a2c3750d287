//! Where the images of Flux's markers come from.

use clap::{Args, ValueEnum};

use crate::cli::error::CommandError;

/// Where the images of Flux's markers come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ElectedFlag {
    /// With 'recorded', also write the values in the files that have a Flux marker, from the images in
    /// the status of the ImagePolicy objects in the files; 'now' leaves the markers to Flux
    /// [default: now]
    #[arg(
        long,
        value_name = "recorded|now",
        default_value = "now",
        hide_default_value = true,
        hide_possible_values = true
    )]
    elected: ElectedWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ElectedWord {
    Recorded,
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
    /// Whether the recorded images are written to marked values.
    pub(crate) fn is_recorded(&self) -> bool {
        self.elected == ElectedWord::Recorded
    }

    /// Checks a recorded election against the other flags.
    ///
    /// # Errors
    ///
    /// There are no files, or one of the others was given.
    pub(crate) fn check(&self, has_files: bool, others: &[RuledOut]) -> Result<(), CommandError> {
        if !self.is_recorded() {
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
