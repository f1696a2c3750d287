//! The report of `explain`.

use jiff::Timestamp;

use super::candidates::{TagColumn, columns_of, phrase, tag_table};
use super::columns::{current, version};
use super::sentence::{RepeatedFlags, next_step, sentence};
use super::text::elide::{elide_middle, wrap};
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::text::time::{age, count, rfc3339, thousands};
use crate::evaluator::{
    AgeClock, CandidateVerdict, Examination, FunnelStep, Outcome, PolicySummary, Row, State,
};
use crate::image::{CreatedFrom, Digest, SourceKind};
use crate::policy::Rejection;

/// What the user chose of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainOptions {
    /// How many of the best tags are shown; 0 is all.
    pub limit: usize,
    /// The tag of which to say why it was not chosen. It need not exist.
    pub tag: Option<String>,
    /// What the suggested command has to repeat.
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

/// The report of one container: the verdict in a sentence, the way from all
/// tags to the elected one, the best tags, the policy, the facts, the warnings
/// and the next command.
#[must_use]
pub fn explain(
    row: &Row,
    examination: &Examination,
    now: Timestamp,
    options: &ExplainOptions,
    style: &Style,
) -> String {
    let mut parts = vec![head(row, style)];
    if examination.tags > 0 || !examination.candidates.is_empty() {
        parts.push(format!("{}\n", wrap(&funnel(examination), style.width, 2)));
        if let Some(tag) = &options.tag {
            parts.push(format!(
                "{}\n",
                wrap(&why_not(examination, tag, now), style.width, 2)
            ));
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
            &columns_of(examination, &columns),
            true,
            now,
            style,
        ));
    }
    parts.push(facts(row, now, style));
    let next = next_step(row, &options.flags);
    // The command is never wrapped, so that it can be pasted.
    parts.extend(
        next.map(|next| format!("Next: {}\n", style.paint(Paint::Strong, &sanitize(&next)))),
    );
    parts.join("\n")
}

fn head(row: &Row, style: &Style) -> String {
    let title = format!(
        "{} container {} in namespace {}",
        row.workload, row.container, row.workload.namespace
    );
    let paint = match (row.decision.state, row.decision.outcome) {
        (_, Outcome::Update) => Paint::Good,
        (_, Outcome::Unknown) => Paint::Bad,
        (State::Locked, _) => Paint::Caution,
        _ => Paint::Plain,
    };
    let title = wrap(&sanitize(&title), style.width, 2);
    format!("{}{}", painted(&title, Paint::Strong, style), {
        painted(&wrap(&sentence(row), style.width, 2), paint, style)
    })
}

/// Every line in this colour, each for itself, so that a pager may cut
/// anywhere.
fn painted(text: &str, paint: Paint, style: &Style) -> String {
    let lines = text
        .lines()
        .map(|line| format!("{}\n", style.paint(paint, line)));
    lines.collect()
}

/// `1,204 tags → 310 match the pattern → 22 are no pre-releases → 1 is elected`.
fn funnel(examination: &Examination) -> String {
    let mut text = count(examination.tags, "tag");
    for step in &examination.funnel {
        text.push_str(&format!(" → {} {}", thousands(step.left), survivors(step)));
    }
    let is_elected = |verdict: CandidateVerdict| matches!(verdict, CandidateVerdict::Elected);
    if examination
        .candidates
        .iter()
        .any(|candidate| is_elected(candidate.verdict))
    {
        text.push_str(" → 1 is elected");
    }
    text
}

/// What the remaining tags are; English has another verb for one of them.
fn survivors(step: &FunnelStep) -> &'static str {
    if step.left != 1 {
        return step.test.survivors();
    }
    match step.test {
        Rejection::ArtifactTag => "is not that of a signature",
        Rejection::Latest => "is not latest",
        Rejection::Filtered => "matches the tag filter",
        Rejection::NotAllowed => "is allowed",
        Rejection::Ignored => "is not ignored",
        Rejection::NoIdentifier => "begins with the identifier",
        Rejection::NoMatch => "matches the pattern",
        Rejection::NoVersion => "is a version",
        Rejection::PartialVersion => "has enough numeric parts",
        Rejection::OutOfRange => "is in range",
        Rejection::PreRelease => "is no pre-release",
        Rejection::NoNumber => "is a number",
        Rejection::OlderByPushTime => "was pushed late enough",
        Rejection::NoManifest => "has a manifest",
        Rejection::CannotBePulled => "is not blocked",
        Rejection::TooLarge => "is of a sensible size",
        Rejection::NotAnImage => "is an image",
        Rejection::NoCreationTime => "has a creation time",
        Rejection::WrongPlatform => "fits the platforms",
        Rejection::TooYoung => "is old enough",
    }
}

/// Why a tag was not chosen, or that it was.
fn why_not(examination: &Examination, tag: &str, now: Timestamp) -> String {
    let candidates = &examination.candidates;
    let Some(candidate) = candidates
        .iter()
        .find(|candidate| candidate.tag.as_str() == tag)
    else {
        return format!("The repository lists no tag {}", sanitize(tag));
    };
    let tag = sanitize(tag);
    let elected = candidates
        .iter()
        .find(|other| other.verdict == CandidateVerdict::Elected);
    match (candidate.rejection, candidate.rank, elected) {
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
                "{tag} was not chosen: it passes and ranks {} of {}, behind {}",
                thousands(rank),
                thousands(passing),
                elected.tag
            )
        }
        _ => format!("{tag} passes, and no tag is elected"),
    }
}

/// Where the values of the facts begin, behind the longest name.
const INDENT: usize = 13;

/// The policy, where everything comes from, and the warnings.
fn facts(row: &Row, now: Timestamp, style: &Style) -> String {
    let decision = &row.decision;
    // A digest that is broken over two lines cannot be copied either.
    let room = style.width.map(|width| width.saturating_sub(INDENT));
    let mut lines = vec![
        ("Image", row.image.clone()),
        ("State", decision.state.to_string()),
    ];
    lines.push((
        "Policy",
        decision.policy.as_ref().map_or("none".to_owned(), policy),
    ));
    if let Some(facts) = &decision.facts {
        let running = current(&row.image).unwrap_or_else(|| "untagged".to_owned());
        let image = |version, created: Option<Timestamp>, from, digest: Option<&Digest>| {
            let created = created.map(|at| format!("created {}{}", moment(at, now), place(from)));
            let digest =
                digest.map(|digest| elide_middle(&digest.to_string(), room.unwrap_or(usize::MAX)));
            let parts: Vec<String> = [Some(version), created, digest]
                .into_iter()
                .flatten()
                .collect();
            parts.join(", ")
        };
        lines.push((
            "Running",
            image(
                running,
                facts.current_created,
                facts.current_created_from,
                facts.current_digest.as_ref(),
            ),
        ));
        if let Some(latest) = decision.latest.as_ref().and_then(version) {
            let latest = image(
                latest,
                facts.latest_created,
                facts.latest_created_from,
                facts.latest_digest.as_ref(),
            );
            lines.push(("Elected", latest));
        }
        if let Some(clock) = facts.age_clock {
            lines.push(("Age", age_clock(clock).to_owned()));
        }
        let asked = facts
            .asked_at
            .map(|at| format!(" at {}", moment(at, now)))
            .unwrap_or_default();
        let place = facts.place.as_ref();
        let place = place.map_or_else(String::new, |place| format!(", as {place}"));
        lines.push(("Asked", format!("{}{asked}{place}", source(facts.source))));
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
    let line =
        |source: &crate::workload::ManifestSource| format!("{}:{}", source.file, source.line);
    lines.extend(row.source.as_ref().map(|source| ("File", line(source))));
    let mut text: String = lines
        .iter()
        .map(|(name, value)| field(name, value, style))
        .collect();
    for warning in &decision.warnings {
        let warning = format!("{}: {}", warning.code, warning.message);
        text.push_str(&painted(
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

/// Which place names the time of a build, behind the time.
fn place(from: Option<CreatedFrom>) -> &'static str {
    match from {
        Some(CreatedFrom::IndexAnnotation) => " by the index's annotation",
        Some(CreatedFrom::ManifestAnnotation) => " by the manifest's annotation",
        Some(CreatedFrom::Label) => " by its label",
        Some(CreatedFrom::Config) => " by its config",
        Some(CreatedFrom::Given) => " as given",
        None => "",
    }
}

/// What the age of the elected image counts from.
fn age_clock(clock: AgeClock) -> &'static str {
    match clock {
        AgeClock::Push => "counts from its push, as the registry tells it",
        AgeClock::LastModified => "counts from the registry's Last-Modified",
        AgeClock::FirstSeen => "counts from when the cache first saw it",
        AgeClock::Image => "counts from the image's own date, which whoever pushes it can set",
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
        SourceKind::Cache => "the registry, as the cache remembers,",
        SourceKind::OciLayout => "the OCI layout",
        SourceKind::Given => "the given tags",
    }
}

/// `Policy:      semver:~1.0`, as in `kubectl describe`.
fn field(name: &str, value: &str, style: &Style) -> String {
    let label = format!("{name}:");
    let value = sanitize(value);
    // The label's padding would be lost between words, so it is put in front
    // of the wrapped value.
    let room = style.width.map(|width| width.saturating_sub(INDENT).max(1));
    let value = wrap(value.trim(), room, 0).replace('\n', &format!("\n{}", " ".repeat(INDENT)));
    format!("{label:<INDENT$}{value}\n")
}
