//! How results are printed.

use clap::Args;
use clap::builder::{PossibleValue, TypedValueParser};

use crate::output::Format;

/// A parser for `-o` that knows the formats of its command, also for completion.
#[derive(Debug, Clone)]
pub(crate) struct OutputFormat(pub(crate) &'static [Format]);

impl TypedValueParser for OutputFormat {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Format, clap::Error> {
        let formats = self.0;
        (move |word: &str| Format::parse(word, formats)).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = self
            .0
            .iter()
            .map(|format| PossibleValue::new(format.as_str()));
        Some(Box::new(values))
    }
}

/// Flags about the output of the commands that show tags.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportFlags {
    /// Show at most N of the best tags; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,

    /// Output format: table, json or yaml
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true,
        value_parser = OutputFormat(Format::DESCRIPTION)
    )]
    pub(crate) output: Format,
}
