//! One list of what several sources say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::entry::HistoryEntry;

/// How far the times of one update may be apart in two sources, in seconds. A commit is applied
/// to the cluster some time later.
const WINDOW: i64 = 3600;

/// Merges the lists of several sources, the newest update first. The same update in two sources
/// becomes one entry, with what the earlier list says, completed by the later one. An entry of
/// which only a time before it is known comes right after that time; without any, it comes last.
#[must_use]
pub fn merged_history(sources: Vec<Vec<HistoryEntry>>) -> Vec<HistoryEntry> {
    let mut merged: Vec<HistoryEntry> = Vec::new();
    for list in sources {
        let partners = partners(&merged, &list);
        for (position, entry) in list.into_iter().enumerate() {
            match partners.get(&position) {
                Some(known) => complete(&mut merged[*known], entry),
                None => merged.push(entry),
            }
        }
    }
    merged.sort_by_key(|entry| Reverse((entry.time.or(entry.after), entry.time.is_none())));
    merged
}

/// For each entry of a list that is already known, the position of the known one. Each known
/// entry gets at most one, the nearest first, so that an update that was made twice stays two.
fn partners(known: &[HistoryEntry], list: &[HistoryEntry]) -> BTreeMap<usize, usize> {
    let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
    for (position, entry) in list.iter().enumerate() {
        let near = known.iter().enumerate();
        let near = near.filter_map(|(at, known)| Some((distance(known, entry)?, position, at)));
        pairs.extend(near);
    }
    pairs.sort_unstable();
    let mut partners = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (_, position, at) in pairs {
        if !partners.contains_key(&position) && taken.insert(at) {
            partners.insert(position, at);
        }
    }
    partners
}

/// How many seconds two entries of the same update are apart; `None` if they are about two.
fn distance(one: &HistoryEntry, another: &HistoryEntry) -> Option<i64> {
    if !one.is_same_change(another) {
        return None;
    }
    match (one.time, another.time) {
        (Some(one), Some(another)) => {
            let apart = (one.as_second() - another.as_second()).abs();
            (apart <= WINDOW).then_some(apart)
        }
        // Worse than any that has a time.
        _ => {
            let after = one.after.or(another.after);
            let time = one.time.or(another.time);
            let is_possible = time.is_none_or(|time| after.is_none_or(|after| time >= after));
            is_possible.then_some(WINDOW + 1)
        }
    }
}

fn complete(entry: &mut HistoryEntry, more: HistoryEntry) {
    entry.time = entry.time.or(more.time);
    entry.after = entry.after.or(more.after).filter(|_| entry.time.is_none());
    entry.by = entry.by.take().or(more.by);
    entry.compare = entry.compare.take().or(more.compare);
    entry.is_rollback |= more.is_rollback;
    let change = &mut entry.change;
    change.digest = change.digest.take().or(more.change.digest);
    change.policy = change.policy.take().or(more.change.policy);
    if entry.overrides.is_empty() {
        entry.overrides = more.overrides;
    }
    entry.sources.extend(more.sources);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::history::entry::HistorySource;

    /// An update at a second.
    fn entry(second: i64, from: &str, to: &str, source: HistorySource) -> HistoryEntry {
        HistoryEntry {
            time: (second >= 0).then(|| jiff::Timestamp::from_second(second).expect("a time")),
            ..HistoryEntry::bare(
                "app",
                &format!("org/app:{from}"),
                &format!("org/app:{to}"),
                source,
            )
        }
    }

    /// Each entry: its second, its tags, and its sources.
    fn words(merged: &[HistoryEntry]) -> Vec<String> {
        let lines = merged.iter().map(|entry| {
            let sources: Vec<String> = entry.sources.iter().map(ToString::to_string).collect();
            let time = entry
                .time
                .map_or("-".to_owned(), |time| time.as_second().to_string());
            let [from, to] = [&entry.change.from, &entry.change.to].map(|image| &image[8..]);
            format!("{time} {from} {to} {}", sources.join(", "))
        });
        lines.collect()
    }

    #[test]
    fn same_update_in_several_sources_is_one_entry() {
        let commit = HistorySource::Commit("0123456789abcdef".to_owned());
        let mut record = entry(100, "1", "2", HistorySource::Record);
        record.by = Some("ada".to_owned());
        record.change.policy = Some("semver:*".to_owned());
        let merged = merged_history(vec![
            vec![entry(103, "1", "2", commit)],
            vec![record],
            vec![
                entry(2000, "1", "2", HistorySource::Revision(2)),
                entry(500, "0", "1", HistorySource::Revision(1)),
            ],
            vec![entry(100, "1", "2", HistorySource::Event)],
        ]);
        assert_eq!(
            words(&merged),
            [
                "500 0 1 revision 1",
                "103 1 2 commit 012345678, record, revision 2, event",
            ]
        );
        assert_eq!(merged[1].by.as_deref(), Some("ada"));
        assert_eq!(merged[1].change.policy.as_deref(), Some("semver:*"));
    }

    #[test]
    fn update_that_was_made_twice_stays_two() {
        let merged = merged_history(vec![
            vec![entry(1000, "1", "2", HistorySource::Record)],
            vec![
                entry(400, "1", "2", HistorySource::Event),
                entry(700, "2", "1", HistorySource::Event),
                entry(1001, "1", "2", HistorySource::Event),
            ],
        ]);
        // The nearest one is the same.
        assert_eq!(
            words(&merged),
            ["1000 1 2 record, event", "700 2 1 event", "400 1 2 event"]
        );
    }

    #[test]
    fn entry_without_a_time_comes_last_or_gets_one() {
        let merged = merged_history(vec![
            vec![entry(9, "1", "2", HistorySource::Record)],
            vec![
                entry(-1, "1", "2", HistorySource::Revision(3)),
                entry(-1, "0", "1", HistorySource::Revision(2)),
            ],
        ]);
        assert_eq!(
            words(&merged),
            ["9 1 2 record, revision 3", "- 0 1 revision 2"]
        );
    }

    #[test]
    fn entry_with_a_time_before_it_comes_right_after_that_time() {
        let second = |second| jiff::Timestamp::from_second(second).ok();
        let mut back = entry(-1, "2", "1", HistorySource::Revision(3));
        back.after = second(9);
        let merged = merged_history(vec![
            vec![
                entry(9, "1", "2", HistorySource::Record),
                // Too early to be the same.
                entry(8, "2", "1", HistorySource::Record),
                entry(90, "1", "3", HistorySource::Record),
            ],
            vec![back],
        ]);
        assert_eq!(
            words(&merged),
            [
                "90 1 3 record",
                "- 2 1 revision 3",
                "9 1 2 record",
                "8 2 1 record"
            ]
        );
    }

    #[test]
    fn digest_of_the_record_names_the_same_image() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let mut record = entry(9, "1", "2", HistorySource::Record);
        record.change.digest = Some(digest.clone());
        let admitted = entry(9, "1", &format!("2@{digest}"), HistorySource::Revision(2));
        let merged = merged_history(vec![vec![record], vec![admitted]]);
        assert_eq!(merged.len(), 1, "{merged:#?}");
    }
}
