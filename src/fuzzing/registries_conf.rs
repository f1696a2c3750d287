//! `registries.conf`, as TOML.

use std::fmt::Write as _;

use crate::image::CanonicalName;
use crate::registry::RegistriesConf;
use crate::registry::registries_conf::{Table, parse};

/// Names of repositories beside those of the file.
const NAMES: [&str; 4] = [
    "nginx",
    "registry.example/org/app",
    "a.registry.example/org/app",
    "registry.example:5000/app",
];

/// The longest prefix in whole elements decides where a repository is read. A file means
/// the same when its tables are written out again, and an error names a line of it.
pub fn registries_conf(input: &[u8]) {
    let tables = match parse(input) {
        Ok(tables) => tables,
        Err(error) => {
            let lines = 1 + input.iter().filter(|byte| **byte == b'\n').count();
            assert!((1..=lines).contains(&error.line), "line {}", error.line);
            let is_plain = !error.what.is_empty() && !error.what.chars().any(char::is_control);
            assert!(is_plain, "{:?}", error.what);
            return;
        }
    };
    let written = written(&tables);
    for name in names(&tables) {
        let expected = expected(&tables, &name);
        for files in [&[input][..], &[input, input], &[written.as_bytes()]] {
            let conf = combined(files);
            assert_eq!(sources(&conf, &name), expected, "{name}\n{written}");
            assert_eq!(
                conf.is_insecure(name.registry()),
                is_insecure(&tables, name.registry()),
                "{name}\n{written}"
            );
        }
    }
}

fn combined(files: &[&[u8]]) -> RegistriesConf {
    let mut conf = RegistriesConf::default();
    for file in files {
        conf.add("registries.conf", file).expect("a valid file");
    }
    conf
}

/// Repositories at, below and beside the prefixes of the file.
fn names(tables: &[Table]) -> Vec<CanonicalName> {
    let mut names: Vec<String> = NAMES.map(str::to_owned).into();
    for table in tables.iter().take(20) {
        let prefix = table.prefix.to_string().replace('*', "a.b");
        names.extend(["", "/app", "x", "x/app", "/a/b/c"].map(|rest| format!("{prefix}{rest}")));
        names.extend(table.location.as_ref().map(|at| format!("{at}/app")));
        names.extend(
            table
                .mirrors
                .iter()
                .map(|at| format!("{}/app", at.location)),
        );
    }
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The repositories that are tried, in order; `None` if the name may not be read.
fn sources(conf: &RegistriesConf, name: &CanonicalName) -> Option<Vec<String>> {
    let sources = conf.sources(name).ok()?;
    Some(sources.iter().map(|at| at.name.to_string()).collect())
}

/// The same, from the text of the tables alone.
fn expected(tables: &[Table], name: &CanonicalName) -> Option<Vec<String>> {
    let full = name.to_string();
    let matching = tables
        .iter()
        .filter_map(|table| Some((table, rest(&table.prefix.to_string(), &full)?)));
    let longest = matching.max_by_key(|(table, _)| {
        let prefix = table.prefix.to_string();
        (prefix.len(), !prefix.starts_with('*'))
    });
    let Some((table, rest)) = longest else {
        return Some(vec![full]);
    };
    if table.blocked {
        return None;
    }
    let mut locations: Vec<String> = table
        .mirrors
        .iter()
        .map(|mirror| format!("{}{rest}", mirror.location))
        .collect();
    locations.push(match &table.location {
        Some(location) => format!("{location}{rest}"),
        None => full.clone(),
    });
    locations
        .into_iter()
        .map(|location| {
            let host = location.split('/').next().map(str::to_owned);
            let name: CanonicalName = location.parse().ok()?;
            let full = name.to_string();
            // A host alone would be an image of Docker Hub.
            (full.split('/').next().map(str::to_owned) == host).then_some(full)
        })
        .collect()
}

/// The part of a name after a prefix that ends with a whole element.
fn rest<'n>(prefix: &str, name: &'n str) -> Option<&'n str> {
    let (host, path) = name.split_at(name.find('/')?);
    if let Some(domain) = prefix.strip_prefix('*') {
        let sub = host.strip_suffix(domain)?;
        return (!sub.is_empty()).then_some(path);
    }
    let rest = name.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether a table or a mirror declares a registry insecure.
fn is_insecure(tables: &[Table], registry: &str) -> bool {
    tables.iter().any(|table| {
        let prefix = table.prefix.to_string();
        let is_at = match &table.location {
            Some(location) => host(&location.to_string()) == registry,
            None => rest(&prefix, &format!("{registry}/")).is_some(),
        };
        let mut mirrors = table.mirrors.iter();
        table.insecure && is_at
            || mirrors.any(|at| at.insecure && host(&at.location.to_string()) == registry)
    })
}

/// The host of a location, without the default port.
fn host(location: &str) -> String {
    let host = location.split('/').next().unwrap_or(location);
    host.strip_suffix(":443").unwrap_or(host).to_owned()
}

/// The tables in the plainest TOML.
fn written(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[[registry]]\nprefix = \"{}\"", table.prefix);
        if let Some(location) = &table.location {
            let _ = writeln!(text, "location = \"{location}\"");
        }
        let _ = writeln!(
            text,
            "insecure = {}\nblocked = {}",
            table.insecure, table.blocked
        );
        for mirror in &table.mirrors {
            let _ = writeln!(
                text,
                "[[registry.mirror]]\nlocation = \"{}\"\ninsecure = {}",
                mirror.location, mirror.insecure
            );
        }
    }
    text
}
