//! The inputs in `fuzz/corpus`, each with the properties of its target.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

/// The most bytes that all inputs may take.
const MAX_CORPUS: u64 = 1 << 20;

/// Panics if an input violates it.
type Property = fn(&[u8]);

/// The targets of `fuzz/`, by their names.
const TARGETS: [(&str, Property); 10] = [
    ("challenge", super::challenge),
    ("docker_config", super::docker_config),
    ("go_regex", super::go_regex),
    ("link", super::link),
    ("manifest_edit", super::manifest_edit),
    ("manifest_read", super::manifest_read),
    ("marker_edit", super::marker_edit),
    ("memcached", super::memcached),
    ("registries_conf", super::registries_conf),
    ("snapshot", super::snapshot),
];

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(path)
}

/// The files of a folder below `fuzz`.
fn files(path: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(path)).expect(path);
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

/// Replays the inputs of a target, and names each one that fails.
fn replay(name: &str) {
    let (_, target) = TARGETS
        .iter()
        .find(|(other, _)| *other == name)
        .expect(name);
    let inputs = files(&format!("corpus/{name}"));
    assert!(inputs.len() >= 5, "{name} has few inputs");
    let failed: Vec<&PathBuf> = inputs
        .iter()
        .filter(|file| {
            let input = fs::read(file).expect("an input");
            panic::catch_unwind(|| target(&input)).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "the messages are above: {failed:#?}");
}

#[test]
fn challenge_is_understood_in_every_spelling() {
    replay("challenge");
}

#[test]
fn docker_config_shows_no_secret_and_has_one_meaning() {
    replay("docker_config");
}

#[test]
fn go_regex_is_compiled_or_its_construct_is_named() {
    replay("go_regex");
}

#[test]
fn next_page_is_on_the_same_host_in_every_spelling() {
    replay("link");
}

#[test]
fn edited_manifest_differs_only_in_the_edited_value() {
    replay("manifest_edit");
}

#[test]
fn manifest_is_read_the_same_with_other_line_breaks_and_neighbours() {
    replay("manifest_read");
}

#[test]
fn marked_value_is_read_again_as_it_was_written() {
    replay("marker_edit");
}

#[test]
fn cached_value_comes_back_complete_or_not_at_all() {
    replay("memcached");
}

#[test]
fn longest_prefix_decides_where_a_repository_is_read() {
    replay("registries_conf");
}

#[test]
fn snapshot_that_is_read_and_written_is_equal() {
    replay("snapshot");
}

#[test]
fn every_target_has_a_program_and_small_inputs() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs = files("fuzz_targets");
    let stems = programs.iter().map(|file| {
        let stem = file.file_stem().expect("a name").to_string_lossy();
        stem.into_owned()
    });
    assert_eq!(stems.collect::<BTreeSet<_>>(), names, "fuzz/fuzz_targets");
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("fuzz/Cargo.toml");
    let mut size = 0;
    for name in &names {
        let program = folder(&format!("fuzz_targets/{name}.rs"));
        let program = fs::read_to_string(&program).expect("a program");
        assert!(
            program.contains(&format!("fuzzing::{name}(")),
            "{name}: {program}"
        );
        assert!(
            manifest.contains(&format!("name = \"{name}\"\n")),
            "fuzz/Cargo.toml: {name}"
        );
        let inputs = files(&format!("corpus/{name}"));
        let sizes = inputs
            .iter()
            .map(|file| fs::metadata(file).expect("a file").len());
        size += sizes.sum::<u64>();
    }
    assert!(size <= MAX_CORPUS, "fuzz/corpus has {size} bytes");
}
