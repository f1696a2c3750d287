//! Compares globs with a simple reference implementation.

use kubectl_imgpolicy::policy::Glob;
use proptest::prelude::*;

/// Whether the whole text matches; only `*` is special.
fn reference(glob: &[char], text: &[char]) -> bool {
    match glob {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skipped| reference(rest, &text[skipped..])),
        [c, rest @ ..] => text.first() == Some(c) && reference(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn globs_match_as_the_reference_implementation(
        glob in "[ab*?.\\[\\]{},!^\\\\/é-]{0,7}",
        text in "[ab*?.\\[\\]{},!^\\\\/é-]{0,7}",
    ) {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let ours = Glob::new(&glob).expect("it is a glob");
        prop_assert_eq!(ours.is_match(&text), reference(&chars(&glob), &chars(&text)));
    }

    #[test]
    fn text_matches_itself_with_characters_replaced_by_stars(text in "\\PC{0,12}", stars in any::<u16>()) {
        let starred = |(index, c): (usize, char)| if stars >> (index % 16) & 1 == 1 { '*' } else { c };
        let glob: String = text.chars().enumerate().map(starred).collect();
        prop_assert!(Glob::new(&glob).expect("it is a glob").is_match(&text));
    }

    #[test]
    fn any_text_is_a_glob_and_is_printed_unchanged(glob in "\\PC{0,40}", text in "\\PC{0,12}") {
        let ours = Glob::new(&glob).expect("it is a glob");
        prop_assert_eq!(ours.to_string(), glob.clone());
        if ours.is_exact() {
            prop_assert!(ours.is_match(&glob));
            prop_assert_eq!(ours.is_match(&text), text == glob);
        }
        prop_assert!(!ours.matches_everything() || ours.is_match(&text));
    }
}
