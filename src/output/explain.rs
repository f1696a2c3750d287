//! The report of `explain`.

use jiff::Timestamp;

use super::candidates::{TagColumn, phrase, relevant_columns, tag_table};
use super::columns::{current, version};
use super::sentence::{Explained, RepeatedFlags, next_step, sentence};
use super::text::elide::{elide_middle, wrap};
use super::text::plural::{count, thousands};
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::text::time::{age, rfc3339};
use crate::evaluator::{
    AgeClock, Candidate, CandidateVerdict, Examination, FunnelStep, Outcome, PolicySummary, Row,
    State,
};
use crate::image::{CreatedFrom, Digest, SourceKind};
use crate::policy::Rejection;

/// Options of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainOptions {
    /// How many of the best tags to show; 0 shows all.
    pub limit: usize,
    /// The tag for which to explain why it was not chosen. It need not exist.
    pub tag: Option<String>,
    /// The flags that the suggested command must repeat.
    pub flags: RepeatedFlags,
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self {
            limit: 10,
            tag: None,
            flags: RepeatedFlags::default(),
        }
    }
}

/// The report for one container: the decision in a sentence, the steps from all tags
/// to the elected one, the best tags, the policy, the facts, the warnings, and the
/// next command.
#[must_use]
pub fn explain(
    explained: &Explained<'_>,
    now: Timestamp,
    options: &ExplainOptions,
    style: &Style,
) -> String {
    let Explained {
        row, examination, ..
    } = *explained;
    let mut parts = vec![head(explained, style)];
    if examination.tags > 0 || !examination.candidates.is_empty() {
        parts.push(paragraph(&funnel(examination), style));
        if let Some(tag) = &options.tag {
            parts.push(paragraph(&why_not(examination, tag, now), style));
        }
        let columns = [
            TagColumn::Current,
            TagColumn::Tag,
            TagColumn::Verdict,
            TagColumn::Created,
            TagColumn::Age,
            TagColumn::Reason,
        ];
        parts.push(tag_table(
            &examination.candidates,
            options.limit,
            &relevant_columns(examination, &columns),
            true,
            now,
            style,
        ));
    }
    parts.push(facts(row, now, style));
    if let Some(next) = next_step(explained, &options.flags) {
        // The command is never wrapped, so that it can be pasted.
        let next = sanitize(&next);
        parts.push(format!("Next: {}\n", style.paint(Paint::Strong, &next)));
    }
    parts.join("\n")
}

fn paragraph(text: &str, style: &Style) -> String {
    format!("{}\n", wrap(text, style.width, 2))
}

fn head(explained: &Explained<'_>, style: &Style) -> String {
    let row = explained.row;
    let title = format!(
        "{} container {} in namespace {}",
        row.workload, row.container, row.workload.namespace
    );
    let paint = match (row.decision.state, row.decision.outcome) {
        (_, Outcome::Update) if explained.prevented_by.is_some() => Paint::Caution,
        (_, Outcome::Update) => Paint::Good,
        (_, Outcome::Unknown) => Paint::Bad,
        (State::Locked, _) => Paint::Caution,
        _ => Paint::Plain,
    };
    let title = wrap(&sanitize(&title), style.width, 2);
    let sentence = sentence(row, explained.prevented_by);
    let title = paint_lines(&title, Paint::Strong, style);
    title + &paint_lines(&wrap(&sentence, style.width, 2), paint, style)
}

/// Colours each line on its own, so that a pager can cut between any two.
fn paint_lines(text: &str, paint: Paint, style: &Style) -> String {
    let lines = text
        .lines()
        .map(|line| format!("{}\n", style.paint(paint, line)));
    lines.collect()
}

/// `1,204 tags → 310 match the pattern → 22 are allowed → 1 is elected`.
fn funnel(examination: &Examination) -> String {
    let mut text = count(examination.tags, "tag");
    for step in &examination.funnel {
        text.push_str(&format!(" → {} {}", thousands(step.left), survivors(step)));
    }
    if elected(examination).is_some() {
        text.push_str(" → 1 is elected");
    }
    text
}

/// Why a test let these tags pass. The plural is in [`Rejection::survivors`].
fn survivors(step: &FunnelStep) -> &'static str {
    if step.left != 1 {
        return step.test.survivors();
    }
    match step.test {
        Rejection::ArtifactTag => "is not a signature tag",
        Rejection::Latest => "is not latest",
        Rejection::Filtered => "matches the tag filter",
        Rejection::NotAllowed => "is allowed",
        Rejection::Ignored => "is not ignored",
        Rejection::ExtractTooLong => "gives a short extracted text",
        Rejection::NoIdentifier => "begins with the identifier",
        Rejection::NoMatch => "matches the pattern",
        Rejection::NoVersion => "is a version",
        Rejection::PartialVersion => "has enough numeric parts",
        Rejection::OutOfRange => "is in range",
        Rejection::PreRelease => "is not a pre-release",
        Rejection::NoNumber => "is a number",
        Rejection::OlderByPushTime => "was pushed late enough",
        Rejection::NoManifest => "has a manifest",
        Rejection::NoConfig => "has a config",
        Rejection::CannotBePulled => "is not blocked",
        Rejection::TooLarge => "is not too large",
        Rejection::NotAnImage => "is an image",
        Rejection::NoCreationTime => "has a creation time",
        Rejection::WrongPlatform => "supports the platforms",
        Rejection::TooYoung => "is old enough",
        Rejection::FailedBefore => "has not failed before",
    }
}

/// The elected candidate.
fn elected(examination: &Examination) -> Option<&Candidate> {
    examination
        .candidates
        .iter()
        .find(|candidate| candidate.verdict == CandidateVerdict::Elected)
}

/// Why a tag was not chosen, or that it is the elected one.
fn why_not(examination: &Examination, tag: &str, now: Timestamp) -> String {
    let candidates = &examination.candidates;
    let Some(candidate) = candidates
        .iter()
        .find(|candidate| candidate.tag.as_str() == tag)
    else {
        return format!("The repository has no tag {}", sanitize(tag));
    };
    let tag = sanitize(tag);
    match (candidate.rejection, candidate.rank, elected(examination)) {
        (Some(rejection), ..) => {
            format!(
                "{tag} was not chosen: it {}",
                phrase(candidate, rejection, now)
            )
        }
        _ if candidate.verdict == CandidateVerdict::Elected => format!("{tag} is the elected tag"),
        (None, Some(rank), Some(elected)) => {
            let passing = candidates
                .iter()
                .filter(|other| other.rank.is_some())
                .count();
            format!(
                "{tag} was not chosen: it is accepted, but ranks {} of {}, behind {}",
                thousands(rank),
                thousands(passing),
                elected.tag
            )
        }
        _ => format!("{tag} is accepted, but no tag is elected"),
    }
}

/// The column where the values of the facts begin, after the longest name.
const INDENT: usize = 13;

/// The policy, the source of each fact, and the warnings.
fn facts(row: &Row, now: Timestamp, style: &Style) -> String {
    let decision = &row.decision;
    let mut lines = vec![
        ("Image", row.image.clone()),
        ("State", decision.state.to_string()),
    ];
    lines.push((
        "Policy",
        decision.policy.as_ref().map_or("none".to_owned(), policy),
    ));
    lines.extend(
        decision
            .closure
            .as_ref()
            .map(|closure| ("Window", closure.to_string())),
    );
    if let Some(facts) = &decision.facts {
        let running = current(&row.image).unwrap_or_else(|| "untagged".to_owned());
        let created = facts.current_created;
        let created = created.map(|at| created_at(at, facts.current_created_from, now));
        let digest = facts.current_digest.as_ref().map(|d| short(d, style));
        lines.push(("Running", join_parts([Some(running), created, digest])));
        if let Some(latest) = decision.latest.as_ref().and_then(version) {
            let created = facts.latest_created;
            let created = created.map(|at| created_at(at, facts.latest_created_from, now));
            let digest = facts.latest_digest.as_ref().map(|d| short(d, style));
            lines.push(("Elected", join_parts([Some(latest), created, digest])));
        }
        lines.extend(facts.compare.clone().map(|url| ("Compare", url)));
        if let Some(clock) = facts.age_clock {
            lines.push(("Age", age_clock(clock).to_owned()));
        }
        let fetched = facts.asked_at.map(|at| format!(" at {}", moment(at, now)));
        let place = facts.place.as_ref().map(|place| format!(", as {place}"));
        let source = [Some(source(facts.source).to_owned()), fetched, place];
        lines.push(("Source", source.into_iter().flatten().collect()));
    }
    if let Some(suggestion) = &decision.suggestion {
        lines.push((
            "Assumed",
            format!("{}: {}", policy(&suggestion.policy), suggestion.message),
        ));
    }
    lines.extend(
        row.managed_by
            .as_ref()
            .map(|owner| ("Managed by", owner.to_string())),
    );
    lines.extend(
        row.source
            .as_ref()
            .map(|source| ("File", format!("{}:{}", source.file, source.line))),
    );
    lines.extend(
        row.declared
            .as_ref()
            .map(|declared| ("In Git", declared.image.clone())),
    );
    lines.extend(row.written_at.iter().map(|place| {
        let shown = if place.is_in_cluster() {
            place.to_string()
        } else {
            format!("{place} ({})", place.key)
        };
        ("Written at", shown)
    }));
    let mut text: String = lines
        .iter()
        .map(|(name, value)| field(name, value, style))
        .collect();
    for warning in &decision.warnings {
        let warning = format!("{}: {}", warning.code, warning.message);
        text.push_str(&paint_lines(
            field("Warning", &warning, style).trim_end(),
            Paint::Caution,
            style,
        ));
    }
    text
}

/// `semver:~1.0 in semver order, from annotation fluxcd.io/tag.app`.
fn policy(policy: &PolicySummary) -> String {
    let PolicySummary {
        filter,
        order,
        origin,
    } = policy;
    let from = if origin.starts_with("implied") {
        ""
    } else {
        "from "
    };
    format!("{filter} in {order} order, {from}{origin}")
}

/// The parts that are known, separated by commas.
fn join_parts(parts: [Option<String>; 3]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// When an image was built, and according to what.
fn created_at(at: Timestamp, from: Option<CreatedFrom>, now: Timestamp) -> String {
    format!("created {}{}", moment(at, now), created_from(from))
}

/// The digest, cut to fit on one line: one that is split over two lines could not be
/// copied either.
fn short(digest: &Digest, style: &Style) -> String {
    let room = style.width.map(|width| width.saturating_sub(INDENT));
    elide_middle(&digest.to_string(), room.unwrap_or(usize::MAX))
}

/// What the build time is read from, to follow that time.
fn created_from(from: Option<CreatedFrom>) -> &'static str {
    match from {
        Some(CreatedFrom::IndexAnnotation) => " according to the index annotation",
        Some(CreatedFrom::ManifestAnnotation) => " according to the manifest annotation",
        Some(CreatedFrom::Label) => " according to its label",
        Some(CreatedFrom::Config) => " according to its config",
        Some(CreatedFrom::Given) => " as given",
        None => "",
    }
}

/// The time from which the age of the elected image is counted.
fn age_clock(clock: AgeClock) -> &'static str {
    match clock {
        AgeClock::Push => "counted from the push time that the registry reports",
        AgeClock::LastModified => "counted from the registry's Last-Modified header",
        AgeClock::FirstSeen => "counted from when the cache first saw it",
        AgeClock::Image => {
            "counted from the creation date in the image, which anyone who can push it can set"
        }
    }
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        return rfc3339(at);
    }
    format!("{} ({} ago)", rfc3339(at), age(at, now))
}

fn source(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Registry => "the registry",
        SourceKind::Cache => "the cache, from the registry",
        SourceKind::OciLayout => "the OCI layout",
        SourceKind::Given => "the given tags",
    }
}

/// `Policy:      semver:~1.0`, as in `kubectl describe`.
fn field(name: &str, value: &str, style: &Style) -> String {
    let label = format!("{name}:");
    let value = sanitize(value);
    // Wrapping would remove the label's padding, so only the value is wrapped.
    let room = style.width.map(|width| width.saturating_sub(INDENT).max(1));
    let value = wrap(value.trim(), room, 0).replace('\n', &format!("\n{}", " ".repeat(INDENT)));
    format!("{label:<INDENT$}{value}\n")
}
