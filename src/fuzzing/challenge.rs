//! `WWW-Authenticate`: one header value per line of the input.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use crate::registry::challenge::Challenge;

/// A chosen challenge is understood in every spelling of it, whatever surrounds it; and
/// the choice among several headers follows from the choice in each of them.
pub fn challenge(input: &[u8]) {
    let values: Vec<HeaderValue> = input
        .split(|byte| *byte == b'\n')
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
        .collect();
    let chosen = choose(&values);
    let each: Vec<Challenge> = values
        .iter()
        .filter_map(|value| choose(std::slice::from_ref(value)))
        .collect();
    let first_bearer = each.iter().find(|one| is_bearer(one));
    assert_eq!(
        chosen.as_ref().map(is_bearer),
        each.first().map(|_| first_bearer.is_some()),
        "Bearer is preferred, and nothing else is invented"
    );
    let Some(chosen) = chosen else { return };
    if let Some(first) = first_bearer {
        assert_eq!(&chosen, first, "the first Bearer challenge is chosen");
    }
    for text in spellings(&chosen) {
        let value = HeaderValue::from_str(&text).expect("a challenge has only visible text");
        assert_eq!(choose(&[value]).as_ref(), Some(&chosen), "{text}");
    }
    let bare = chosen.without_scope();
    assert_eq!(bare.without_scope(), bare);
}

fn choose(values: &[HeaderValue]) -> Option<Challenge> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(WWW_AUTHENTICATE, value.clone());
    }
    Challenge::choose(&headers)
}

fn is_bearer(challenge: &Challenge) -> bool {
    matches!(challenge, Challenge::Bearer { .. })
}

/// Header values that mean the same challenge (RFC 9110, 11.2 and 11.6.1): names are
/// case-insensitive, parameters have any order, and other challenges may surround it.
fn spellings(challenge: &Challenge) -> Vec<String> {
    let Challenge::Bearer {
        realm,
        service,
        scope,
    } = challenge
    else {
        return vec![
            "Basic".to_owned(),
            "bAsIc realm=\"a, b\"".to_owned(),
            "Negotiate, BASIC".to_owned(),
        ];
    };
    let mut parameters = vec![("realm", realm)];
    parameters.extend(service.as_ref().map(|service| ("service", service)));
    parameters.extend(scope.as_ref().map(|scope| ("scope", scope)));
    let plain: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    let upper: Vec<String> = parameters
        .iter()
        .rev()
        .map(|(name, value)| format!("{} = {}", name.to_ascii_uppercase(), quoted(value)))
        .collect();
    let (plain, upper) = (plain.join(","), upper.join(" , "));
    vec![
        format!("Bearer {plain}"),
        format!("bEARER  {upper}"),
        format!("Basic realm=\"x, y\", BEARER {plain},error=\"invalid_token\""),
        format!("Negotiate, bearer {upper}, Basic realm=\"Bearer realm=z\""),
    ]
}

/// A quoted string of RFC 9110, 5.6.4.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
