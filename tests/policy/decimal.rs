//! Properties of decimal numbers.

use kubectl_imgpolicy::policy::Decimal;
use proptest::prelude::*;

fn any_decimal() -> impl Strategy<Value = Decimal> {
    "-?0{0,2}[0-2]{1,2}(\\.[0-2]{0,2}0{1,2})?|-?[0-9]{18,22}(\\.[0-9]{1,9})?"
        .prop_map(|text| text.parse().expect("the text is a number"))
}

proptest! {
    #[test]
    fn printed_decimal_parses_to_an_equal_decimal(decimal in any_decimal()) {
        prop_assert_eq!(decimal.to_string().parse(), Ok(decimal));
    }

    #[test]
    fn decimals_have_a_total_order(a in any_decimal(), b in any_decimal(), c in any_decimal()) {
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
        let mut sorted = [&a, &b, &c];
        sorted.sort();
        prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
    }

    #[test]
    fn decimals_are_ordered_as_numbers(left in -5000_i64..5000, right in -5000_i64..5000) {
        // With two digits after the point.
        let text = |hundredths: i64| {
            let sign = if hundredths < 0 { "-" } else { "" };
            format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
        };
        let decimal = |number| text(number).parse::<Decimal>().expect("it is a number");
        prop_assert_eq!(decimal(left).cmp(&decimal(right)), left.cmp(&right));
    }

    #[test]
    fn only_decimal_notation_is_accepted(text in "\\PC{0,12}|[-0-9.]{0,8}") {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let parts: Vec<&str> = unsigned.split('.').collect();
        let is_number = parts.len() <= 2 && parts.into_iter().all(digits);
        prop_assert_eq!(text.parse::<Decimal>().is_ok(), is_number);
    }
}
