//! Structure inside the folders: layers of files, `mod.rs` without code, type names
//! with one meaning, and measurable style rules.

use std::path::Path;

use super::{circles, source, style};

/// Accepted cycles of files, with the reason.
const BENIGN_CIRCLES: &[(&[&str], &str)] = &[];

/// Type names that may have more than one meaning, with the reason.
const SHARED_NAMES: &[(&str, &str)] = &[];

/// The maximum number of files in a folder.
const MAX_FILES: usize = 15;

/// The maximum number of named closures per 1,000 lines.
const MAX_NAMED_CLOSURES: usize = 1;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn files_in_a_folder_form_layers() {
    let mut circles = circles::circles(&source::load(root()));
    circles.retain(|circle| !BENIGN_CIRCLES.iter().any(|(files, _)| files == circle));
    assert!(
        circles.is_empty(),
        "files that depend on each other: {circles:#?}"
    );
}

#[test]
fn mod_rs_holds_only_documentation_and_re_exports() {
    let files = source::load(root());
    let doors = files.values().filter(|file| file.path.ends_with("/mod.rs"));
    let code: Vec<_> = doors
        .map(|file| (&file.path, source::code_in_door(file)))
        .filter(|(_, code)| !code.is_empty())
        .collect();
    assert!(code.is_empty(), "move this into separate files: {code:#?}");
}

#[test]
fn type_name_has_one_meaning() {
    let mut names = style::names_with_several_meanings(&source::load(root()));
    names.retain(|name, _| !SHARED_NAMES.iter().any(|(shared, _)| shared == name));
    assert!(names.is_empty(), "rename all but one: {names:#?}");
}

#[test]
fn every_exception_is_still_needed() {
    let files = source::load(root());
    let circles = circles::circles(&files);
    let names = style::names_with_several_meanings(&files);
    for (files, _) in BENIGN_CIRCLES {
        assert!(circles.iter().any(|circle| circle == files), "{files:?}");
    }
    for (name, _) in SHARED_NAMES {
        assert!(names.contains_key(*name), "{name}");
    }
}

#[test]
fn folders_hold_few_files() {
    let (folder, files) = source::fullest_folder(root());
    assert!(files <= MAX_FILES, "{folder} holds {files} files");
}

#[test]
fn named_closures_are_rare() {
    let files = source::load(root());
    let lines: usize = files.values().map(|file| file.text.lines().count()).sum();
    let named = style::named_closures(&files);
    assert!(
        named.len() * 1000 <= lines * MAX_NAMED_CLOSURES,
        "{} of {lines} lines: {named:#?}",
        named.len()
    );
}

#[test]
fn bool_is_matched_with_if() {
    let matches = style::matches_on_bool(&source::load(root()));
    assert!(matches.is_empty(), "{matches:#?}");
}

#[test]
fn cycle_through_a_re_export_is_detected() {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, text) in [
        ("lib.rs", "mod shop;"),
        ("shop/mod.rs", "mod till;\nmod stock;\npub use till::Till;"),
        ("shop/till.rs", "use super::stock::Stock;\npub struct Till;"),
        ("shop/stock.rs", "pub struct Stock(super::Till);"),
        ("shop/door.rs", "use crate::shop::Till;"),
    ] {
        let path = folder.path().join("src").join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let found = circles::circles(&source::load(folder.path()));
    assert_eq!(found, [["src/shop/stock.rs", "src/shop/till.rs"]]);
}
