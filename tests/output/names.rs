//! Workloads with the same kind and name in two API groups are distinguished wherever they
//! are shown, and a suggested command selects the right one.

use kubectl_imgpolicy::evaluator::{Lock, Reason, Row};
use kubectl_imgpolicy::output::{
    EditedWorkload, ImageUse, RepeatedFlags, Style, TableOptions, annotation_edits,
    held_back_lines, images_table, locks_table, names, next_step, plan_text, status_table,
};
use kubectl_imgpolicy::plan::{Edit, HeldBack, HoldReason, UpdateSpec, plan_update};
use kubectl_imgpolicy::workload::{Workload, WorkloadKind};

use super::builder::{assessment, now, row};
use super::tags::{explained, seed_examination};

const FLUX_1: &str = "helmrelease.helm.fluxcd.io/a";
const FLUX_2: &str = "helmrelease.helm.toolkit.fluxcd.io/a";

fn release(api_version: &str) -> Row {
    row("a", "chart-image", "org/app:1.0.0")
        .policy("semver:~1.0")
        .automated(Reason::NewerImage, "")
        .newer("org/app:1.0.1")
        .kind(WorkloadKind::HelmRelease, api_version)
        .build()
}

fn both() -> [Row; 2] {
    ["helm.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2"].map(release)
}

#[test]
fn workloads_with_the_same_name_show_their_api_groups() {
    let rows = both();
    let (options, style) = (TableOptions::default(), Style::default());
    let plan = plan_update(&assessment(rows.to_vec()), &UpdateSpec::default());
    let held_back = |row: &Row| HeldBack {
        workload: row.workload.clone(),
        root: None,
        container: None,
        from: None,
        to: None,
        hold: HoldReason::Owned,
        message: "somebody reverts it".to_owned(),
    };
    let workloads = rows.each_ref().map(|row| {
        let mut workload = Workload::running("org/app:1.0.0");
        workload.id = row.workload.clone();
        workload
    });
    let edit = Edit::default();
    let edited = workloads.each_ref().map(|workload| EditedWorkload {
        workload,
        edit: &edit,
    });
    let lock = Lock {
        by: None,
        message: None,
        at: None,
    };
    let locks = rows.each_ref().map(|row| (&row.workload, lock.clone()));
    let narrow = Style {
        width: Some(60),
        ..style
    };
    let shown = [
        ("status", status_table(&rows, now(), &options, &style)),
        ("plan", plan_text(&plan, &[], false, &style)),
        (
            "held back",
            held_back_lines(&rows.each_ref().map(held_back), false).join("\n"),
        ),
        ("edits", annotation_edits(&edited, &style)),
        ("locks", locks_table(&locks, now(), &style)),
        (
            "images",
            images_table(&rows.each_ref().map(ImageUse::from), &options, &style),
        ),
        ("names", names(&rows)),
    ];
    for (place, text) in shown {
        for name in [FLUX_1, FLUX_2] {
            assert_eq!(text.matches(name).count(), 1, "{place}: {text}");
        }
        assert!(!text.contains("helmrelease/a"), "{place}: {text}");
    }
    // Also if room is short: the kind is abbreviated, but the group is kept.
    let text = status_table(&rows, now(), &options, &narrow);
    assert!(text.contains("hr.helm.fluxcd.io/a"), "{text}");
    assert!(text.contains("hr.helm.toolkit.fluxcd.io/a"), "{text}");
}

#[test]
fn unique_release_has_a_short_name_and_its_command_the_group() {
    let [flux_1, flux_2] = both();
    for (row, name, in_command) in [
        (flux_2, "helmrelease/a", FLUX_2),
        // The short name `hr` refers to Flux 2 first.
        (flux_1, FLUX_1, FLUX_1),
    ] {
        let rows = [row];
        let text = status_table(&rows, now(), &TableOptions::default(), &Style::default());
        assert!(text.contains(&format!("\n{name} ")), "{text}");
        let next = next_step(
            &explained(&rows[0], &seed_examination()),
            &RepeatedFlags::default(),
        )
        .expect("a command");
        assert!(next.contains(&format!(" {in_command} ")), "{next}");
    }
}
