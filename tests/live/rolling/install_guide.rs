//! The commands and the kustomization under "Install" in docs/controller.md.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::binary::{command, path};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::process::tool;

const GUIDE: &str = include_str!("../../../docs/controller.md");

/// The blocks of a language in the section.
fn blocks(language: &str) -> Vec<String> {
    let section = GUIDE.split("\n## Install\n").nth(1).expect("a section");
    let section = section.split("\n## ").next().expect("its end");
    let mut parts = section.split("```");
    let mut blocks = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        if let Some(text) = block.strip_prefix(&format!("{language}\n")) {
            blocks.push(text.to_owned());
        }
    }
    blocks
}

/// A folder where kubectl and the plugin are found.
struct Desk {
    folder: tempfile::TempDir,
    kubeconfig: std::path::PathBuf,
}

impl Desk {
    fn new(plane: &ControlPlane) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let programs = folder.path().join("bin");
        std::fs::create_dir(&programs).expect("a folder");
        for (name, target) in [
            ("kubectl", Path::new(tool("KUBECTL"))),
            ("kubectl-imgpolicy", &path()),
        ] {
            std::os::unix::fs::symlink(target, programs.join(name)).expect("a link");
        }
        let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
        Self { folder, kubeconfig }
    }

    /// Runs the commands of a block.
    fn run(&self, block: &str) -> Output {
        let caller = std::env::var_os("PATH").unwrap_or_default();
        let programs = std::iter::once(self.folder.path().join("bin"));
        let folders = programs.chain(std::env::split_paths(&caller));
        let output = command(Path::new("bash"), self.folder.path(), &self.kubeconfig)
            .env("PATH", std::env::join_paths(folders).expect("a PATH"))
            .args(["-e", "-o", "pipefail", "-c", block])
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{block}\n{output:?}");
        output
    }
}

#[tokio::test]
async fn commands_and_kustomization_of_the_install_guide_work() {
    let plane = ControlPlane::rolling().await;
    let desk = Desk::new(plane);
    let shell = blocks("shell");
    let [at_once, two_namespaces, committed] = &shell[..] else {
        panic!("other blocks: {shell:#?}");
    };
    desk.run(committed);
    let printed = desk.run(two_namespaces).stdout;
    assert!(!String::from_utf8_lossy(&printed).contains("kind: Namespace"));

    let [kustomization] = &blocks("yaml")[..] else {
        panic!("one kustomization");
    };
    let file = desk.folder.path().join("kustomization.yaml");
    std::fs::write(file, kustomization).expect("written");
    let applied = desk
        .run("kubectl apply -k . --dry-run=server -o json")
        .stdout;
    let list: Value = serde_json::from_slice(&applied).expect("JSON");
    let mut objects = list["items"].as_array().expect("a list").iter();
    let deployment = objects.find(|object| {
        object["kind"] == "Deployment" && object["metadata"]["name"] == "imgpolicy-controller"
    });
    let pod = &deployment.expect("the Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["resources"]["limits"]["memory"], "256Mi");
    let key = &pod["volumes"][0]["secret"]["secretName"];
    assert_eq!(*key, "imgpolicy-cache-key");

    let key = "kubectl get secret imgpolicy-cache-key -n imgpolicy-system -o jsonpath={.data.key}";
    let own = desk.run(key).stdout;
    assert_eq!(own.len(), 44, "32 bytes in base64");
    desk.run(at_once);
    assert_ne!(desk.run(key).stdout, own);
    let rollout = "kubectl rollout status -n imgpolicy-system deployment/imgpolicy-controller";
    desk.run(&format!("{rollout} --timeout=60s"));
}
