//! The text of `cache info`.

use std::fmt::Write;

use jiff::Timestamp;

use super::json::{CacheFileItem, CacheInfo, CacheServerItem};
use super::text::plural::thousands;
use super::text::sanitize::sanitize;
use super::text::time::age;

/// Where metadata is stored and how much of it, one fact per line.
#[must_use]
pub fn cache_report(info: &CacheInfo, now: Timestamp) -> String {
    let mut lines = Vec::new();
    match &info.file {
        Some(file) => file_lines(file, now, &mut lines),
        None if info.servers.is_empty() => lines.push(("Cache", "off".to_owned())),
        None => {}
    }
    for server in &info.servers {
        server_lines(server, &mut lines);
    }
    lines.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<9} {}", format!("{name}:"), sanitize(value));
        text
    })
}

fn file_lines(file: &CacheFileItem, now: Timestamp, lines: &mut Vec<(&str, String)>) {
    lines.push(("Cache", file.path.clone()));
    if let Some(problem) = &file.problem {
        lines.push(("Problem", problem.clone()));
    }
    let size = format!(
        "{} of {}",
        format_size(file.bytes),
        format_size(file.limit_bytes)
    );
    lines.push(("Size", size));
    if file.problem.is_some() {
        return;
    }
    let entries: Vec<String> = file
        .entries
        .iter()
        .filter(|entry| entry.count > 0)
        .map(|entry| format!("{} {}", format_number(entry.count), entry.kind))
        .collect();
    let entries = match entries.as_slice() {
        [] => "none".to_owned(),
        entries => entries.join(", "),
    };
    lines.push(("Entries", entries));
    if let Some(oldest) = &file.oldest {
        lines.push(("Oldest", age(oldest.0, now)));
    }
}

fn server_lines(server: &CacheServerItem, lines: &mut Vec<(&str, String)>) {
    lines.push(("Server", server.server.clone()));
    if let Some(problem) = &server.problem {
        lines.push(("Problem", problem.clone()));
    }
    if let (Some(version), Some(count)) = (&server.version, server.count) {
        lines.push(("Version", format!("memcached {version}")));
        lines.push((
            "Items",
            format!("{}, from all clients", format_number(count)),
        ));
    }
    if let (Some(bytes), Some(limit)) = (server.bytes, server.limit_bytes) {
        lines.push((
            "Size",
            format!("{} of {}", format_size(bytes), format_size(limit)),
        ));
    }
}

fn format_number(count: u64) -> String {
    usize::try_from(count).map_or_else(|_| count.to_string(), thousands)
}

/// A size in the unit that fits: `812 B`, `1.5 KiB`, `256 MiB`.
fn format_size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match (tenths / 10, tenths % 10) {
        (whole, 1..) if whole < 100 => format!("{whole}.{} {}", tenths % 10, UNITS[unit]),
        (whole, _) => format!("{whole} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_use_the_unit_that_fits() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023 KiB"),
            (256 << 20, "256 MiB"),
            (1 << 45, "32 TiB"),
            (u64::MAX, "1677721 TiB"),
        ] {
            assert_eq!(format_size(bytes), expected);
        }
    }
}
