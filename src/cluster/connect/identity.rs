//! The user as the API server knows them.

use kube::api::PostParams;
use kube::core::Request;
use serde::Deserialize;
use serde_json::json;

use super::connection::Cluster;
use crate::cluster::api::repeat::SecondCopy;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SelfSubjectReview {
    status: ReviewStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReviewStatus {
    user_info: UserInfo,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UserInfo {
    username: String,
}

impl Cluster {
    /// The name of the user as the API server knows them; `None` if the server does not
    /// say, as servers before 1.28 do not.
    pub async fn user_name(&self) -> Option<String> {
        let api_version = "authentication.k8s.io/v1";
        let review = json!({"apiVersion": api_version, "kind": "SelfSubjectReview"});
        let request = Request::new(format!("/apis/{api_version}/selfsubjectreviews"))
            .create(&PostParams::default(), review.to_string().into_bytes());
        // The server answers a review without storing it.
        let response = self.send(request, SecondCopy::Read).await.ok()?;
        let review: SelfSubjectReview = serde_json::from_str(&response.body).ok()?;
        Some(review.status.user_info.username).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{answering, not_found};

    #[tokio::test]
    async fn server_reports_the_user_name() {
        let (cluster, requests) = answering(|_| {
            let status = json!({"userInfo": {"username": "ann", "groups": ["ops"]}});
            (201, json!({"status": status}).to_string())
        });
        assert_eq!(cluster.user_name().await.as_deref(), Some("ann"));
        let sent = requests.sent().remove(0);
        assert_eq!(
            sent.line(),
            "POST /apis/authentication.k8s.io/v1/selfsubjectreviews?"
        );
        assert_eq!(
            sent.body,
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
        );
    }

    #[tokio::test]
    async fn old_server_reports_no_user_name() {
        for answer in [not_found(), (200, "{}".to_owned()), (200, "no".to_owned())] {
            let (cluster, _) = answering(move |_| answer.clone());
            assert_eq!(cluster.user_name().await, None);
        }
    }
}
