//! A short way to describe a workload, a repository and everything else that affects
//! one decision. Every decision is also checked for properties that all decisions
//! must have: see [`Scenario::decide`].

use std::collections::BTreeMap;
use std::ops::Deref;

use kubectl_imgpolicy::evaluator::{
    CandidateVerdict, Decision, Examination, Settings, Snapshot, assess,
};
use kubectl_imgpolicy::image::{Fact, FetchFailureKind};
use kubectl_imgpolicy::policy::WarningCode;
use kubectl_imgpolicy::workload::{
    ManifestSource, Node, PodImages, UndoneRevision, Workload, decode,
};
use serde_json::{Value, json};

use super::oracle::{Oracle, OracleImage, image, time};

/// The current time in the tests, a Saturday.
pub(crate) const NOW: &str = "2026-11-21T12:00:00Z";

/// Everything that affects a decision.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    object: Value,
    file: Option<String>,
    pub(crate) oracle: Oracle,
    pub(crate) settings: Settings,
    pods: PodImages,
    nodes: Option<Vec<String>>,
    undone: Option<UndoneRevision>,
    policy_objects: Vec<Value>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// A decision, and how it was made.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    pub(crate) examination: Examination,
    asked: Vec<Fact>,
}

impl Scenario {
    /// `deployment/web` without containers.
    pub(crate) fn deployment() -> Self {
        Self::of(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {}}}}),
        )
    }

    /// `deployment/web`, whose container `app` has a policy.
    pub(crate) fn following(policy: &str, image: &str) -> Self {
        Self::deployment()
            .annotation("fluxcd.io/automated", "true")
            .annotation("fluxcd.io/tag.app", policy)
            .container("app", image)
    }

    /// `deployment/web`, to whose container `app` an entry of Kustomization
    /// flux-system/apps applies.
    pub(crate) fn governed_by(entry: Value, image: &str) -> Self {
        Self::deployment()
            .kustomization("apps", json!([entry]))
            .applied_by("apps")
            .container("app", image)
    }

    pub(crate) fn helm_release(values: Value) -> Self {
        Self::of(
            json!({"apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
            "metadata": {"name": "web"}, "spec": {"values": values}}),
        )
    }

    pub(crate) fn of(object: Value) -> Self {
        Self {
            object,
            file: None,
            oracle: Oracle::default(),
            settings: Settings::default(),
            pods: PodImages::default(),
            nodes: None,
            undone: None,
            policy_objects: Vec::new(),
            namespaces: BTreeMap::new(),
        }
    }

    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        self.object["metadata"]["annotations"][key] = json!(value);
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.object["metadata"]["labels"][key] = json!(value);
        self
    }

    /// The label of Flux's Kustomization flux-system/NAME.
    pub(crate) fn applied_by(self, name: &str) -> Self {
        self.label("kustomize.toolkit.fluxcd.io/name", name)
            .label("kustomize.toolkit.fluxcd.io/namespace", "flux-system")
    }

    pub(crate) fn container(self, name: &str, image: &str) -> Self {
        self.listed("containers", name, image)
    }

    pub(crate) fn init_container(self, name: &str, image: &str) -> Self {
        self.listed("initContainers", name, image)
    }

    fn listed(mut self, list: &str, name: &str, image: &str) -> Self {
        let list = &mut self.object["spec"]["template"]["spec"][list];
        if list.is_null() {
            *list = json!([]);
        }
        let containers = list.as_array_mut().expect("a list");
        containers.push(json!({"name": name, "image": image}));
        self
    }

    pub(crate) fn node_selector(mut self, key: &str, value: &str) -> Self {
        self.object["spec"]["template"]["spec"]["nodeSelector"][key] = json!(value);
        self
    }

    pub(crate) fn nodes(mut self, platforms: &[&str]) -> Self {
        self.nodes = Some(platforms.iter().map(ToString::to_string).collect());
        self
    }

    /// The workload went back to an older revision; the newer one had these annotations
    /// and this image of `app`.
    pub(crate) fn undone(mut self, annotations: &[(&str, &str)], image: &str) -> Self {
        let text = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        self.undone = Some(UndoneRevision {
            revision: 7,
            annotations: annotations.iter().map(text).collect(),
            images: [text(&("app", image))].into(),
        });
        self
    }

    /// Adds tags without further properties.
    pub(crate) fn tags(mut self, tags: &[&str]) -> Self {
        for tag in tags {
            self.oracle.add(tag, image());
        }
        self
    }

    pub(crate) fn image(mut self, tag: &str, image: OracleImage) -> Self {
        self.oracle.add(tag, image);
        self
    }

    pub(crate) fn tags_fail(mut self, kind: FetchFailureKind) -> Self {
        self.oracle.tags_fail = Some(kind);
        self
    }

    /// Adds the `imageID` of one Pod for a container.
    pub(crate) fn pod(mut self, container: &str, image_id: &str) -> Self {
        self.pods.add(container, image_id);
        self
    }

    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub(crate) fn in_file(mut self, path: &str) -> Self {
        self.file = Some(path.to_owned());
        self
    }

    /// Kustomization flux-system/NAME with `imagePolicies`.
    pub(crate) fn kustomization(self, name: &str, image_policies: Value) -> Self {
        self.kustomization_at(name, &format!("./clusters/{name}"), image_policies)
    }

    pub(crate) fn kustomization_at(self, name: &str, path: &str, image_policies: Value) -> Self {
        self.policy_object(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"path": path, "imagePolicies": image_policies}}))
    }

    pub(crate) fn policy_object(mut self, object: Value) -> Self {
        self.policy_objects.push(object);
        self
    }

    /// An annotation of the workload's namespace.
    pub(crate) fn namespace_annotation(mut self, key: &str, value: &str) -> Self {
        let namespace = self.namespaces.entry("default".to_owned()).or_default();
        namespace.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn object(&self) -> &Value {
        &self.object
    }

    /// The same scenario with another object.
    pub(crate) fn with_object(&self, object: Value) -> Self {
        Self {
            object,
            ..self.clone()
        }
    }

    pub(crate) fn workload(&self) -> Workload {
        let mut workload = decode(&self.object, "default")
            .expect("decodes")
            .expect("a workload");
        workload.source = self
            .file
            .clone()
            .map(|file| ManifestSource { file, line: 1 });
        workload
    }

    /// The snapshot without the repository.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(time(NOW));
        let workload = self.workload();
        snapshot.pods = vec![(workload.id.clone(), self.pods.clone())];
        let undone = self.undone.iter().cloned();
        snapshot.undone = undone.map(|undone| (workload.id.clone(), undone)).collect();
        snapshot.workloads = vec![workload];
        snapshot.settings = self.settings.clone();
        snapshot.policy_objects = self.policy_objects.clone();
        snapshot.namespaces = self.namespaces.clone();
        snapshot.nodes = self.nodes.as_ref().map(|nodes| {
            let parse = |node: &String| Node::of_platform(node.parse().expect("a platform"));
            nodes.iter().map(parse).collect()
        });
        snapshot
    }

    /// The snapshot with all facts that the decisions need. All repositories have
    /// the same contents.
    pub(crate) fn settled(&self) -> Snapshot {
        let mut snapshot = self.snapshot();
        let mut oracle = self.oracle.clone();
        let mut repositories = BTreeMap::new();
        for subject in snapshot.subjects().expect("subjects") {
            if let Some(name) = subject.repository() {
                let known = repositories.remove(name).unwrap_or_default();
                let settled = oracle.settle_from(known, &subject);
                repositories.insert(name.clone(), settled);
            }
        }
        snapshot.repositories = repositories;
        snapshot
    }

    /// The messages about entries that do not match any container.
    pub(crate) fn unmatched(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        snapshot.sources().unmatched(snapshot.workloads.iter())
    }

    /// Decides one container, and checks that a second evaluation, additional facts
    /// and a saved snapshot all lead to the same decision.
    pub(crate) fn decide(&self, container: &str) -> Judged {
        let mut snapshot = self.snapshot();
        let mut oracle = self.oracle.clone();
        let subjects = snapshot.subjects().expect("subjects");
        let at = subjects.iter().position(|s| s.container.name == container);
        let at = at.unwrap_or_else(|| panic!("no container {container}"));
        let subject = &subjects[at];
        let metadata = oracle.settle(subject);
        let decision = subject.decide(&metadata);
        let examination = subject.examine(&metadata);

        assert_eq!(decision, subject.decide(&metadata), "a second look");
        assert_eq!(decision, examination.decision, "examined");
        assert_eq!(decision.outcome, decision.reason.outcome());
        check_candidates(&examination);
        let repository = subject.repository().cloned();
        drop(subjects);
        if let Some(name) = repository {
            snapshot.repositories.insert(name, metadata);
        }
        let saved = serde_json::to_string(&snapshot).expect("saves");
        let loaded = Snapshot::parse(&saved).expect("loads");
        let rows = assess(&loaded).expect("assesses").rows;
        assert_eq!(rows[at].decision, decision, "replayed");
        Judged {
            decision,
            examination,
            asked: oracle.asked,
        }
    }
}

/// Checks the properties of the candidates that every decision must have.
fn check_candidates(examination: &Examination) {
    let target = examination.decision.latest.as_ref().and_then(|i| i.tag());
    for candidate in &examination.candidates {
        let is_rejected = candidate.verdict == CandidateVerdict::Rejected;
        assert_eq!(is_rejected, candidate.rejection.is_some());
        assert_eq!(is_rejected, candidate.rank.is_none());
        let is_updated_to =
            examination.decision.outcome.as_str() == "update" && target == Some(&candidate.tag);
        assert!(!(is_rejected && is_updated_to), "{candidate:?}");
    }
}

impl Deref for Judged {
    type Target = Decision;

    fn deref(&self) -> &Decision {
        &self.decision
    }
}

impl Judged {
    /// `update newer-image 1.0.1`: outcome, reason, and the elected tag, with the
    /// digest after an at sign if there is one.
    pub(crate) fn says(&self) -> String {
        format!("{} {} {}", self.outcome, self.reason, self.elected())
    }

    /// The elected tag, with the short form of the digest if one is written.
    pub(crate) fn elected(&self) -> String {
        let Some(image) = &self.latest else {
            return "-".to_owned();
        };
        let tag = image.tag().map(ToString::to_string).unwrap_or_default();
        match image.digest() {
            Some(digest) => format!("{tag}@{}", digest.short()),
            None => tag,
        }
    }

    /// The elected image, as it would be written.
    pub(crate) fn writes(&self) -> String {
        self.latest
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string)
    }

    /// The codes of the warnings, separated by spaces.
    pub(crate) fn warns(&self) -> String {
        let codes: Vec<&str> = self.warnings.iter().map(|w| w.code.as_str()).collect();
        codes.join(" ")
    }

    /// The message of the only warning with this code.
    pub(crate) fn warning(&self, code: WarningCode) -> &str {
        let mut those = self.warnings.iter().filter(|w| w.code == code);
        let first = those
            .next()
            .unwrap_or_else(|| panic!("no {code}: {:?}", self.warnings));
        assert_eq!(those.next(), None, "a second {code}");
        &first.message
    }

    /// The requested facts, in the order of the requests: `tags`, `created 1.0.1`,
    /// `platforms 1.0.1`, `digest 1.0.1`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let name = |fact: &Fact| match fact {
            Fact::Tags => "tags".to_owned(),
            Fact::Digest(v) => format!("digest {v}"),
            Fact::Members(v) => format!("members {v}"),
            Fact::Platforms(v) => format!("platforms {v}"),
            Fact::Created(v) => format!("created {v}"),
            Fact::Configs(v) => format!("configs {v}"),
            Fact::Pushed(v) => format!("pushed {v}"),
            Fact::Confirmed(v) => format!("confirmed {v}"),
        };
        self.asked.iter().map(name).collect()
    }

    /// The verdict on a tag: `elected`, `accepted` or the rejection.
    pub(crate) fn verdict(&self, tag: &str) -> String {
        let candidate = self
            .examination
            .candidates
            .iter()
            .find(|candidate| candidate.tag.as_str() == tag)
            .unwrap_or_else(|| panic!("no candidate {tag}"));
        match candidate.rejection {
            Some(rejection) => rejection.to_string(),
            None => candidate.verdict.to_string(),
        }
    }
}
