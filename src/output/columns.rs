//! The columns of `status`: their cells, and how rows are sorted by them.

use std::cmp::Ordering;
use std::str::FromStr;

use jiff::Timestamp;

use super::text::grid::{Cell, Cut, Heading, NONE};
use super::text::sanitize::sanitize;
use super::text::style::Paint;
use super::text::time::{age, minute};
use crate::evaluator::{Lock, Outcome, Reason, Row, State};
use crate::image::{Digest, ImageReference};
use crate::named_enum::named_enum;
use crate::policy::{Closure, WarningCode};
use crate::workload::{ImagePart, Names, WorkloadId, WorkloadKind};

named_enum! {
    /// A column of the `status` table, identified by its heading.
    pub enum Column {
        /// The workload's namespace.
        Namespace = "NAMESPACE",
        /// The workload: `deployment/web`.
        Workload = "WORKLOAD",
        /// The container's name.
        Container = "CONTAINER",
        /// The state that the annotations set.
        State = "STATE",
        /// The filter as written.
        Policy = "POLICY",
        /// The tag or digest in the manifest.
        Current = "CURRENT",
        /// The tag or digest in the Git repository; with `--git`.
        InGit = "IN-GIT",
        /// The elected tag or digest.
        Update = "UPDATE",
        /// Why nothing is updated.
        Why = "WHY",
        /// The repository; wide.
        Image = "IMAGE",
        /// The age of the running image; wide.
        Created = "CREATED",
        /// What created the workload; wide.
        ManagedBy = "MANAGED-BY",
        /// The kustomization that builds the workload; wide, and only if there is one.
        Root = "ROOT",
        /// Where the policy is defined; wide.
        Origin = "ORIGIN",
        /// The codes of the warnings; wide.
        Warnings = "WARNINGS",
        /// Where the image is written; with `--git`, and wide with `-k`.
        WrittenAt = "WRITTEN-AT",
    }
}

/// A name that is not a column: a usage error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown column {name:?}; the columns are {names}", name = .0, names = Column::names())]
pub struct UnknownColumn(pub String);

impl FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .iter()
            .find(|column| column.as_str().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| UnknownColumn(name.to_owned()))
    }
}

impl Column {
    /// The headings, for an error message or for completion.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<&str> = Self::ALL.iter().map(|column| column.as_str()).collect();
        names.join(", ")
    }

    /// The heading, and where its cells are cut: names in their middle, where related
    /// names differ least, and sentences at their end.
    pub(crate) fn heading(self) -> Heading {
        let cut = match self {
            Self::Namespace
            | Self::Workload
            | Self::Container
            | Self::Current
            | Self::InGit
            | Self::Update
            | Self::WrittenAt => Cut::Middle,
            _ => Cut::End,
        };
        Heading {
            text: self.as_str(),
            cut,
        }
    }

    /// The cell of a row in this column. `names` are the names of all shown workloads.
    /// Rows that can never change are dim as a whole.
    pub(crate) fn cell(self, row: &Row, names: &Names<'_>, now: Timestamp) -> Cell {
        let decision = &row.decision;
        let policy = decision.policy.as_ref();
        let cell = match self {
            Self::Namespace => Cell::new(&row.workload.namespace),
            Self::Workload => {
                let short = short_name(&row.workload, names);
                Cell::new(&names.name(&row.workload)).shortened(&short)
            }
            Self::Container => Cell::new(&row.container),
            Self::State => Cell::new(decision.state.as_str()),
            Self::Policy => Cell::optional(policy.map(|policy| &policy.filter)),
            Self::Current => version_cell(current(&row.image)),
            Self::InGit => match &row.declared {
                Some(declared) => version_cell(current(&declared.image)),
                None => Cell::new(""),
            },
            Self::Update => version_cell(update(row)),
            Self::Why => why(row),
            Self::Image => Cell::new(&repository(&row.image)),
            Self::Created => Cell::optional(created(row).map(|created| age(created, now))),
            Self::ManagedBy => Cell::optional(row.managed_by.as_ref().map(ToString::to_string)),
            Self::Root => Cell::optional(row.root.as_ref()),
            Self::Origin => Cell::optional(policy.map(|policy| &policy.origin)),
            Self::Warnings => {
                let mut codes: Vec<&str> =
                    decision.warnings.iter().map(|w| w.code.as_str()).collect();
                codes.dedup();
                Cell::new(&codes.join(","))
            }
            Self::WrittenAt => Cell::optional(version_place(row)),
        };
        let paint = self.paint(row);
        cell.painted(paint)
    }

    fn paint(self, row: &Row) -> Paint {
        let decision = &row.decision;
        match (decision.state, decision.outcome, self) {
            (_, _, Self::InGit) if has_drift(row) => Paint::Caution,
            (State::Manual | State::Ignored, ..) => Paint::Dim,
            (State::Locked, _, Self::State) => Paint::Caution,
            (_, Outcome::Update, Self::Update) => Paint::Good,
            (_, Outcome::Unknown, Self::Why) => Paint::Bad,
            (_, Outcome::Keep, Self::Why) if decision.reason != Reason::UpToDate => Paint::Caution,
            (_, Outcome::Keep, Self::Why) => Paint::Dim,
            _ => Paint::Plain,
        }
    }

    /// Compares two rows by this column. Numbers within a text are compared as numbers;
    /// the oldest image comes first, and an empty cell comes last.
    pub(crate) fn compare(self, a: &Row, b: &Row) -> Ordering {
        if self == Self::Created {
            let (a, b) = (created(a), created(b));
            return a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b));
        }
        // The age and the API group do not matter here, so any time will do, and no names are needed.
        let names = Names::default();
        let (a, b) = (
            self.cell(a, &names, Timestamp::UNIX_EPOCH),
            self.cell(b, &names, Timestamp::UNIX_EPOCH),
        );
        let (a, b) = (a.text(), b.text());
        (a == NONE)
            .cmp(&(b == NONE))
            .then_with(|| compare_natural(a, b))
    }
}

/// A workload's name in a menu. If it needs its API group, the kind is abbreviated
/// so that the middle of the name is not cut.
pub(crate) fn name_to_choose(id: &WorkloadId, names: &Names<'_>) -> String {
    if names.is_shared(id) {
        short_name(id, names)
    } else {
        names.name(id)
    }
}

/// A workload's short name: `deploy/web`, `hr.helm.fluxcd.io/a`.
pub(crate) fn short_name(id: &WorkloadId, names: &Names<'_>) -> String {
    let name = names.name(id);
    let behind = name.strip_prefix(id.kind.singular()).unwrap_or_default();
    format!("{}{behind}", short_kind(id.kind))
}

/// The kind as kubectl abbreviates it.
fn short_kind(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "deploy",
        WorkloadKind::StatefulSet => "sts",
        WorkloadKind::DaemonSet => "ds",
        WorkloadKind::CronJob => "cj",
        WorkloadKind::HelmRelease => "hr",
    }
}

/// Whether the cluster has another image than the repository.
fn has_drift(row: &Row) -> bool {
    let declared = row.declared.as_ref();
    declared.and_then(|declared| declared.is_drift(&row.image)) == Some(true)
}

/// `apps/kustomization.yaml:12`: where the version of the image is written. An object of the
/// cluster has a path instead of a line.
fn version_place(row: &Row) -> Option<String> {
    let places = &row.written_at;
    let mut versions = places.iter().filter(|place| place.part != ImagePart::Name);
    let place = versions.next().or_else(|| places.first())?;
    Some(place.to_string())
}

fn created(row: &Row) -> Option<Timestamp> {
    row.decision.facts.as_ref()?.current_created
}

/// The tag and the short digest: `1.2.3`, `@sha256:1234567`,
/// `1.2.3@sha256:1234567`; `None` if the image has neither.
pub(crate) fn version(image: &ImageReference) -> Option<String> {
    let digest = image.digest().map(short_digest).unwrap_or_default();
    let tag = image.tag().map_or("", |tag| tag.as_str());
    Some(format!("{tag}{digest}")).filter(|version| !version.is_empty())
}

/// `@sha256:1234567`: enough to distinguish two digests by eye.
pub(crate) fn short_digest(digest: &Digest) -> String {
    let text = digest.to_string();
    let (algorithm, hex) = text.split_once(':').unwrap_or(("", &text));
    format!("@{algorithm}:{}", hex.get(..7).unwrap_or(hex))
}

/// A cell for a version. Its shorter text only shows that there is a digest.
pub(crate) fn version_cell(version: Option<String>) -> Cell {
    let version = version.unwrap_or_default();
    let short = match version.split_once("@sha256:") {
        Some(("" | "(", hex)) => format!("@{hex}"),
        Some((tag, _)) => format!("{tag}@…"),
        None => return Cell::new(&version),
    };
    Cell::new(&version).shortened(&short)
}

/// The version in the manifest. An image that cannot be parsed is shown unchanged, so
/// that the user sees what is wrong with it.
pub(crate) fn current(image: &str) -> Option<String> {
    match image.parse::<ImageReference>() {
        Ok(reference) => version(&reference),
        Err(_) => Some(image.to_owned()),
    }
}

/// The tag and the digest of an image: `1.2.3`, or `an untagged image` if it has
/// neither.
#[must_use]
pub fn version_of(image: &str) -> String {
    current(image).unwrap_or_else(|| "an untagged image".to_owned())
}

/// The repository as written; the whole text if it cannot be parsed.
pub(crate) fn repository(image: &str) -> String {
    let parsed = image.parse::<ImageReference>();
    parsed.map_or_else(
        |_| image.to_owned(),
        |reference| reference.name().to_string(),
    )
}

/// The elected version if it is newer than the running one: either it will be written,
/// or only the state, which STATE shows, holds it back. A version that an assumed
/// policy would elect is in brackets.
fn update(row: &Row) -> Option<String> {
    let decision = &row.decision;
    if decision.outcome == Outcome::Update || decision.is_behind() {
        return decision.latest.as_ref().and_then(version);
    }
    let suggestion = decision.suggestion.as_ref()?;
    let newer = suggestion.reason == Reason::NewerImage;
    let version = suggestion
        .latest
        .as_ref()
        .filter(|_| newer)
        .and_then(version)?;
    Some(format!("({version})"))
}

/// The reason, with details if the column is wide enough. Empty for newer-image and
/// manual, because the other columns show them.
fn why(row: &Row) -> Cell {
    let decision = &row.decision;
    let word = decision.reason.as_str();
    match decision.reason {
        Reason::NewerImage | Reason::Manual => Cell::new(""),
        Reason::UpToDate => Cell::worded(word, refused_platform(row).unwrap_or_default()),
        Reason::Ignored | Reason::BeingDeleted => Cell::new(word),
        Reason::Locked => locked(row),
        Reason::WaitingForWindow => {
            let closure = decision.closure.as_ref();
            Cell::worded(word, &closure.map(closed).unwrap_or_default())
        }
        _ => Cell::worded(word, &decision.message),
    }
}

/// `until 2026-01-05 09:00 UTC, outside the window …`.
fn closed(closure: &Closure) -> String {
    let Closure { until, message } = closure;
    match until {
        Some(until) => format!("until {} UTC, {message}", minute(*until)),
        None => message.clone(),
    }
}

/// The newer tag that is refused, and the platform that it lacks.
fn refused_platform(row: &Row) -> Option<&str> {
    let mut warnings = row.decision.warnings.iter();
    let warning = warnings.find(|warning| warning.code == WarningCode::WrongPlatform)?;
    Some(&warning.message)
}

/// `locked by alice: release freeze`, or `locked` if room is short.
fn locked(row: &Row) -> Cell {
    let word = Reason::Locked.as_str();
    let text = row.decision.lock.as_ref().map(lock_phrase);
    Cell::new(text.as_deref().unwrap_or(word)).shortened(word)
}

/// `locked by alice: release freeze`, without the unknown parts.
pub(crate) fn lock_phrase(lock: &Lock) -> String {
    let by = prefixed(" by ", lock.by.as_deref());
    let message = prefixed(": ", lock.message.as_deref());
    format!("{}{by}{message}", Reason::Locked)
}

/// The text with a prefix; nothing if there is no text.
fn prefixed(prefix: &str, text: Option<&str>) -> String {
    match sanitize(text.unwrap_or_default()).trim() {
        "" => String::new(),
        text => format!("{prefix}{text}"),
    }
}

/// Compares texts so that `1.9` comes before `1.10`: runs of digits by their value,
/// everything else by its characters.
pub(crate) fn compare_natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, rest_left) = split_digits(left);
            let (n, rest_right) = split_digits(right);
            let (m, n) = (m.trim_start_matches('0'), n.trim_start_matches('0'));
            // Without leading zeros the longer number is the greater one.
            let order = m.len().cmp(&n.len()).then_with(|| m.cmp(n));
            if order.is_ne() {
                return order;
            }
            (left, right) = (rest_left, rest_right);
        } else if x != y {
            return x.cmp(&y);
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_ignore_case() {
        for column in Column::ALL {
            assert_eq!(column.as_str().to_lowercase().parse(), Ok(*column));
        }
        let error = "tag".parse::<Column>().expect_err("not a column");
        assert!(
            error
                .to_string()
                .starts_with("unknown column \"tag\"; the columns are NAMESPACE, WORKLOAD")
        );
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let sorted = [
            "1.2", "1.2.0", "1.9", "1.10", "1.10-a", "a", "a2", "a10", "b",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(
                compare_natural(pair[0], pair[1]),
                Ordering::Less,
                "{pair:?}"
            );
            assert_eq!(
                compare_natural(pair[1], pair[0]),
                Ordering::Greater,
                "{pair:?}"
            );
        }
        assert_eq!(compare_natural("a01", "a1"), Ordering::Less);
    }
}
