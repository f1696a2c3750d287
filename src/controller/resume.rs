//! The marks of `controller resume`: on a Namespace, and on the Lease for everything else.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::brakes::Resumed;
use crate::cluster::{Cluster, ClusterError};
use crate::image::ImageReference;
use crate::policy::AnnotationKey;

const KEY: AnnotationKey<'static> = AnnotationKey::ResumedAt;

/// How often the Lease is read again because its holder renewed it in between.
const ATTEMPTS: usize = 5;

/// The marks that were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ResumedMarks {
    /// What was resumed.
    pub(crate) resumed: Resumed,
    /// What could not be read, and has no effect.
    pub(crate) notes: Vec<String>,
}

/// Reads the marks of the Lease and of some namespaces. What cannot be read stays as it is in
/// `known`.
pub(crate) async fn resumed_marks(
    cluster: &Cluster,
    lease_namespace: &str,
    namespaces: BTreeSet<String>,
    known: Resumed,
) -> ResumedMarks {
    let mut resumed = known;
    let mut notes = Vec::new();
    let key = KEY.to_string();
    let read = namespaces
        .iter()
        .map(|name| cluster.namespace_annotation(name, &key));
    let (lease, read) =
        futures_util::join!(cluster.controller_lease(lease_namespace), join_all(read));
    match lease {
        Ok(lease) => {
            resumed.all = None;
            resumed.images.clear();
            let text = lease.as_ref().and_then(|lease| lease.annotation(&key));
            if let Err(error) = resumed.read_lease(text.unwrap_or_default()) {
                notes.push(format!("{key} of the Lease in {lease_namespace}: {error}"));
            }
        }
        Err(error) => notes.push(format!("{key} of the Lease cannot be read: {error}")),
    }
    for (name, text) in namespaces.iter().zip(read) {
        match text {
            Ok(text) => {
                resumed.namespaces.remove(name);
                if let Some(text) = text
                    && let Err(error) = resumed.read_namespace(name, &text)
                {
                    notes.push(format!("{key} of namespace {name}: {error}"));
                }
            }
            Err(error) => notes.push(format!("{key} of namespace {name} cannot be read: {error}")),
        }
    }
    ResumedMarks { resumed, notes }
}

/// Resumes the updates in a namespace.
///
/// # Errors
///
/// The namespace does not exist, may not be patched, or the server does not respond.
pub async fn resume_namespace(
    cluster: &Cluster,
    namespace: &str,
    at: Timestamp,
    field_manager: &str,
) -> Result<(), ClusterError> {
    let text = at.to_string();
    cluster
        .annotate_namespace(namespace, &KEY.to_string(), &text, field_manager)
        .await
}

/// Resumes the updates to an image, or `None`: all. Keeps the other marks. Returns whether there
/// is a Lease to write to.
///
/// # Errors
///
/// The Lease may not be read or updated, the server does not respond, or others have changed the
/// Lease during each attempt.
pub async fn resume_in_lease(
    cluster: &Cluster,
    namespace: &str,
    image: Option<&ImageReference>,
    at: Timestamp,
    field_manager: &str,
) -> Result<bool, ClusterError> {
    let key = KEY.to_string();
    let mut attempts = ATTEMPTS;
    loop {
        let Some(lease) = cluster.controller_lease(namespace).await? else {
            return Ok(false);
        };
        let mut resumed = Resumed::default();
        // What cannot be read has no effect, so it need not be kept.
        let _ = resumed.read_lease(lease.annotation(&key).unwrap_or_default());
        match image {
            Some(image) => resumed.resume_image(image, at),
            None => resumed.all = Some(at),
        }
        let text = resumed.lease_text(at);
        attempts -= 1;
        match cluster
            .annotate_controller_lease(namespace, &lease, &key, &text, field_manager)
            .await
        {
            Err(error) if error.is_conflict() && attempts > 0 => {}
            done => return done.map(|_| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::fake::{answering, cluster, forbidden, no_such_object, status};

    const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/imgpolicy-controller";

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn marked(text: &str) -> Value {
        json!({"metadata": {"resourceVersion": "7",
            "annotations": {"team": "a", "imgpolicy.dev/resumed-at": text}},
            "spec": {"holderIdentity": "pod-1"}})
    }

    #[tokio::test]
    async fn mark_is_added_to_those_of_the_lease_and_a_conflict_is_tried_again() {
        let conflicts = AtomicUsize::new(0);
        let (cluster, requests) = answering(move |sent| {
            if sent.method == "GET" {
                (200, marked("2026-11-21T11:00:00Z").to_string())
            } else if conflicts.fetch_add(1, Ordering::Relaxed) == 0 {
                status(409, "Conflict", "m")
            } else {
                (200, marked("").to_string())
            }
        });
        let image = "org/app:1".parse().expect("an image");
        let at = time("2026-11-21T11:30:00Z");
        let done = resume_in_lease(&cluster, "shop", Some(&image), at, "imgpolicy").await;
        assert!(done.expect("written"));
        let sent = requests.sent();
        let methods: Vec<&str> = sent.iter().map(|sent| sent.method.as_str()).collect();
        assert_eq!(methods, ["GET", "PUT", "GET", "PUT"]);
        let text = "2026-11-21T11:00:00Z docker.io/org/app:1=2026-11-21T11:30:00Z";
        assert_eq!(sent[3].body, marked(text));
    }

    #[tokio::test]
    async fn without_a_lease_nothing_is_written() {
        let (cluster, requests) = cluster(|_| no_such_object("leases", "imgpolicy-controller"));
        let at = time("2026-11-21T11:30:00Z");
        let done = resume_in_lease(&cluster, "shop", None, at, "imgpolicy").await;
        assert!(!done.expect("read"));
        assert_eq!(requests.lines(), [format!("GET {LEASE}")]);
    }

    #[tokio::test]
    async fn marks_that_cannot_be_read_are_noted_and_those_that_are_known_stay() {
        let (cluster, requests) = cluster(|uri| match uri {
            "/api/v1/namespaces/shop" => (200, marked("2026-11-21T11:00:00Z").to_string()),
            "/api/v1/namespaces/bank" => (200, marked("yesterday").to_string()),
            "/api/v1/namespaces/old" => (200, json!({"metadata": {}}).to_string()),
            LEASE => (200, marked("2026-11-21T10:00:00Z").to_string()),
            _ => forbidden(),
        });
        let (lost, at) = (time("2026-11-21T08:00:00Z"), time("2026-11-21T09:00:00Z"));
        let mut known = Resumed {
            all: Some(lost),
            ..Resumed::default()
        };
        for (name, at) in [("old", lost), ("secret", at), ("other", at)] {
            known.namespaces.insert(name.to_owned(), at);
        }
        let names = ["shop", "bank", "old", "secret"].map(str::to_owned).into();
        let read = resumed_marks(&cluster, "shop", names, known).await;
        assert_eq!(read.resumed.all, Some(time("2026-11-21T10:00:00Z")));
        let namespaces = [
            ("other", at),
            ("secret", at),
            ("shop", time("2026-11-21T11:00:00Z")),
        ];
        let namespaces = namespaces.map(|(name, at)| (name.to_owned(), at)).into();
        assert_eq!(read.resumed.namespaces, namespaces);
        assert_eq!(read.notes.len(), 2, "{read:?}");
        assert!(read.notes[0].contains("\"yesterday\" is not a time"));
        assert!(read.notes[1].contains("namespace secret cannot be read"));
        assert_eq!(requests.lines().len(), 5);
    }

    #[tokio::test]
    async fn mark_of_a_namespace_is_an_annotation() {
        let (cluster, requests) = cluster(|_| (200, "{}".to_owned()));
        let at = time("2026-11-21T11:30:00Z");
        let done = resume_namespace(&cluster, "bank", at, "imgpolicy").await;
        done.expect("written");
        let sent = requests.sent().remove(0);
        assert!(sent.line().starts_with("PATCH /api/v1/namespaces/bank?"));
        let annotations = json!({"imgpolicy.dev/resumed-at": "2026-11-21T11:30:00Z"});
        assert_eq!(sent.body, json!({"metadata": {"annotations": annotations}}));
        assert_eq!(sent.content_type, "application/merge-patch+json");
    }
}
