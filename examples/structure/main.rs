//! Measures the structure of a checkout: `cargo run --example structure -- [DIR]`.
//! docs/design.md says what the figures mean; `tests/architecture` keeps them.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    reason = "a program of this repository alone"
)]

mod circles;
mod source;
mod style;

use std::path::{Path, PathBuf};

fn main() {
    let root = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let is_verbose = std::env::args_os().any(|argument| argument == "-v");
    let files = source::load(&root);
    let lines: usize = files.values().map(|file| file.text.lines().count()).sum();
    let circles = circles::circles(&files);
    let names = style::names_with_several_meanings(&files);
    let closures = style::named_closures(&files);
    let matches = style::matches_on_bool(&files);
    let (folder, most) = source::fullest_folder(&root);
    let doors = files.values().filter(|file| file.path.ends_with("/mod.rs"));
    let code_in_doors = doors.filter(|file| !source::is_door(file)).count();
    let per_thousand = closures.len() as f64 * 1000.0 / lines as f64;
    let rows = [
        ("lines of src", lines.to_string()),
        ("circles of files", circles.len().to_string()),
        (
            "files in circles",
            circles.iter().map(Vec::len).sum::<usize>().to_string(),
        ),
        ("files in the fullest folder", format!("{most} ({folder})")),
        (
            "type names with several meanings",
            format!(
                "{} of {}",
                names.len(),
                files
                    .values()
                    .map(|file| style::types(file).len())
                    .sum::<usize>()
            ),
        ),
        (
            "named closures",
            format!("{} ({per_thousand:.1} per 1,000 lines)", closures.len()),
        ),
        ("match on a bool", matches.len().to_string()),
        ("mod.rs with code", code_in_doors.to_string()),
        (
            "lines of README.md",
            line_count(&root.join("README.md")).to_string(),
        ),
    ];
    for (name, value) in rows {
        println!("{name:34}{value}");
    }
    if is_verbose {
        for circle in circles {
            println!("circle: {}", circle.join(", "));
        }
        for (name, places) in names {
            println!("name: {name}: {}", places.join(", "));
        }
        for line in closures.iter().chain(&matches) {
            println!("{line}");
        }
    }
}

fn line_count(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}
