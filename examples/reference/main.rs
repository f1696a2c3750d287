//! Generates the reference from the parser, so that it always matches the program, and what else
//! a release needs:
//!
//! ```text
//! reference commands FILE        docs/commands.md
//! reference man DIR              a man page for each command
//! reference certificates FILE    Mozilla's root certificates, for the image
//! ```
//!
//! It is an example and not a subcommand, so that the shipped program does not contain it.

mod certificates;
mod help;
mod man;
mod markdown;
mod prose;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = kubectl_imgpolicy::cli::command();
    let result = match words[..] {
        ["commands", file] => std::fs::write(file, markdown::page(command)),
        ["man", folder] => man::write(command, Path::new(folder)),
        ["certificates", file] => std::fs::write(file, certificates::bundle()),
        _ => Err(std::io::Error::other(
            "usage: reference commands FILE | reference man DIR | reference certificates FILE",
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error while reporting an error is ignored.
            let _ =
                std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("error: {error}\n"));
            ExitCode::FAILURE
        }
    }
}
