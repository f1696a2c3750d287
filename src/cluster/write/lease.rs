//! Writes the Lease of our controller.

use kube::api::PostParams;
use serde_json::Value;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::repeat::SecondCopy;
use crate::cluster::connect::connection::Cluster;
use crate::cluster::read::lease::follow::{collection, parse};
use crate::cluster::read::lease::object::{CONTROLLER_LEASE, Lease, LeaseNotes, LeaseSpec};

impl Cluster {
    /// Creates the controller's Lease in a namespace.
    ///
    /// # Errors
    ///
    /// The Lease already exists (`AlreadyExists`), it may not be created, or the server does
    /// not respond. After some failures it is unknown whether it was created: see
    /// [`ClusterError::is_outcome_unknown`].
    pub async fn create_controller_lease(
        &self,
        namespace: &str,
        spec: &LeaseSpec,
        field_manager: &str,
    ) -> Result<Lease, ClusterError> {
        let body = Lease::new_object(namespace, spec).to_string();
        let request = collection(namespace)?.create(&params(field_manager), body.into_bytes());
        let response = self.send(request, SecondCopy::Refused).await?;
        parse("POST", &response.body)
    }

    /// Replaces who holds the controller's Lease in a namespace, writes the notes of the holder,
    /// and keeps its other fields.
    ///
    /// # Errors
    ///
    /// The Lease was written after `lease` was read: see [`ClusterError::is_conflict`]. It may
    /// not be updated, or the server does not respond. After some failures it is unknown
    /// whether it was replaced: see [`ClusterError::is_outcome_unknown`].
    pub async fn replace_controller_lease(
        &self,
        namespace: &str,
        lease: &Lease,
        spec: &LeaseSpec,
        notes: &LeaseNotes,
        field_manager: &str,
    ) -> Result<Lease, ClusterError> {
        let body = lease.replacement(spec, notes);
        self.put_controller_lease(namespace, &body, field_manager)
            .await
    }

    /// Sets one annotation of the controller's Lease in a namespace. Its holder stays.
    ///
    /// # Errors
    ///
    /// As for [`Cluster::replace_controller_lease`].
    pub async fn annotate_controller_lease(
        &self,
        namespace: &str,
        lease: &Lease,
        key: &str,
        text: &str,
        field_manager: &str,
    ) -> Result<Lease, ClusterError> {
        let body = lease.annotated(key, text);
        self.put_controller_lease(namespace, &body, field_manager)
            .await
    }

    async fn put_controller_lease(
        &self,
        namespace: &str,
        body: &Value,
        field_manager: &str,
    ) -> Result<Lease, ClusterError> {
        let body = body.to_string().into_bytes();
        let request =
            collection(namespace)?.replace(CONTROLLER_LEASE, &params(field_manager), body);
        let response = self.send(request, SecondCopy::Refused).await?;
        parse("PUT", &response.body)
    }
}

fn params(field_manager: &str) -> PostParams {
    PostParams {
        dry_run: false,
        field_manager: Some(field_manager.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{answering, status};

    const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";

    fn spec(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            renew_time: Some("2026-01-02T03:04:05Z".parse().expect("a time")),
            ..LeaseSpec::default()
        }
    }

    fn stored(version: &str) -> serde_json::Value {
        json!({"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": "a"}})
    }

    #[tokio::test]
    async fn replacement_names_the_version_that_was_read() {
        let (cluster, requests) = answering(|_| (200, stored("8").to_string()));
        let lease = Lease::decode(stored("7")).expect("a Lease");
        let replaced = cluster
            .replace_controller_lease("shop", &lease, &spec("b"), &LeaseNotes::new(), "imgpolicy")
            .await
            .expect("replaced");
        assert_eq!(replaced.version, "8");
        let sent = requests.sent().remove(0);
        assert_eq!(
            sent.line(),
            format!("PUT {PATH}/imgpolicy-controller?&fieldManager=imgpolicy")
        );
        assert_eq!(sent.body["metadata"]["resourceVersion"], "7");
        assert_eq!(sent.body["spec"]["holderIdentity"], "b");
        assert_eq!(
            sent.body["spec"]["renewTime"],
            "2026-01-02T03:04:05.000000Z"
        );
    }

    #[tokio::test]
    async fn lease_is_created_by_name_and_an_existing_one_is_reported() {
        let (cluster, requests) = answering(|_| (201, stored("1").to_string()));
        let created = cluster
            .create_controller_lease("shop", &spec("a"), "imgpolicy")
            .await;
        assert_eq!(created.expect("created").version, "1");
        let sent = requests.sent().remove(0);
        assert_eq!(sent.line(), format!("POST {PATH}?&fieldManager=imgpolicy"));
        assert_eq!(sent.body["metadata"]["name"], "imgpolicy-controller");

        for (reason, exists, conflict) in
            [("AlreadyExists", true, false), ("Conflict", false, true)]
        {
            let (cluster, _) = answering(move |_| status(409, reason, "m"));
            let error = cluster
                .create_controller_lease("shop", &spec("a"), "imgpolicy")
                .await
                .expect_err("refused");
            assert_eq!(
                (error.already_exists(), error.is_conflict()),
                (exists, conflict)
            );
        }
    }
}
