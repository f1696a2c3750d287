//! Reads the files, folders and standard input of `-f`.

use std::fs;
use std::path::Path;

use kubectl_imgpolicy::files::{FileListing, MAX_BYTES, PathOrStdin, read_from};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn read(paths: &[&Path], recursive: bool, stdin: &str) -> FileListing {
    let paths: Vec<PathOrStdin> = paths
        .iter()
        .map(|path| PathOrStdin::from(path.as_os_str().to_owned()))
        .collect();
    read_from(&paths, recursive, "shop", &mut stdin.as_bytes())
}

/// `namespace/name FILE:LINE` of the workloads.
fn names(listing: &FileListing) -> Vec<String> {
    let name = |w: &kubectl_imgpolicy::workload::Workload| {
        let source = w.source.as_ref().expect("a source");
        let file = Path::new(&source.file).file_name().expect("a name");
        let file = file.to_str().expect("text");
        format!("{}/{} {file}:{}", w.id.namespace, w.id.name, source.line)
    };
    listing.workloads.iter().map(name).collect()
}

/// The errors, with the path of the folder replaced.
fn errors(listing: &FileListing, folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("text");
    let text = |error: &kubectl_imgpolicy::files::FileError| {
        error.to_string().replace(folder, "DIR").replace('\\', "/")
    };
    listing.errors.iter().map(text).collect()
}

fn web(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    \
         spec:\n      containers:\n      - {{name: app, image: org/app:1}}\n"
    )
}

#[test]
fn folder_is_read_by_name_and_subfolders_only_with_recursive() {
    let folder = folder(&[
        ("b.yml", &web("b")),
        ("a.yaml", &format!("# c\n---\n{}", web("a"))),
        (
            "c.json",
            r#"{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"c"}}"#,
        ),
        ("notes.txt", &web("no")),
        ("deep/er/d.yaml", &web("d")),
        (".git/x.yaml", &web("no")),
    ]);
    let flat = read(&[folder.path()], false, "");
    assert_eq!(
        names(&flat),
        ["shop/a a.yaml:3", "shop/b b.yml:1", "shop/c c.json:1"]
    );
    let all = read(&[folder.path()], true, "");
    assert_eq!(
        names(&all),
        [
            "shop/a a.yaml:3",
            "shop/b b.yml:1",
            "shop/c c.json:1",
            "shop/d d.yaml:1"
        ]
    );
    assert_eq!(errors(&all, folder.path()), [""; 0]);
}

#[test]
fn file_given_twice_is_read_once() {
    let folder = folder(&[("a.yaml", &web("a"))]);
    let file = folder.path().join("a.yaml");
    let again = folder.path().join(".").join("a.yaml");
    let listing = read(&[&file, folder.path(), &again], false, "");
    assert_eq!(names(&listing), ["shop/a a.yaml:1"]);
}

#[test]
fn standard_input_is_read_like_a_file() {
    let stdin = format!("{}---\n{}", web("a"), web("b"));
    let listing = read(&[Path::new("-"), Path::new("-")], false, &stdin);
    assert_eq!(names(&listing), ["shop/a -:1", "shop/b -:11"]);
}

#[test]
fn only_objects_with_policies_are_kept_besides_workloads() {
    let object = |api: &str, kind: &str| format!("apiVersion: {api}\nkind: {kind}\n---\n");
    let text = [
        object("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        object("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        object("image.toolkit.fluxcd.io/v1", "ImagePolicy"),
        object("image.toolkit.fluxcd.io/v1beta2", "ImageRepository"),
        object("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation"),
        object("v1", "Service"),
        "resources: [a.yaml]\n".to_owned(),
    ]
    .concat();
    let listing = read(&[Path::new("-")], false, &text);
    let kept: Vec<_> = listing
        .objects
        .iter()
        .map(|(at, value)| (at.line, value["kind"].as_str().expect("a kind")))
        .collect();
    assert_eq!(
        kept,
        [
            (1, "Kustomization"),
            (7, "ImagePolicy"),
            (10, "ImageRepository"),
            (13, "ImageUpdateAutomation"),
        ]
    );
    assert!(listing.workloads.is_empty() && listing.errors.is_empty());
}

#[test]
fn every_error_names_its_file_and_hides_no_other() {
    let annotated = web("typo").replace(
        "  name: typo\n",
        "  name: typo\n  annotations: {fluxcd.io/automated: yes}\n",
    );
    let template = "a: {{ .a }}\n---\nb: {{ .b }}\n";
    let folder = folder(&[
        (
            "a.yaml",
            &format!("{}---\na: [\n---\n{}", web("a1"), web("a2")),
        ),
        ("b.yaml", &annotated),
        ("c.yaml", "- op: replace\n"),
        ("d.yaml", template),
        ("z.yaml", &web("z")),
    ]);
    fs::write(folder.path().join("e.yaml"), b"a: 1\nb: \xff\n").expect("a file");
    let listing = read(&[folder.path()], false, "");
    assert_eq!(
        names(&listing),
        ["shop/a1 a.yaml:1", "shop/a2 a.yaml:13", "shop/z z.yaml:1"]
    );
    assert_eq!(
        errors(&listing, folder.path()),
        [
            "DIR/a.yaml:11: unclosed bracket '['",
            "DIR/b.yaml:1: annotation fluxcd.io/automated of deployment/typo must be a string, \
             but is the boolean true; quote it",
            "DIR/d.yaml:1: a key must be a string, but this one is a list or a mapping; if this is a \
             Helm template, render it first: helm template … | kubectl imgpolicy status -f -",
            "DIR/e.yaml:2: not UTF-8; save the file as UTF-8",
        ]
    );
    let named = read(&[&folder.path().join("c.yaml")], false, "");
    assert_eq!(
        errors(&named, folder.path()),
        ["DIR/c.yaml:1: a manifest must be a mapping with apiVersion and kind, but this is a list"]
    );
}

#[test]
fn missing_file_is_rejected_as_in_kubectl() {
    let folder = folder(&[("deep/a.yaml", "")]);
    let here = folder.path();
    for (path, recursive, expected) in [
        (
            here.join("nope.yaml"),
            false,
            r#"the path "DIR/nope.yaml" does not exist"#,
        ),
        (
            "https://example.com/a.yaml".into(),
            false,
            "\"https://example.com/a.yaml\" is a URL, but only local files are read; download it first: \
             curl -sSfL https://example.com/a.yaml | kubectl imgpolicy status -f -",
        ),
        (
            here.to_owned(),
            false,
            "error reading [DIR]: recognized file extensions are [.json .yaml .yml]; \
             -R also reads its subfolders",
        ),
        (
            r"C:\nope\a.yaml".into(),
            false,
            r#"the path "C://nope//a.yaml" does not exist"#,
        ),
    ] {
        let listing = read(&[&path], recursive, "");
        assert_eq!(errors(&listing, here), [expected]);
    }
}

#[test]
fn file_over_the_size_limit_is_rejected() {
    let folder = folder(&[]);
    let path = folder.path().join("big.yaml");
    let file = fs::File::create(&path).expect("a file");
    file.set_len(MAX_BYTES + 1).expect("a sparse file");
    let listing = read(&[&path], false, "");
    assert_eq!(
        errors(&listing, folder.path()),
        ["DIR/big.yaml is larger than 64 MiB; split it"]
    );
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_but_links_to_folders_are_not() {
    use std::os::unix::fs::symlink;

    let folder = folder(&[("real/a.yaml", &web("a")), ("data/b.txt", &web("b"))]);
    let here = folder.path();
    symlink(here, here.join("real/loop")).expect("a link");
    symlink(here.join("data/b.txt"), here.join("real/b.yaml")).expect("a link");
    symlink(here.join("gone"), here.join("real/broken.yaml")).expect("a link");
    fs::create_dir(here.join("real/folder.yaml")).expect("a folder");
    symlink(here.join("real"), here.join("top")).expect("a link");
    let listing = read(&[&here.join("top")], true, "");
    assert_eq!(names(&listing), ["shop/a a.yaml:1", "shop/b b.yaml:1"]);
    let found = errors(&listing, here);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("cannot read DIR/top/broken.yaml: "),
        "{found:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn file_whose_name_is_not_utf8_is_reported_and_hides_no_other() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = folder(&[("a.yaml", &web("a"))]);
    let path = folder.path().join(OsStr::from_bytes(b"b\xff.yaml"));
    fs::write(&path, web("b")).expect("a file");
    for given in [
        vec![folder.path()],
        vec![&path, &folder.path().join("a.yaml")],
    ] {
        let listing = read(&given, false, "");
        assert_eq!(names(&listing), ["shop/a a.yaml:1"]);
        let found: Vec<String> = listing.errors.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        let end = "b\\xFF.yaml\": the file's name is not UTF-8; rename the file";
        assert!(found[0].ends_with(end), "{found:?}");
    }
}
