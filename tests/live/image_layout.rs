//! The container image that `make image` builds: the same bytes each time, and a program that
//! works with nothing but what the image contains.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::certificates_of_image;
use crate::registry::{Door, PASSWORD, Registry, USER};
use crate::releases::{here, pack, stripped};
use crate::token_server::basic;

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/image-layout");
const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Packs an archive of this machine's platform, and one of another.
fn packed(archives: &[PathBuf], certificates: &Path, to: &Path) -> Output {
    let output = Command::new(PACK)
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .args(["--revision", REVISION])
        .args([Path::new("--certificates"), certificates])
        .args([Path::new("--to"), to])
        .args(archives)
        .output();
    output.expect("python3 is there")
}

const LICENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE");

/// The archives of a release for Linux. The other processor's program cannot run here, so it is
/// the licence.
fn archives(folder: &Path, program: &Path) -> Vec<PathBuf> {
    let (_, processor) = here();
    ["amd64", "arm64"]
        .map(|name| {
            let program = if name == processor {
                program
            } else {
                Path::new(LICENCE)
            };
            pack(program, ("linux", name), folder)
        })
        .into()
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter();
    let files = entries.filter_map(|entry| {
        let entry = entry.expect("an entry");
        let name = entry.path().strip_prefix(folder).expect("inside");
        let content = entry.file_type().is_file().then(|| fs::read(entry.path()));
        Some((name.to_owned(), content?.expect("a file")))
    });
    files.collect()
}

/// The image as a container engine would unpack it.
struct Root {
    folder: tempfile::TempDir,
    config: Value,
}

impl Root {
    async fn pulled(registry: &Registry, repository: &str) -> Self {
        let json = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).expect("JSON");
        let index = json(
            registry
                .pull(repository, &format!("manifests/{VERSION}"))
                .await,
        );
        let (_, processor) = here();
        let images = index["manifests"].as_array().expect("a list");
        assert_eq!(images.len(), 2);
        let mut images = images.iter();
        let own = images.find(|image| image["platform"]["architecture"] == processor);
        let digest = own.expect("this platform")["digest"].as_str();
        let path = format!("manifests/{}", digest.expect("a digest"));
        let manifest = json(registry.pull(repository, &path).await);
        let blob = async |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().expect("a digest");
            registry.pull(repository, &format!("blobs/{digest}")).await
        };
        let folder = tempfile::tempdir().expect("a folder");
        for (n, layer) in manifest["layers"]
            .as_array()
            .expect("a list")
            .iter()
            .enumerate()
        {
            let file = folder.path().with_extension(n.to_string());
            fs::write(&file, blob(layer).await).expect("written");
            let tar = Command::new("tar")
                .arg("-xzf")
                .arg(&file)
                .arg("-C")
                .arg(folder.path())
                .status();
            assert!(tar.expect("tar is there").success());
            fs::remove_file(file).expect("removed");
        }
        let config = json(blob(&manifest["config"]).await);
        Self { folder, config }
    }

    /// Adds a file that the image does not have.
    fn add(&self, name: &str, content: &[u8]) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// Adds the libraries of a program that is not static, as the one of these tests.
    fn add_libraries(&self) {
        let program = self.folder.path().join("kubectl-imgpolicy");
        let output = Command::new("ldd").arg(&program).output().expect("ldd");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
        for path in paths {
            let content = fs::read(path).expect("a library");
            self.add(path.trim_start_matches('/'), &content);
            // The loader must be executable.
            let at = self.folder.path().join(path.trim_start_matches('/'));
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(at, mode).expect("permissions");
        }
    }

    /// The row of an automated container with a window.
    fn row(&self, image: &str, window: &str) -> Value {
        let web = crate::objects::workload("Deployment", "default", "web", image);
        let mut web = crate::objects::automated(web, "semver:~1.0");
        web["metadata"]["annotations"]["imgpolicy.dev/window"] = json!(window);
        self.add("home/web.yaml", web.to_string().as_bytes());
        let status = ["status", "-f", "/home/web.yaml", "-o", "json"];
        let output = self.run(&[&status[..], &["--cache=off"]].concat());
        let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        list["items"][0].clone()
    }

    /// Runs the image in a root directory of its own, as its user where we may change users.
    fn run(&self, arguments: &[&str]) -> Output {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(self.folder.path(), mode).expect("permissions");
        let is_root = rustix::process::geteuid().is_root();
        let mut command = if is_root {
            let mut command = Command::new("chroot");
            let user = self.config["config"]["User"].as_str().expect("a user");
            command.arg(format!("--userspec={user}"));
            command
        } else {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "chroot"]);
            command
        };
        let entry = self.config["config"]["Entrypoint"][0].as_str();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/home")
            .arg(self.folder.path())
            .arg(entry.expect("a program"))
            .args(arguments)
            .output()
            .expect("it starts")
    }
}

#[tokio::test]
async fn image_is_reproducible_and_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let archives = archives(folder.path(), Path::new(LICENCE));
    let certificates = folder.path().join("certificates.pem");
    fs::write(&certificates, certificates_of_image::bundle()).expect("written");
    let reversed: Vec<PathBuf> = archives.iter().rev().cloned().collect();
    let layouts = [("one", &archives), ("two", &reversed)].map(|(name, archives)| {
        let to = folder.path().join(name);
        let output = packed(archives, &certificates, &to);
        assert!(output.status.success(), "{output:?}");
        (
            String::from_utf8(output.stdout).expect("a digest"),
            files(&to),
        )
    });
    let [one, two] = layouts;
    assert_eq!(one.0, two.0);
    assert!(one.1 == two.1, "the same digest, and other files");
    assert!(one.0.starts_with("sha256:"), "{}", one.0);

    let registry = Registry::shared().await;
    let layout = folder.path().join("one");
    let pushed = registry.push_layout("image/said", VERSION, &layout).await;
    assert_eq!(pushed, one.0.trim_end());
    let root = Root::pulled(registry, "image/said").await;
    let config = &root.config["config"];
    assert_eq!(config["User"], "65532:65532");
    let labels = &config["Labels"];
    let source = "https://github.com/kubectl-imgpolicy/kubectl-imgpolicy";
    for (name, value) in [
        ("source", source),
        ("revision", REVISION),
        ("version", env!("CARGO_PKG_VERSION")),
        ("created", "2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(labels[format!("org.opencontainers.image.{name}")], value);
    }
    // Nothing else is in it.
    let names: Vec<PathBuf> = files(root.folder.path()).into_keys().collect();
    let expected = [
        "LICENSE",
        "etc/ssl/certs/ca-certificates.crt",
        "kubectl-imgpolicy",
    ];
    assert_eq!(names, expected.map(PathBuf::from));
}

#[tokio::test]
async fn program_that_is_not_static_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Path::new("/bin/sh");
    let archive = pack(program, ("linux", here().1), folder.path());
    let output = Command::new(PACK)
        .args(["--static", "--revision", REVISION, "--certificates"])
        .args([Path::new("/dev/null"), Path::new("--to")])
        .args([&folder.path().join("layout"), &archive])
        .output()
        .expect("python3 is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("is not static"),
        "{said}"
    );
}

#[tokio::test]
async fn program_in_the_image_finds_certificates_and_time_zones() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::with_password().await;
    registry.push_versions("image/app", 3).await;
    let Door::Password(authority) = &registry.door else {
        unreachable!("it was started with a password");
    };
    // Mozilla's, and the authority of the tests.
    let all = certificates_of_image::bundle();
    assert!(all.matches("BEGIN CERTIFICATE").count() > 100);
    let certificates = folder.path().join("certificates.pem");
    fs::write(&certificates, format!("{all}{}", authority.pem)).expect("written");
    let layout = folder.path().join("layout");
    let archives = archives(folder.path(), &stripped(folder.path()));
    let output = packed(&archives, &certificates, &layout);
    assert!(output.status.success(), "{output:?}");
    let open = Registry::shared().await;
    open.push_layout("image/runs", VERSION, &layout).await;
    let root = Root::pulled(open, "image/runs").await;
    root.add_libraries();
    let version = root.run(&["version"]);
    let said = String::from_utf8_lossy(&version.stdout);
    assert!(said.contains(VERSION), "{version:?}");

    let login = basic(USER, PASSWORD).replace("Basic ", "");
    let login = json!({"auths": {&registry.host: {"auth": login}}});
    root.add("home/.docker/config.json", login.to_string().as_bytes());
    let image = format!("{}/image/app:1.0.0", registry.host);
    for (zone, reason) in [("Berlin", "newer-image"), ("Bonn", "invalid-policy")] {
        let window = format!("Mon-Sun 00:00-24:00 Europe/{zone}");
        assert_eq!(root.row(&image, &window)["reason"], reason);
    }
    // The certificates that count are those of the image.
    root.add("etc/ssl/certs/ca-certificates.crt", all.as_bytes());
    let row = root.row(&image, "Mon-Sun 00:00-24:00 Europe/Berlin");
    assert_eq!(row["outcome"], "unknown", "{row:#}");
}
