//! Writing plans to files.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use kubectl_imgpolicy::files::{FileListing, PathOrStdin, read_from};
use kubectl_imgpolicy::plan::{
    Authorship, Basis, Change, ImageChange, LockNote, Plan, PolicyEdit, plan_policy,
};
use kubectl_imgpolicy::workload::ContainerType;
use kubectl_imgpolicy::write::{DryRun, FileWriter, WrittenFiles, write_files};
use tempfile::TempDir;

pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn listing(path: PathOrStdin, stdin: &str) -> FileListing {
    let listing = read_from(&[path], false, "shop", &mut stdin.as_bytes());
    assert!(listing.errors.is_empty(), "{:?}", listing.errors);
    listing
}

pub(crate) fn in_folder(folder: &Path) -> FileListing {
    listing(PathOrStdin::Path(folder.to_owned()), "")
}

fn lock() -> PolicyEdit {
    PolicyEdit::Lock {
        note: LockNote {
            by: Some("ada".to_owned()),
            message: Some("release: stop".to_owned()),
            at: None,
        },
        overwrite: false,
    }
}

/// A plan that gives the first container of every workload an image.
pub(crate) fn images(listing: &FileListing, image: &str) -> Plan {
    let change = |workload: &kubectl_imgpolicy::workload::Workload| Change {
        workload: workload.id.clone(),
        source: workload.source.clone(),
        root: None,
        images: vec![ImageChange::new(
            workload.containers[0].name.clone(),
            ContainerType::Container,
            workload.containers[0].image.clone(),
            image.parse().expect("an image"),
        )],
        policy: None,
        is_rollback: false,
        notes: Vec::new(),
        basis: Basis::default(),
    };
    Plan {
        changes: listing.workloads.iter().map(change).collect(),
        ..Plan::default()
    }
}

/// Writes a plan. Returns one line per change: the result or the failure.
fn write(plan: &Plan, dry_run: DryRun, stdin: Option<&str>) -> (Vec<String>, Option<String>) {
    let authorship = Authorship {
        by: "ada".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        overrides: Vec::new(),
        is_recorded: true,
    };
    let writer = FileWriter {
        dry_run,
        authorship: &authorship,
        default_namespace: "shop",
        stdin,
        policy_files: &[],
        locks: None,
        journal: None,
    };
    let WrittenFiles {
        applied,
        stdin: stream,
        ..
    } = write_files(plan, Vec::new(), &writer);
    let line = |applied: &kubectl_imgpolicy::write::Applied| {
        let id = &applied.workload;
        let result = match &applied.result {
            Ok(done) => format!("{done:?}"),
            Err(error) => error.to_string(),
        };
        format!("{}/{}: {result}", id.namespace, id.name)
    };
    (applied.iter().map(line).collect(), stream)
}

fn results(plan: &Plan) -> Vec<String> {
    write(plan, DryRun::None, None).0
}

pub(crate) fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect("a file")
}

pub(crate) fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name} # {name}\nspec:\n  template:\n    \
         spec:\n      containers:\n      - name: app\n        image: 'org/app:1' # {name}\n"
    )
}

const LOCKED: &str = "  annotations:\n    fluxcd.io/locked: \"true\"\n    \
                      fluxcd.io/locked_msg: \"release: stop\"\n    fluxcd.io/locked_user: ada\n";

fn locked(name: &str) -> String {
    let line = format!("  name: {name} # {name}\n");
    deployment(name).replace(&line, &format!("{line}{LOCKED}"))
}

#[test]
fn changes_to_a_file_are_written_together_and_nothing_else_changes() {
    let text = |one: &str, two: &str| {
        format!("# head\n{one}---\nkind: ConfigMap\ndata: {{a: b}}\n--- # next\n{two}...\n")
    };
    let (old, new) = (
        text(&deployment("a"), &deployment("b")),
        text(&locked("a"), &locked("b")),
    );
    let folder = folder(&[("web.yaml", &old), ("x.yaml", &deployment("c"))]);
    let plan = plan_policy(&in_folder(folder.path()).workloads, &lock());
    assert_eq!(
        results(&plan),
        ["shop/a: Written", "shop/b: Written", "shop/c: Written"]
    );
    assert_eq!(read(&folder, "web.yaml"), new);
    assert_eq!(read(&folder, "x.yaml"), locked("c"));

    let before = fs::metadata(folder.path().join("web.yaml")).expect("metadata");
    assert_eq!(
        results(&plan),
        [
            "shop/a: Unchanged",
            "shop/b: Unchanged",
            "shop/c: Unchanged"
        ]
    );
    let after = fs::metadata(folder.path().join("web.yaml")).expect("metadata");
    assert_eq!(
        before.modified().ok(),
        after.modified().ok(),
        "it was not written"
    );

    let unlock = plan_policy(
        &in_folder(folder.path()).workloads,
        &PolicyEdit::Unlock { seen: None },
    );
    assert_eq!(
        results(&unlock),
        ["shop/a: Written", "shop/b: Written", "shop/c: Written"]
    );
    assert_eq!(read(&folder, "web.yaml"), old);
}

#[test]
fn image_and_its_record_are_written() {
    let folder = folder(&[("web.yaml", &deployment("a"))]);
    let plan = images(&in_folder(folder.path()), "org/app:2");
    assert_eq!(results(&plan), ["shop/a: Written"]);
    let text = read(&folder, "web.yaml");
    assert!(text.contains("        image: 'org/app:2' # a\n"), "{text}");
    assert!(
        text.contains("    fluxcd.io/build.number: \"1\"\n"),
        "{text}"
    );
    assert!(text.contains("    imgpolicy.dev/last-update: "), "{text}");
    let workload = in_folder(folder.path()).workloads.remove(0);
    assert_eq!(workload.containers[0].image, "org/app:2");
    assert_eq!(
        results(&plan),
        ["shop/a: Unchanged"],
        "the image is already there"
    );
}

#[test]
fn helm_release_tag_is_written_on_its_line() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\nspec:\n  values:\n    \
                   image:\n      repository: org/app # the app\n      tag: 1.9.0 # now\n";
    let folder = folder(&[("web.yaml", release)]);
    let plan = images(&in_folder(folder.path()), "org/app:1.10");
    assert_eq!(results(&plan), ["shop/web: Written"]);
    let text = read(&folder, "web.yaml");
    assert!(
        text.ends_with("repository: org/app # the app\n      tag: \"1.10\" # now\n"),
        "{text}"
    );
}

#[test]
fn list_items_on_one_line_are_distinguished_by_name() {
    let item = |namespace: &str, name: &str, image: &str| {
        format!(
            "{{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{{\"namespace\":\"{namespace}\",\"name\":\"{name}\"}},\
             \"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"app\",\"image\":\"{image}\"}}]}}}}}}}}"
        )
    };
    let text = |image: &str| {
        format!(
            "{{\"kind\":\"List\",\"items\":[{},{},{}]}}\n",
            item("x", "web", image),
            item("y", "web", image),
            item("x", "api", image)
        )
    };
    let folder = folder(&[("all.json", &text("org/app:1"))]);
    let mut plan = images(&in_folder(folder.path()), "org/app:2");
    plan.changes.remove(1);
    assert_eq!(results(&plan), ["x/web: Written", "x/api: Written"]);
    let images: Vec<String> = in_folder(folder.path())
        .workloads
        .iter()
        .map(|workload| workload.containers[0].image.clone())
        .collect();
    assert_eq!(images, ["org/app:2", "org/app:1", "org/app:2"]);
}

#[test]
fn uneditable_workload_does_not_affect_the_others() {
    let anchored = deployment("b").replace("metadata:\n", "metadata: &m\n") + "x: *m\n";
    let old = format!("{}---\n{anchored}---\n{}", deployment("a"), deployment("c"));
    let folder = folder(&[("web.yaml", &old)]);
    let plan = plan_policy(&in_folder(folder.path()).workloads, &lock());
    let file = folder.path().join("web.yaml").display().to_string();
    let refused = format!(
        "shop/b: {file}:14: metadata has a YAML anchor that is used elsewhere, \
         so a change would also apply there; change it by hand"
    );
    assert_eq!(
        results(&plan),
        ["shop/a: Written", refused.as_str(), "shop/c: Written"]
    );
    let new = format!("{}---\n{anchored}---\n{}", locked("a"), locked("c"));
    assert_eq!(read(&folder, "web.yaml"), new);
}

#[test]
fn unwritable_file_does_not_affect_the_others() {
    let folder = folder(&[
        ("a.yaml", &deployment("a")),
        ("b.yaml", &(deployment("b") + "---\n" + &deployment("b2"))),
        ("c.yaml", &deployment("c")),
        ("d.yaml", &deployment("d")),
    ]);
    let plan = plan_policy(&in_folder(folder.path()).workloads, &lock());
    let path = |name: &str| folder.path().join(name);
    let mut permissions = fs::metadata(path("b.yaml"))
        .expect("metadata")
        .permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path("b.yaml"), permissions).expect("read-only");
    fs::remove_file(path("c.yaml")).expect("removed");
    let results = results(&plan);
    let b = format!(
        "cannot write {}: it is read-only; nothing was changed",
        path("b.yaml").display()
    );
    let c = format!(
        "shop/c: cannot read {}: No such file",
        path("c.yaml").display()
    );
    assert_eq!(results[0], "shop/a: Written");
    assert_eq!(
        results[1..3],
        [format!("shop/b: {b}"), format!("shop/b2: {b}")]
    );
    assert!(results[3].starts_with(&c), "{}", results[3]);
    assert_eq!(results[4], "shop/d: Written");
    assert_eq!(read(&folder, "d.yaml"), locked("d"));
}

#[test]
fn file_changed_since_the_plan_is_read_again() {
    let folder = folder(&[("web.yaml", &(deployment("a") + "---\n" + &deployment("b")))]);
    let listing = in_folder(folder.path());
    let plan = images(&listing, "org/app:2");
    // A shifted line, a different image, and a missing workload.
    let moved = "# new\n".to_owned() + &deployment("a");
    fs::write(folder.path().join("web.yaml"), &moved).expect("a file");
    let gone = format!(
        "shop/b: {} was changed by somebody else in the meantime: the object is not where it was; run it again",
        folder.path().join("web.yaml").display()
    );
    assert_eq!(results(&plan), ["shop/a: Written", gone.as_str()]);
    assert!(read(&folder, "web.yaml").starts_with("# new\n"));

    let other = deployment("a").replace("org/app:1", "org/app:9");
    fs::write(folder.path().join("web.yaml"), &other).expect("a file");
    assert_eq!(
        results(&plan)[0],
        "shop/a: container app: the image has changed since the plan was made: now org/app:9"
    );
    assert_eq!(read(&folder, "web.yaml"), other);
}

#[test]
fn standard_input_is_returned_edited() {
    let text = deployment("a") + "---\r\n# é\r\n";
    let listing = listing(PathOrStdin::Stdin, &text);
    let plan = plan_policy(&listing.workloads, &lock());
    let (lines, stream) = write(&plan, DryRun::None, listing.stdin.as_deref());
    assert_eq!(lines, ["shop/a: Written"]);
    assert_eq!(stream, Some(locked("a") + "---\r\n# é\r\n"));

    let refused = deployment("a").replace("metadata:\n", "metadata: &m\n") + "x: *m\n";
    let (lines, stream) = write(&plan, DryRun::None, Some(&refused));
    assert!(
        lines[0].starts_with("shop/a: -:3: metadata has a YAML anchor"),
        "{lines:?}"
    );
    assert_eq!(stream, Some(refused));
}

#[test]
fn dry_run_writes_nothing_and_reports_what_it_would_write() {
    let folder = folder(&[("web.yaml", &deployment("a"))]);
    let plan = plan_policy(&in_folder(folder.path()).workloads, &lock());
    for dry_run in [DryRun::Client, DryRun::Server] {
        assert_eq!(write(&plan, dry_run, None).0, ["shop/a: Written"]);
        assert_eq!(read(&folder, "web.yaml"), deployment("a"));
    }
}
