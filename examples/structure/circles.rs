//! Which file uses which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::source::{SourceFile, is_door};

type Module = Vec<String>;
type Files = BTreeMap<Module, SourceFile>;

/// Groups of files that all need each other, by their paths.
pub fn circles(files: &Files) -> Vec<Vec<String>> {
    let uses: BTreeMap<&Module, BTreeSet<Module>> = files
        .iter()
        .filter(|(_, file)| !is_door(file))
        .map(|(module, file)| (module, uses_of(files, module, file)))
        .collect();
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = uses
        .keys()
        .map(|module| (*module, reachable(&uses, module)))
        .collect();
    let mut groups = BTreeSet::new();
    for (module, below) in &reached {
        let group: Vec<String> = below
            .iter()
            .filter(|other| reached[*other].contains(*module))
            .map(|other| files[*other].path.clone())
            .collect();
        if group.len() > 1 {
            groups.insert(group);
        }
    }
    groups.into_iter().collect()
}

/// Everything that a module uses, directly or not.
fn reachable<'a>(
    uses: &'a BTreeMap<&Module, BTreeSet<Module>>,
    from: &Module,
) -> BTreeSet<&'a Module> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for next in uses.get(module).into_iter().flatten() {
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}

/// The files that a file names; what a door re-exports counts as the file that
/// defines it.
pub fn uses_of(files: &Files, module: &Module, file: &SourceFile) -> BTreeSet<Module> {
    let mut paths = Paths {
        here: module.clone(),
        found: Vec::new(),
    };
    paths.visit_file(&file.code);
    let defined = paths
        .found
        .iter()
        .filter_map(|path| defining(files, path, 0));
    defined.filter(|used| used != module).collect()
}

/// The file that defines what an absolute path names.
fn defining(files: &Files, path: &[String], depth: usize) -> Option<Module> {
    let length = (1..=path.len())
        .rev()
        .find(|n| files.contains_key(&path[..*n]))?;
    let (module, rest) = path.split_at(length);
    let file = &files[module];
    let Some(name) = rest.first() else {
        return (!is_door(file)).then(|| module.to_vec());
    };
    if depth < 8
        && let Some(target) = re_exported(file, module, name)
    {
        return defining(files, &target, depth + 1);
    }
    (!is_door(file)).then(|| module.to_vec())
}

/// The absolute path behind a re-exported name.
fn re_exported(file: &SourceFile, module: &[String], name: &str) -> Option<Vec<String>> {
    for item in &file.code.items {
        let syn::Item::Use(item) = item else {
            continue;
        };
        if matches!(item.vis, syn::Visibility::Inherited) {
            continue;
        }
        let mut leaves = Vec::new();
        leaves_of(&item.tree, &mut Vec::new(), &mut leaves);
        for (path, called) in leaves {
            if called == name {
                return absolute(module, &path, true);
            }
        }
    }
    None
}

/// The paths of a use tree, each with the name that it gets.
fn leaves_of(
    tree: &syn::UseTree,
    prefix: &mut Vec<String>,
    leaves: &mut Vec<(Vec<String>, String)>,
) {
    match tree {
        syn::UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            leaves_of(&path.tree, prefix, leaves);
            prefix.pop();
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                leaves_of(tree, prefix, leaves);
            }
        }
        syn::UseTree::Glob(_) => leaves.push((prefix.clone(), "*".to_owned())),
        syn::UseTree::Name(name) if name.ident == "self" => {
            leaves.push((prefix.clone(), prefix.last().cloned().unwrap_or_default()));
        }
        syn::UseTree::Name(name) => {
            let name = name.ident.to_string();
            leaves.push(([prefix.clone(), vec![name.clone()]].concat(), name));
        }
        syn::UseTree::Rename(rename) => {
            let path = [prefix.clone(), vec![rename.ident.to_string()]].concat();
            leaves.push((path, rename.rename.to_string()));
        }
    }
}

/// A path from the root of the crate; none if it leads into another crate.
fn absolute(here: &[String], path: &[String], is_use: bool) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([here, rest].concat()),
        "super" => {
            let (_, parent) = here.split_last()?;
            if rest.first().is_some_and(|next| next == "super") {
                absolute(parent, rest, is_use)
            } else {
                Some([parent, rest].concat())
            }
        }
        _ if is_use => Some([here, path].concat()),
        _ => None,
    }
}

struct Paths {
    here: Module,
    found: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        leaves_of(&item.tree, &mut Vec::new(), &mut leaves);
        for (path, _) in leaves {
            self.found.extend(absolute(&self.here, &path, false));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.found.extend(absolute(&self.here, &names, false));
        visit::visit_path(self, path);
    }
}
