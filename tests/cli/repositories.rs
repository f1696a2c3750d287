//! The shapes of real repositories of manifests. Each tree is generated here, and counts its
//! own containers; the program must find the same number.

use std::fmt::Write as _;

use super::deployment;
use crate::support::program::{Outcome, TestEnvironment};

/// A tree of files and the number of its containers with an image.
struct Repository {
    environment: TestEnvironment,
    containers: usize,
    files: usize,
}

impl Repository {
    fn new() -> Self {
        Self {
            environment: TestEnvironment::new(),
            containers: 0,
            files: 0,
        }
    }

    fn write(&mut self, path: &str, text: &str, containers: usize) {
        self.environment.write(&format!("repository/{path}"), text);
        self.containers += containers;
        self.files += 1;
    }

    fn status(&self) -> Outcome {
        self.environment
            .run(["status", "-f", "repository", "-R", "-o", "json"])
    }

    /// Checks that every container is found, that nothing is an error, and that no workload is
    /// said to be missing.
    fn check(&self) -> Outcome {
        let outcome = self.status().expect(0);
        assert_eq!(outcome.items().len(), self.containers, "{}", outcome.stderr);
        assert!(
            !outcome.stderr.contains("No workloads found"),
            "{}",
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("error"), "{}", outcome.stderr);
        let words = ["status", "-f", "repository", "-R", "--exit-code"];
        self.environment.run(words).expect(0);
        outcome
    }
}

/// The values of a release in one of several common forms, and the number of images.
fn values(form: usize) -> (String, usize) {
    match form % 6 {
        // A generic application chart: controllers with containers.
        0 => (
            "    controllers:\n      main:\n        annotations: {reload: \"true\"}\n        \
             initContainers:\n          migrate:\n            image: {repository: q/migrate, tag: 16}\n        \
             containers:\n          app:\n            image:\n              repository: q/app\n              \
             tag: v1.2.3@sha256:0000000000000000000000000000000000000000000000000000000000000000\n            \
             env: {TZ: Etc/UTC}\n          metrics:\n            image:\n              repository: q/exporter\n              \
             tag: v1.9.0\n    persistence:\n      config: {existingClaim: main}\n"
                .to_owned(),
            3,
        ),
        // A chart with one image at the top.
        1 => (
            "    image:\n      repository: q/top\n      tag: 1.0.0\n    metrics: {enabled: true}\n".to_owned(),
            1,
        ),
        // Blocks, with a registry of their own and a chart in Git.
        2 => (
            "    operator:\n      image: {registry: q.io, repository: op/operator, tag: v2}\n      \
             reloader: {repository: q.io/op/reloader, tag: v3}\n    source:\n      repository: \
             https://git.example/values.git\n      tag: v1\n"
                .to_owned(),
            2,
        ),
        // Sidecars in a list.
        3 => (
            "    extraContainers:\n    - name: a\n      image: q/a:1\n    - name: b\n      image: q/b:2\n    \
             server:\n      image: q/server:3\n"
                .to_owned(),
            3,
        ),
        // Numbers as tags.
        4 => (
            "    web:\n      server:\n        image: {repository: q/num, tag: 20240101}\n".to_owned(),
            1,
        ),
        // Only the chart knows the images.
        _ => (
            "    replicas: 2\n    ingress:\n      hosts: [a.example]\n      image: false\n".to_owned(),
            0,
        ),
    }
}

#[test]
fn cluster_of_68_releases_has_a_row_for_each_image() {
    let mut repository = Repository::new();
    let mut without = 0;
    for index in 0..68 {
        let (values, images) = values(index);
        without += usize::from(images == 0);
        let folder = format!("kubernetes/apps/space{}/app{index}", index % 9);
        let release = format!(
            "---\n# yaml-language-server: $schema=https://schemas.example/helmrelease.json\n\
             apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: app{index}\n\
             spec:\n  interval: 1h\n  chartRef:\n    kind: OCIRepository\n    name: app{index}\n  \
             values:\n{values}"
        );
        repository.write(&format!("{folder}/app/helmrelease.yaml"), &release, images);
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: \
             app{index}\nspec:\n  ref:\n    tag: 4.2.0\n  url: oci://q.io/charts/app\n"
        );
        repository.write(&format!("{folder}/app/ocirepository.yaml"), &source, 0);
        let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\
                             resources:\n- ./helmrelease.yaml\n- ./ocirepository.yaml\n";
        repository.write(
            &format!("{folder}/app/kustomization.yaml"),
            kustomization,
            0,
        );
        let flux = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: \
             app{index}\nspec:\n  path: ./{folder}/app\n  prune: true\n"
        );
        repository.write(&format!("{folder}/ks.yaml"), &flux, 0);
    }
    let outcome = repository.check();
    // Twelve of each form, and one more of the first two.
    assert_eq!(repository.containers, 12 * 3 + 12 + 11 * 2 + 11 * 3 + 11);
    let note = format!("{without} HelmReleases have no image in their values: ");
    assert!(outcome.stderr.contains(&note), "{}", outcome.stderr);
    let words = [
        "automate",
        "--all",
        "--dry-run",
        "-o",
        "name",
        "-f",
        "repository",
        "-R",
    ];
    let outcome = repository.environment.run(words).expect(0);
    assert_eq!(
        outcome.stdout.lines().count(),
        68 - without,
        "{}",
        outcome.stderr
    );
}

#[test]
fn tree_of_2400_files_has_a_row_for_each_container() {
    let mut repository = Repository::new();
    for index in 0..300 {
        let name = format!("app{index}");
        let (first, second) = (format!("q/{name}:v1"), format!("q/{name}-side:v1"));
        let two = [("app", first.as_str()), ("side", second.as_str())];
        repository.write(
            &format!("manifests/{name}/deployment.yaml"),
            &deployment(&name, &["a: b"], &two),
            2,
        );
        let service = format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n");
        repository.write(&format!("manifests/{name}/service.yaml"), &service, 0);
        repository.write(
            &format!("manifests/{name}/kustomization.yaml"),
            "resources: [deployment.yaml]\n",
            0,
        );
        repository.write(
            &format!("test/{name}/values.yaml"),
            "image: {repository: q/a, tag: x}\nlist: []\n",
            0,
        );
        repository.write(
            &format!("test/{name}/list.yaml"),
            "- op: replace\n  path: /spec\n",
            0,
        );
        let json = format!(r#"{{"kind": "ConfigMap", "metadata": {{"name": "{name}"}}}}"#);
        repository.write(&format!("test/{name}/data.json"), &json, 0);
        repository.write(&format!("hack/{name}.yaml"), "# only a comment\n", 0);
        if index % 50 == 0 {
            let chart = format!("charts/{name}");
            repository.write(&format!("{chart}/Chart.yaml"), "name: c\n", 0);
            repository.write(
                &format!("{chart}/templates/d.yaml"),
                "{{ include \"c\" . }}\na: [\n",
                0,
            );
        } else {
            let pod = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - \
                 {{name: app, image: 'q/pod:1'}}\n"
            );
            repository.write(&format!("examples/{name}/pod.yaml"), &pod, 0);
        }
    }
    assert!(repository.files >= 2_400, "{}", repository.files);
    let outcome = repository.check();
    assert!(
        outcome.stderr.contains("skipped 6 Helm charts"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("not covered: 294 Pods"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn one_file_of_many_deployments_has_a_row_for_each_container() {
    let mut repository = Repository::new();
    let mut all = "# Generated.\n".to_owned();
    for index in 0..12 {
        let image = format!("q.io/shop/service{index}:v0.10.4");
        let name = format!("service{index}");
        let mut text = deployment(&name, &["a: b"], &[("server", &image)]);
        if index == 11 {
            text.push_str(
                "      initContainers:\n      - name: wait\n        image: q/busybox:1@sha256:",
            );
            text.push_str(&"0".repeat(64));
            text.push('\n');
        }
        let _ = write!(
            all,
            "---\n{text}---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n---\n\
             apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n"
        );
    }
    let lines = all
        .lines()
        .filter(|line| line.trim_start().starts_with("image: "))
        .count();
    repository.write("release/kubernetes-manifests.yaml", &all, lines);
    // A component's patch names a container without its image.
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service1\nspec:\n  template:\n    \
                 spec:\n      containers:\n      - name: server\n        env: []\n";
    repository.write("kustomize/components/memory/patch.yaml", patch, 0);
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: \
                     patch.yaml\n";
    repository.write(
        "kustomize/components/memory/kustomization.yaml",
        component,
        0,
    );
    repository.write("helm-chart/Chart.yaml", "name: shop\n", 0);
    repository.write(
        "helm-chart/templates/a.yaml",
        "{{- if .Values.a }}\na: [\n{{- end }}\n",
        0,
    );
    let outcome = repository.check();
    assert_eq!(repository.containers, 13);
    assert!(
        outcome.stderr.contains("skipped 1 Helm chart"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn monitoring_stack_has_a_row_for_each_container() {
    let mut repository = Repository::new();
    for (index, containers) in [1, 3, 4, 2, 5].into_iter().enumerate() {
        let name = format!("part{index}");
        let images: Vec<(String, String)> = (0..containers)
            .map(|n| (format!("c{n}"), format!("q.io/{name}/c{n}:v{n}.0")))
            .collect();
        let images: Vec<(&str, &str)> = images
            .iter()
            .map(|(name, image)| (name.as_str(), image.as_str()))
            .collect();
        let text = deployment(&name, &["a: b"], &images);
        let text = if index == 2 {
            text.replace("Deployment", "DaemonSet")
        } else {
            text
        };
        repository.write(
            &format!("manifests/{name}-deployment.yaml"),
            &text,
            containers,
        );
        let roles = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBindingList\nitems:\n- kind: \
             RoleBinding\n  metadata: {{name: {name}}}\n"
        );
        repository.write(&format!("manifests/{name}-roleBindings.yaml"), &roles, 0);
    }
    // Custom resources with an image of their own, and large data.
    let prometheus = "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: k8s}\n\
                      spec:\n  image: q.io/prometheus:v2\n  version: 2.0.0\n";
    repository.write("manifests/prometheus.yaml", prometheus, 0);
    let mut dashboards = "apiVersion: v1\nkind: ConfigMapList\nitems:\n".to_owned();
    for index in 0..200 {
        let _ = write!(
            dashboards,
            "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: d{index}}}\n  data:\n    d.json: |-\n      \
             {{\n        \"image\": \"q/not:1\",\n        \"expr\": \"sum({{{{a}}}})\"\n      }}\n"
        );
    }
    repository.write("manifests/dashboards.yaml", &dashboards, 0);
    let schema = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
                  a.example}\nspec:\n  versions:\n  - schema:\n      openAPIV3Schema:\n        properties:\n          \
                  image: {type: string}\n          containers: {type: array}\n";
    repository.write("manifests/setup/crd.yaml", schema, 0);
    repository.check();
    assert_eq!(repository.containers, 15);
}

#[test]
fn application_with_a_chart_and_overlays_has_a_row_for_each_container() {
    let mut repository = Repository::new();
    let container = [("app", "q.io/org/podinfo:6.0.0")];
    repository.write(
        "kustomize/deployment.yaml",
        &deployment("podinfo", &["a: b"], &container),
        1,
    );
    repository.write(
        "kustomize/kustomization.yaml",
        "resources:\n- deployment.yaml\n",
        0,
    );
    for part in ["backend", "frontend"] {
        let text = deployment(part, &["a: b"], &container);
        repository.write(&format!("deploy/bases/{part}/deployment.yaml"), &text, 1);
        let kustomization = "kind: Kustomization\nresources:\n- deployment.yaml\n";
        repository.write(
            &format!("deploy/bases/{part}/kustomization.yaml"),
            kustomization,
            0,
        );
    }
    let overlay =
        "resources:\n- ../../bases/backend\nimages:\n- name: q.io/org/podinfo\n  newTag: 6.1.0\n";
    repository.write("deploy/overlays/dev/kustomization.yaml", overlay, 0);
    repository.write("charts/podinfo/Chart.yaml", "name: podinfo\n", 0);
    repository.write(
        "charts/podinfo/values.yaml",
        "image:\n  repository: q/a\n  tag: x\n",
        0,
    );
    let template =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n";
    repository.write("charts/podinfo/templates/deployment.yaml", template, 0);
    let outcome = repository.check();
    assert_eq!(repository.containers, 3);
    let built: Vec<String> = outcome
        .items()
        .iter()
        .map(|item| format!("{} {}", item["root"], item["image"]).replace('"', ""))
        .collect();
    assert!(
        built
            .iter()
            .any(|image| image.contains("deploy/overlays/dev q.io/org/podinfo:6.1.0")),
        "{built:#?}"
    );
}
