//! Habits of the code that can be counted.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::source::SourceFile;

type Files = BTreeMap<Vec<String>, SourceFile>;

/// Where types of one name are defined, for each name with several definitions.
pub fn names_with_several_meanings(files: &Files) -> BTreeMap<String, Vec<String>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files.values() {
        for name in types(file) {
            places.entry(name).or_default().push(file.path.clone());
        }
    }
    // Twins in one file are for different platforms.
    places.values_mut().for_each(Vec::dedup);
    places.retain(|_, files| files.len() > 1);
    places
}

/// Closures that `let` gives a name, as `file: name`.
pub fn named_closures(files: &Files) -> Vec<String> {
    habits(files, |habits| &habits.named_closures)
}

/// `match` on `true` or `false`, as `file`.
pub fn matches_on_bool(files: &Files) -> Vec<String> {
    habits(files, |habits| &habits.matches_on_bool)
}

fn habits(files: &Files, which: fn(&Habits) -> &Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.values() {
        let mut habits = Habits::default();
        habits.visit_file(&file.code);
        let lines = which(&habits).iter();
        found.extend(lines.map(|line| format!("{}: {line}", file.path)));
    }
    found
}

/// The names of the types of a file.
pub fn types(file: &SourceFile) -> Vec<String> {
    let mut types = Types::default();
    types.visit_file(&file.code);
    types.names
}

#[derive(Default)]
struct Types {
    names: Vec<String>,
}

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.names.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.names.push(item.ident.to_string());
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.names.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.names.push(item.ident.to_string());
    }
}

#[derive(Default)]
struct Habits {
    named_closures: Vec<String>,
    matches_on_bool: Vec<String>,
}

impl<'ast> Visit<'ast> for Habits {
    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init
            && matches!(*init.expr, syn::Expr::Closure(_))
            && let syn::Pat::Ident(name) = &local.pat
        {
            self.named_closures.push(name.ident.to_string());
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        if expression.arms.iter().any(|arm| is_bool(&arm.pat)) {
            self.matches_on_bool.push("match on a bool".to_owned());
        }
        visit::visit_expr_match(self, expression);
    }
}

fn is_bool(pattern: &syn::Pat) -> bool {
    matches!(
        pattern,
        syn::Pat::Lit(syn::ExprLit {
            lit: syn::Lit::Bool(_),
            ..
        })
    )
}
