//! The policy that fits a tag: it elects only tags of the same shape.

use super::tag_shape::{ShapePiece, TagShape};
use crate::policy::rule::Rule;
use crate::policy::syntax::decimal::Decimal;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;
use crate::policy::syntax::version::TagVersion;

/// A rule, and the expression that all tags of the shape match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FittedPolicy {
    /// `semver:^1.2`.
    pub(crate) rule: String,
    /// The expression, with the part that the rule reads as groups.
    pub(crate) pattern: String,
    /// The template of what the rule reads; `None` for the whole tag.
    pub(crate) extract: Option<String>,
    /// The tags as a glob, for display: `amd64-*`. A `*` if the rule says enough.
    pub(crate) glob: String,
    /// The suffix, if the tag is a version of three numbers that ends in a variant.
    pub(crate) variant: Option<String>,
    /// Whether the rule alone elects tags of the same shape, but for a `v`.
    pub(crate) rule_suffices: bool,
}

impl FittedPolicy {
    /// The policy that fits a tag; `None` if nothing in the tag counts up.
    pub(crate) fn of(tag: &str) -> Option<Self> {
        let shape = TagShape::read(tag);
        let policy = if !shape.numbers.is_empty() {
            of_version(&shape)
        } else if shape.has_commit() {
            Some(of_commit(&shape))
        } else {
            of_build(tag)
        };
        policy.filter(|policy| policy.accepts(tag))
    }

    /// Whether the policy accepts the tag that it was made for. It does not if a number is
    /// too large for a version.
    fn accepts(&self, tag: &str) -> bool {
        let (Ok(rule), Ok(pattern)) = (Rule::parse(&self.rule), GoRegex::new(&self.pattern)) else {
            return false;
        };
        let Some(captures) = pattern.captures(tag) else {
            return false;
        };
        let key = match self.extract.as_deref().map(Template::new) {
            Some(Ok(template)) => template.expand(&captures).unwrap_or_default(),
            Some(Err(_)) => return false,
            None => tag.to_owned(),
        };
        match rule {
            Rule::Semver(range) => key
                .parse::<TagVersion>()
                .is_ok_and(|version| range.matches(&version)),
            Rule::Numerical(_) => key.parse::<Decimal>().is_ok(),
            Rule::Glob(glob) => glob.is_match(&key),
            Rule::Regex(regex) => regex.is_match(&key),
            Rule::Alphabetical(_) | Rule::Pin(_) | Rule::Follow(_) => true,
        }
    }
}

/// Commits have no order, so the newest image is elected.
fn of_commit(shape: &TagShape<'_>) -> FittedPolicy {
    let pattern = format!("^{}$", fixed(&shape.before));
    FittedPolicy {
        rule: format!("regex:{pattern}"),
        pattern,
        extract: None,
        glob: "*".to_owned(),
        variant: None,
        rule_suffices: true,
    }
}

/// The shortest text that is taken for a build identifier such as `4s7bsgv`.
const SHORTEST_BUILD: usize = 6;

/// A build tag with an identifier that is not a commit: `stg-4s7bsgv`.
fn of_build(tag: &str) -> Option<FittedPolicy> {
    let (prefix, build) = tag.split_at(tag.rfind(['-', '_', '.'])? + 1);
    let is_word = build.bytes().all(|b| b.is_ascii_alphanumeric());
    let has_digit = build.bytes().any(|b| b.is_ascii_digit());
    if !is_word || !has_digit || build.len() < SHORTEST_BUILD {
        return None;
    }
    let escaped = escaped(prefix);
    Some(FittedPolicy {
        rule: format!("glob:{prefix}*"),
        pattern: format!("^{escaped}[0-9A-Za-z]*[0-9][0-9A-Za-z]*$"),
        extract: None,
        glob: "*".to_owned(),
        variant: None,
        rule_suffices: true,
    })
}

fn of_version(shape: &TagShape<'_>) -> Option<FittedPolicy> {
    let is_bare = shape.after.is_empty() && matches!(shape.prefix(), Some("" | "v"));
    let (core, more) = shape.numbers.split_at(shape.numbers.len().min(3));
    let mut version = match core {
        [number] => format!("[0-9]{}", width(number.len())),
        _ => vec!["[0-9]+"; core.len()].join(r"\."),
    };
    let mut counters = Counters::default();
    let more: String = more
        .iter()
        .map(|n| format!(r"\.{}", counters.add(n, true)))
        .collect();
    let after: String = shape
        .after
        .iter()
        .map(|piece| match piece {
            ShapePiece::Counter { digits, has_word } => counters.add(digits, *has_word),
            piece => fixed(&[*piece]),
        })
        .collect();
    let has_counters = !counters.references.is_empty();
    if let Some(stage) = shape.stage {
        // A release supersedes its candidates.
        let stage = stage_pattern(stage);
        let optional = if has_counters { "" } else { "?" };
        version.push_str(&format!("(?:{stage}){optional}"));
    }
    let before = fixed(&shape.before);
    let rule = rule(shape, core, has_counters)?;
    let (pattern, extract) = if is_bare && !has_counters {
        (format!("^{before}{version}$"), None)
    } else {
        let joint = if shape.stage.is_some() { '.' } else { '-' };
        let extract = if has_counters {
            format!("${{version}}{joint}{}", counters.references.join("."))
        } else {
            "$version".to_owned()
        };
        let pattern = format!("^{before}(?P<version>{version}){more}{after}$");
        (pattern, Some(extract))
    };
    let is_release = core.len() == 3 && !has_counters && shape.stage.is_none();
    Some(FittedPolicy {
        rule,
        pattern,
        extract,
        glob: glob(shape),
        variant: variant(shape).filter(|_| is_release),
        rule_suffices: is_bare && is_release,
    })
}

/// The rule that reads the version, followed by the counters if there are any.
fn rule(shape: &TagShape<'_>, core: &[&str], has_counters: bool) -> Option<String> {
    let major: u64 = match core[0].parse() {
        Ok(major) => major,
        // A single number of any length can be compared.
        Err(_) if core.len() == 1 && !has_counters => return Some("numerical".to_owned()),
        Err(_) => return None,
    };
    // A date does not have compatible versions.
    if core.len() == 1 || core[0].len() > LONGEST_MAJOR {
        let is_number = core.len() == 1 && shape.stage.is_none() && !has_counters;
        let is_version =
            shape.prefix() == Some("v") || shape.before.is_empty() && !shape.after.is_empty();
        return Some(match (is_number && !is_version, has_counters) {
            (true, _) => "numerical".to_owned(),
            (false, false) if shape.stage.is_none() => "semver:*".to_owned(),
            (false, _) => "semver:>=0.0.0-0".to_owned(),
        });
    }
    let minor: u64 = core[1].parse().ok()?;
    Some(match shape.stage {
        Some(stage) if !has_counters => format!("semver:^{}{stage}", core.join(".")),
        _ if !has_counters => format!("semver:^{major}.{minor}"),
        // The counters are read as a pre-release, so the range has to include those.
        _ if major == 0 => format!("semver:~0.{minor}.0-0"),
        _ => format!("semver:^{major}.{minor}.0-0"),
    })
}

/// The length of the longest number that is taken for a major version or a year.
const LONGEST_MAJOR: usize = 4;

/// The suffix, if it is the text of a variant: `alpine` in `1.2.3-alpine`.
fn variant(shape: &TagShape<'_>) -> Option<String> {
    let ("" | "v", [ShapePiece::Text(suffix)]) = (shape.prefix()?, shape.after.as_slice()) else {
        return None;
    };
    Some(suffix.strip_prefix('-')?.to_owned())
}

/// The length of the shortest date: `20240115`.
const SHORTEST_DATE: usize = 8;

/// The numbers after the version, as the groups of the pattern.
#[derive(Default)]
struct Counters {
    /// `${n1}`.
    references: Vec<String>,
}

impl Counters {
    /// The expression of one more number.
    fn add(&mut self, digits: &str, has_word: bool) -> String {
        let name = format!("n{}", self.references.len() + 1);
        self.references.push(format!("${{{name}}}"));
        // A number in a pre-release must not have leading zeros.
        let is_padded = digits.len() > 1 && digits.starts_with('0');
        let is_part_of_date = !has_word && matches!(digits.len(), 2 | 6);
        let zeros = if is_padded || is_part_of_date {
            "0*"
        } else {
            ""
        };
        let width = match digits.len() {
            _ if has_word => "+".to_owned(),
            1..SHORTEST_DATE => format!("{{1,{}}}", SHORTEST_DATE - 1),
            length => width(length),
        };
        format!("{zeros}(?P<{name}>[0-9]{width})")
    }
}

/// How many digits a number may have that has `length` digits now. One that is too short
/// for a date does not become one, and a date has as many digits as any other date.
fn width(length: usize) -> String {
    match length {
        7 | 8 | 12 | 14 => format!("{{{length}}}"),
        _ => format!("{{{length},{}}}", length + 1),
    }
}

/// The expression of a stage and of those that usually come before or after it.
fn stage_pattern(stage: &str) -> String {
    let word: String = stage
        .chars()
        .skip(1)
        .take_while(char::is_ascii_alphabetic)
        .collect();
    let rest = &stage[1 + word.len()..];
    let words = match word.as_str() {
        "alpha" | "beta" | "rc" => "(?:alpha|beta|rc)",
        word => word,
    };
    let number = rest.trim_start_matches(['.', '-']);
    let separator = escaped(&rest[..rest.len() - number.len()]);
    let number = if number.is_empty() { "" } else { "[0-9]+" };
    format!("-{words}{separator}{number}")
}

fn fixed(pieces: &[ShapePiece<'_>]) -> String {
    let parts = pieces.iter().map(|piece| match piece {
        ShapePiece::Text(text) => escaped(text),
        ShapePiece::Commit(length) => format!("[0-9a-f]{{{length}}}"),
        ShapePiece::Counter { .. } => "[0-9]+".to_owned(),
    });
    parts.collect()
}

/// The tags as a glob. The `v` of a version and the numbers that the rule names are left
/// out.
fn glob(shape: &TagShape<'_>) -> String {
    let pieces = |pieces: &[ShapePiece<'_>]| -> String {
        let parts = pieces.iter().map(|piece| match piece {
            ShapePiece::Text(text) => text,
            ShapePiece::Commit(_) | ShapePiece::Counter { .. } => "*",
        });
        parts.collect()
    };
    let before = match shape.prefix() {
        Some("v") => String::new(),
        _ => pieces(&shape.before),
    };
    let more = ".*".repeat(shape.numbers.len().saturating_sub(3));
    let version = if more.is_empty() { "*" } else { "*.*.*" };
    format!("{before}{version}{more}{}", pieces(&shape.after))
}

/// A regular expression that matches the text. A hyphen does not need an escape.
pub(crate) fn escaped(text: &str) -> String {
    regex::escape(text).replace(r"\-", "-")
}
