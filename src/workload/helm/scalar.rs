//! How Helm converts a plain scalar.
//!
//! The values of a release are converted from YAML to JSON by Go's
//! `sigs.k8s.io/yaml`. The JSON is then read with every number as a 64-bit float,
//! and a template prints it in Go's format. So `1.20` becomes `1.2`, `0362525` is
//! octal, `20190523` becomes `2.0190523e+07`, and `12e5678` and `2024-01-01` are
//! strings.

use serde_json::{Number, Value};

/// The JSON value that Go's YAML reads from a plain scalar (without quotes).
#[must_use]
pub fn plain_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let number = integer(text).or_else(|| float(text));
    number.map_or_else(|| Value::from(text), Value::Number)
}

/// The text that a template prints for a value; `None` for null, lists and
/// mappings.
#[must_use]
pub fn printed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => number.as_f64().map(print_float),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Parses an integer: decimal, or with the base prefix of a Go literal, including a
/// single leading zero. Underscores are allowed between the digits.
fn integer(text: &str) -> Option<Number> {
    if text.starts_with('_') {
        return None;
    }
    let plain = text.replace('_', "");
    let (is_negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    // Rust would accept a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    if is_negative {
        0_i64.checked_sub_unsigned(value).map(Number::from)
    } else {
        Some(value.into())
    }
}

/// Parses a decimal number with a point or an exponent, or one that is too large
/// for an integer. One beyond the range of a float is a string.
fn float(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_float = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|b| b.is_ascii_digit() || b"._eE+-".contains(&b));
    if !is_float {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    Number::from_f64(value)
}

/// Formats a float as Go's `%v` does: with the shortest digits that identify it, and
/// with an exponent if that is below -4 or above 5.
fn print_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table was generated with Go: `sigs.k8s.io/yaml` 1.6.0 converted
    /// `tag: SCALAR` to the JSON in the second column. `encoding/json` read that into
    /// a map of `interface{}`, and `{{ .tag }}` of `text/template` printed the third
    /// column.
    #[test]
    fn scalars_are_converted_as_by_helm() {
        for (text, json, expected) in [
            ("0787849", r#"787849"#, Some("787849")),
            ("1e3", r#"1000"#, Some("1000")),
            ("12e5678", r#""12e5678""#, Some("12e5678")),
            ("1.20", r#"1.2"#, Some("1.2")),
            ("1.0", r#"1"#, Some("1")),
            ("0362525", r#"124245"#, Some("124245")),
            ("0x1e", r#"30"#, Some("30")),
            ("0o17", r#"15"#, Some("15")),
            ("0o19", r#""0o19""#, Some("0o19")),
            ("1_000", r#"1000"#, Some("1000")),
            (".5", r#"0.5"#, Some("0.5")),
            ("5.", r#"5"#, Some("5")),
            ("+1", r#"1"#, Some("1")),
            ("-1", r#"-1"#, Some("-1")),
            ("-0", r#"0"#, Some("0")),
            ("1:30", r#""1:30""#, Some("1:30")),
            ("190:20:30", r#""190:20:30""#, Some("190:20:30")),
            ("~", r#"null"#, None),
            ("Null", r#"null"#, None),
            ("yes", r#"true"#, Some("true")),
            ("n", r#"false"#, Some("false")),
            ("off", r#"false"#, Some("false")),
            ("True", r#"true"#, Some("true")),
            ("tRue", r#""tRue""#, Some("tRue")),
            ("2024-01-01", r#""2024-01-01""#, Some("2024-01-01")),
            ("0b11", r#"3"#, Some("3")),
            ("0b12", r#""0b12""#, Some("0b12")),
            ("-0b11", r#"-3"#, Some("-3")),
            ("1e400", r#""1e400""#, Some("1e400")),
            ("1e-400", r#"0"#, Some("0")),
            ("20190523", r#"20190523"#, Some("2.0190523e+07")),
            ("999999", r#"999999"#, Some("999999")),
            ("1000000", r#"1000000"#, Some("1e+06")),
            ("1234567", r#"1234567"#, Some("1.234567e+06")),
            ("20240101.1", r#"20240101.1"#, Some("2.02401011e+07")),
            (
                "9223372036854775807",
                r#"9223372036854775807"#,
                Some("9.223372036854776e+18"),
            ),
            (
                "18446744073709551615",
                r#"18446744073709551615"#,
                Some("1.8446744073709552e+19"),
            ),
            (
                "18446744073709551616",
                r#"18446744073709552000"#,
                Some("1.8446744073709552e+19"),
            ),
            ("1.7.1", r#""1.7.1""#, Some("1.7.1")),
            ("1.10", r#"1.1"#, Some("1.1")),
            ("00", r#"0"#, Some("0")),
            ("08", r#"8"#, Some("8")),
            ("0_8", r#"8"#, Some("8")),
            ("1e", r#""1e""#, Some("1e")),
            ("e3", r#""e3""#, Some("e3")),
            ("1E3", r#"1000"#, Some("1000")),
            ("1e-3", r#"0.001"#, Some("0.001")),
            ("1.5e3", r#"1500"#, Some("1500")),
            ("1.", r#"1"#, Some("1")),
            ("inf", r#""inf""#, Some("inf")),
            ("NaN", r#""NaN""#, Some("NaN")),
            ("0x", r#""0x""#, Some("0x")),
            ("0xg", r#""0xg""#, Some("0xg")),
            ("0X1E", r#"30"#, Some("30")),
            ("-0x1e", r#"-30"#, Some("-30")),
            ("0.00001", r#"0.00001"#, Some("1e-05")),
            ("0.0001", r#"0.0001"#, Some("0.0001")),
            ("1e21", r#"1e+21"#, Some("1e+21")),
            ("1__0", r#"10"#, Some("10")),
            ("_1", r#""_1""#, Some("_1")),
            ("1_", r#"1"#, Some("1")),
            ("0x1_e", r#"30"#, Some("30")),
            ("1,000", r#""1,000""#, Some("1,000")),
            ("0x1p4", r#""0x1p4""#, Some("0x1p4")),
            ("0O17", r#"15"#, Some("15")),
            ("+.5", r#"0.5"#, Some("0.5")),
            ("-.5", r#"-0.5"#, Some("-0.5")),
            ("+0x1e", r#"30"#, Some("30")),
            ("1_0.5", r#"10.5"#, Some("10.5")),
            ("1._5", r#"1.5"#, Some("1.5")),
            ("0888.5", r#"888.5"#, Some("888.5")),
            ("-017", r#"-15"#, Some("-15")),
            ("7f", r#""7f""#, Some("7f")),
            (".e3", r#"".e3""#, Some(".e3")),
            (".5e1", r#"5"#, Some("5")),
            ("1.e3", r#"1000"#, Some("1000")),
            ("=", r#""=""#, Some("=")),
            (".", r#"".""#, Some(".")),
        ] {
            let value = plain_scalar(text);
            let json: Value = serde_json::from_str(json).expect("JSON");
            match (value.as_f64(), json.as_f64()) {
                // Go writes large floats as integers, which are the same numbers.
                (Some(value), Some(json)) => assert_eq!(value.to_bits(), json.to_bits(), "{text}"),
                _ => assert_eq!(value, json, "{text}"),
            }
            assert_eq!(printed(&value).as_deref(), expected, "{text}");
        }
    }
}
