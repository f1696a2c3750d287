//! Compares regular expressions and templates with the results of Go 1.26.

use kubectl_imgpolicy::policy::Template;
use kubectl_imgpolicy::policy::{GoRegex, GoRegexError};
use proptest::prelude::*;
use serde::Deserialize;

const TABLE: &str = include_str!("../data/conformance/go_regex.json");

#[derive(Deserialize)]
struct Table {
    /// Pattern, whether Go accepts it, searches with it.
    cases: Vec<(String, bool, Vec<Search>)>,
}

/// Text, groups (`None` if there is no match), template, expansion.
type Search = (String, Option<Vec<Option<String>>>, String, String);

fn search(regex: &GoRegex, (text, groups, template, expansion): &Search) -> Result<(), String> {
    let captures = regex.captures(text);
    if regex.is_match(text) != captures.is_some() {
        return Err(format!(
            "{regex} on {text:?}: is_match and captures disagree"
        ));
    }
    let count = groups.as_ref().map_or(0, Vec::len);
    let ours = captures.as_ref().map(|captures| {
        (0..count)
            .map(|index| captures.get(index).map(str::to_owned))
            .collect::<Vec<_>>()
    });
    if ours != *groups {
        return Err(format!("{regex} on {text:?}: {ours:?}, Go has {groups:?}"));
    }
    let template = Template::new(template).map_err(|error| error.to_string())?;
    let ours = captures.and_then(|captures| template.expand(&captures));
    match ours {
        Some(ours) if ours != *expansion => Err(format!(
            "{regex} {template} on {text:?}: {ours:?}, Go has {expansion:?}"
        )),
        _ => Ok(()),
    }
}

#[test]
fn expressions_match_as_in_go() {
    let table: Table = serde_json::from_str(TABLE).expect("the table is JSON");
    assert!(table.cases.len() > 100, "the table is complete");
    let mut differences = Vec::new();
    for (pattern, is_valid, searches) in table.cases {
        match GoRegex::new(&pattern) {
            Ok(regex) if is_valid => {
                differences.extend(
                    searches
                        .iter()
                        .filter_map(|case| search(&regex, case).err()),
                );
            }
            Err(_) if !is_valid => {}
            other => differences.push(format!("{pattern:?}: {other:?}, valid in Go: {is_valid}")),
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

#[test]
fn errors_name_the_invalid_construct() {
    let cases = [
        (
            r"^(?!.*rc)",
            "a look-ahead '(?!' at byte 1, which Go's RE2 syntax does not support",
        ),
        (
            r"(?<=v)1",
            "a look-behind '(?<=' at byte 0, which Go's RE2 syntax does not support",
        ),
        (
            r"(a)\1",
            r"a back-reference '\1' at byte 3, which Go's RE2 syntax does not support",
        ),
        (
            r"(?>a)",
            "an atomic group '(?>' at byte 0, which Go's RE2 syntax does not support",
        ),
        (
            r"(?x)a",
            "the verbose flag '(?x' at byte 0, which Go's RE2 syntax does not support",
        ),
        (
            r"\u0041",
            r"a Unicode escape '\u' at byte 0, which Go's RE2 syntax does not support",
        ),
        (
            r"a\Z",
            r"an anchor '\Z' at byte 1, which Go's RE2 syntax does not support",
        ),
        (
            "a*+",
            "a repetition of a repetition, without parentheses, '+' at byte 2, \
             which Go's RE2 syntax does not support",
        ),
        ("a{1001}", "a repeat count over 1000 '{1001}' at byte 1"),
        (
            "(a{1000}){2}",
            "nested repeats that multiply to over 1000 with '{2}' at byte 9",
        ),
        ("*-alpine", "nothing to repeat before '*' at byte 0"),
        ("a(b", "an unclosed group '(' at byte 1"),
        ("a)", "an unopened group ')' at byte 1"),
        ("a[b", "an unclosed character class '[' at byte 1"),
        ("[z-a]", "a reversed range 'z-a' at byte 1"),
        ("(?P<a.b>x)", "a malformed group name '(?P<a.b>' at byte 0"),
        (r"é\", r"a trailing backslash '\' at byte 2"),
    ];
    for (pattern, problem) in cases {
        let error = GoRegex::new(pattern).expect_err(pattern);
        assert_eq!(
            error.to_string(),
            format!("the regular expression has {problem}")
        );
    }
}

#[test]
fn oversized_program_is_rejected() {
    for bomb in [
        r"\pL{1000}".repeat(50),
        "(?:a{900}|b{900}|[^é]{900}){1}".repeat(300),
    ] {
        assert_eq!(GoRegex::new(&bomb), Err(GoRegexError::TooLarge));
    }
}

/// Texts that are often valid expressions.
fn any_pattern() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[a-c0-2.*+?|^$()\\[\\]{}&~<>-]",
        r"\\[a-zA-Z0-9QE.]",
        r"\{[0-9]{1,4},?[0-9]{0,4}\}",
        r"\(\?[imsUx<P:!=-]{1,3}",
        r"\[\^?[a-z-]{0,2}\[?:?\\?[a-z]",
        "\\PC",
    ];
    proptest::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_rejected(pattern in any_pattern(), text in "\\PC{0,12}") {
        match GoRegex::new(&pattern) {
            Ok(regex) => {
                prop_assert_eq!(regex.as_str(), &pattern);
                prop_assert_eq!(regex.is_match(&text), regex.captures(&text).is_some());
            }
            // The translator rejects everything that the engine would reject.
            Err(error) => {
                let refused = matches!(error, GoRegexError::Refused { .. });
                prop_assert!(!refused, "{}", error);
                prop_assert!(!error.to_string().contains('\n') || pattern.contains('\n'));
            }
        }
    }

    #[test]
    fn quoted_text_matches_only_itself(quoted in "[ -~é]{0,12}", text in "[ -~é]{0,12}") {
        prop_assume!(!quoted.contains("\\E"));
        let regex = GoRegex::new(&format!("^\\Q{quoted}\\E$")).expect("a quotation is valid");
        // A backslash at the end would escape the backslash of the closing mark.
        if !quoted.ends_with('\\') {
            prop_assert!(regex.is_match(&quoted));
            prop_assert_eq!(regex.is_match(&text), text == quoted);
        }
    }

    #[test]
    fn template_without_a_dollar_is_unchanged(template in "[^$]{0,20}") {
        let regex = GoRegex::new("").expect("it is valid");
        let captures = regex.captures("x").expect("it matches");
        let template = Template::new(&template).expect("it is short");
        let expanded = template.expand(&captures);
        prop_assert_eq!(expanded.as_deref(), Some(template.as_str()));
    }

    #[test]
    fn any_template_can_be_expanded(template in "[$${}a1é-]{0,12}") {
        let regex = GoRegex::new("(?P<a>x)").expect("it is valid");
        let captures = regex.captures("x").expect("it matches");
        let dollars = Template::new(&template.replace('$', "$$")).expect("it is short");
        prop_assert_eq!(dollars.expand(&captures), Some(template.clone()));
        let template = Template::new(&template).expect("it is short");
        prop_assert!(template.expand(&captures).is_some());
    }
}
