//! How the tags of images are shown.

use clap::Args;

use crate::output::Format;

/// Flags about the answer of the commands that show tags.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportFlags {
    /// How many of the best tags to show; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,

    /// Output format: table, json or yaml
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        value_parser = Format::parse_description
    )]
    pub(crate) output: Format,
}
