//! Properties that hold for all rows.

use kubectl_imgpolicy::evaluator::{Reason, Row, State};
use kubectl_imgpolicy::output::{
    DataFormat, ExplainOptions, ImageStatusList, ImageUse, Style, TableOptions, encode, explain,
    image_tags, images_table, is_unsafe, names, status_table, test_report,
};
use kubectl_imgpolicy::policy::WarningCode;
use proptest::prelude::*;

use super::builder::{assessment, every_kind, now, row};
use super::tags::{examination, explained, seed_candidates};

/// Any text, often with characters that are unsafe in a terminal, a table or YAML.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z0-9.-]{1,40}",
        "\\PC{0,12}",
        any::<String>(),
        Just("\u{1b}[31m\u{202e}\u{9b}\r\n\t\u{200b}\u{1f}".to_owned()),
        Just("日本語 ❤\u{fe0f} e\u{301}".to_owned()),
    ];
    let scalar = prop::sample::select(vec![
        "1.0",
        "true",
        "~",
        "null",
        "",
        " ",
        "- a",
        "a: b",
        "#",
        "0x1f",
        "1e3",
        "on",
        "2026-11-21",
        "'",
        "\"",
        "{",
        "[",
        "*",
        "&a",
        "!t",
        "%",
        "@",
        "`",
        "|",
        ">",
        ".inf",
        "0o7",
        "1_000",
        "12:30:00",
        "=",
        "<<",
        "---",
        "...",
    ]);
    prop_oneof![4 => word, 1 => scalar.prop_map(str::to_owned)]
}

fn any_row() -> impl Strategy<Value = Row> {
    let state = prop::sample::select(State::ALL.to_vec());
    let reason = prop::sample::select(Reason::ALL.to_vec());
    let texts = prop::collection::vec(text(), 8);
    let latest = "[a-z]{1,8}/[a-z]{1,8}:[a-z0-9][a-z0-9.-]{0,50}";
    (state, reason, texts, latest, any::<bool>()).prop_map(
        |(state, reason, texts, latest, newer)| {
            let built = row(&texts[0], &texts[1], &texts[2])
                .policy(&texts[3])
                .automated(reason, &texts[4])
                .locked(&texts[5], &texts[6])
                .held(state, reason)
                .managed_by(&texts[6], &texts[5], &texts[4])
                .warning(WarningCode::Major, &texts[7])
                .namespace(&texts[7])
                .facts();
            if newer {
                built.newer(&latest).build()
            } else {
                built.suggests(&texts[3], &latest).build()
            }
        },
    )
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(any_row(), 0..6)
}

fn columns(line: &str) -> usize {
    dialoguer::console::measure_text_width(line)
}

/// All text output for these rows.
fn everything(rows: &[Row], style: &Style) -> Vec<String> {
    let options = |namespaces, wide| TableOptions {
        namespaces,
        wide,
        ..TableOptions::default()
    };
    let uses: Vec<ImageUse> = rows.iter().map(ImageUse::from).collect();
    let mut texts = vec![
        status_table(rows, now(), &options(false, false), style),
        status_table(rows, now(), &options(true, false), style),
        images_table(&uses, &options(true, false), style),
    ];
    for row in rows {
        let examined = examination(row, 6, &[], seed_candidates());
        let options = ExplainOptions {
            tag: Some(row.container.clone()),
            ..ExplainOptions::default()
        };
        let report = explain(&explained(row, &examined), now(), &options, style);
        // The next command is never cut.
        let report: Vec<&str> = report
            .lines()
            .filter(|line| !line.starts_with("Next: "))
            .collect();
        texts.push(report.join("\n"));
        texts.push(test_report(&row.image, &examined, now(), 0, style));
        texts.push(image_tags(&row.image, &examined, now(), 0, true, style));
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_line_is_wider_than_the_terminal(rows in rows(), width in 40_usize..200) {
        for text in everything(&rows, &Style::columns(width)) {
            for line in text.lines() {
                prop_assert!(columns(line) <= width, "{} columns: {line:?}", columns(line));
            }
        }
    }

    #[test]
    fn pipe_gets_the_full_text(rows in rows()) {
        let foreign = format!("{rows:?}").contains('…');
        for text in everything(&rows, &Style::PIPED) {
            prop_assert!(foreign || !text.contains('…'), "{text}");
        }
    }

    #[test]
    fn no_control_character_survives(rows in rows(), width in prop::option::of(40_usize..120)) {
        let style = Style { colour: false, width };
        let wide = TableOptions { wide: true, namespaces: true, ..TableOptions::default() };
        let mut texts = everything(&rows, &style);
        texts.push(status_table(&rows, now(), &wide, &style));
        texts.push(names(&rows));
        let all = assessment(rows);
        let list = ImageStatusList::new(&all, &all.rows);
        for format in [DataFormat::Json, DataFormat::Yaml] {
            texts.push(encode(&list, format).expect("data"));
        }
        for text in texts {
            prop_assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
        }
    }

    #[test]
    fn row_is_one_line_without_trailing_blanks(rows in rows(), width in prop::option::of(40_usize..120), colour in any::<bool>()) {
        let text = status_table(&rows, now(), &TableOptions::default(), &Style { colour, width });
        prop_assert_eq!(text.lines().count(), rows.len() + 1);
        prop_assert!(text.lines().all(|line| !line.ends_with(' ')));
    }

    #[test]
    fn colours_do_not_change_the_text(rows in rows(), width in prop::option::of(40_usize..120)) {
        let plain = everything(&rows, &Style { colour: false, width });
        let painted = everything(&rows, &Style { colour: true, width });
        for (plain, painted) in plain.iter().zip(&painted) {
            let bare = dialoguer::console::strip_ansi_codes(painted);
            let bare: Vec<&str> = bare.lines().filter(|line| !line.starts_with("Next: ")).collect();
            prop_assert_eq!(bare, plain.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn data_is_parsed_back_unchanged(rows in rows()) {
        let all = assessment(rows);
        let list = ImageStatusList::new(&all, &all.rows);
        let json = encode(&list, DataFormat::Json).expect("JSON");
        let yaml = encode(&list, DataFormat::Yaml).expect("YAML");
        let from_json: ImageStatusList = serde_json::from_str(&json).expect("JSON");
        let from_yaml: ImageStatusList = serde_saphyr::from_str(&yaml).map_err(|e| TestCaseError::fail(format!("{e}\n{yaml}")))?;
        prop_assert_eq!(&from_json, &from_yaml);
        for (item, row) in from_json.items.iter().zip(&all.rows) {
            prop_assert_eq!(&item.image, &row.image);
            prop_assert_eq!(&item.message, &row.decision.message);
            prop_assert_eq!(&item.workload.namespace, &row.workload.namespace);
        }
    }
}

#[test]
fn properties_hold_for_the_examples() {
    for width in 40..130 {
        for text in everything(&every_kind(), &Style::columns(width)) {
            assert!(
                text.lines().all(|line| columns(line) <= width),
                "{width}\n{text}"
            );
        }
    }
}
