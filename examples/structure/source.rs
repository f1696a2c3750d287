//! The Rust files of a checkout, parsed.

use std::collections::BTreeMap;
use std::path::Path;

use walkdir::WalkDir;

/// A file of `src/`.
pub struct SourceFile {
    /// From the root of the checkout, with `/`.
    pub path: String,
    pub text: String,
    /// Without what only tests see.
    pub code: syn::File,
}

/// The Rust files below `src/` of a checkout, by their module paths; `mod.rs` has the
/// path of its folder. Files of unit tests are left out.
pub fn load(root: &Path) -> BTreeMap<Vec<String>, SourceFile> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(root.join("src")).sort_by_file_name() {
        let entry = entry.expect("a folder that can be read");
        if entry.path().extension().is_none_or(|ext| ext != "rs") {
            continue;
        }
        let name = entry.path().strip_prefix(root).expect("below the root");
        let path = name.to_string_lossy().replace('\\', "/");
        if is_test_file(&path) {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a source file");
        let mut code = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        code.items.retain(|item| !is_for_tests(item));
        files.insert(module_path(&path), SourceFile { path, text, code });
    }
    files
}

fn is_test_file(path: &str) -> bool {
    let stem = path.rsplit('/').next().unwrap_or(path);
    let stem = stem.strip_suffix(".rs").unwrap_or(stem);
    stem == "tests" || stem == "fake" || stem == "processes" || stem.ends_with("_tests")
}

/// `["image", "name"]` of `src/image/name.rs`.
fn module_path(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        let condition = attribute.meta.require_list();
        is_cfg && condition.is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

/// Whether a file is a door: only documentation, modules and re-exports.
pub fn is_door(file: &SourceFile) -> bool {
    file.path.ends_with("/mod.rs") && code_in_door(file).is_empty()
}

/// What a `mod.rs` holds beside documentation, modules and re-exports.
pub fn code_in_door(file: &SourceFile) -> Vec<String> {
    let items = file.code.items.iter();
    let code = items.filter(|item| match item {
        syn::Item::Mod(item) => item.content.is_some(),
        syn::Item::Use(_) => false,
        _ => true,
    });
    code.map(|item| match item {
        syn::Item::Fn(item) => format!("fn {}", item.sig.ident),
        syn::Item::Struct(item) => format!("struct {}", item.ident),
        syn::Item::Enum(item) => format!("enum {}", item.ident),
        syn::Item::Const(item) => format!("const {}", item.ident),
        _ => "an item".to_owned(),
    })
    .collect()
}

/// The folder below `src/` with the most files, and their number.
pub fn fullest_folder(root: &Path) -> (String, usize) {
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root.join("src"))
        .into_iter()
        .flatten()
    {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            let folder = entry.path().parent().unwrap_or(root);
            let folder = folder.strip_prefix(root).unwrap_or(folder);
            *folders.entry(folder.display().to_string()).or_default() += 1;
        }
    }
    folders
        .into_iter()
        .max_by_key(|(_, files)| *files)
        .unwrap_or_default()
}
