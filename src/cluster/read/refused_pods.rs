//! Why the Pods of a workload cannot be created.

use serde_json::Value;

use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{refused_pods, refused_pods_in_events};

impl Cluster {
    /// Why the Pods of an object cannot be created: from its conditions, or else from its
    /// Events if it is of a kind whose controller sets no condition. `None` if they can,
    /// or if the Events may not be read.
    pub async fn refused_pods(&self, object: &Value) -> Option<String> {
        if let Some(why) = refused_pods(object) {
            return Some(why);
        }
        let metadata = &object["metadata"];
        let (uid, namespace) = (metadata["uid"].as_str()?, metadata["namespace"].as_str()?);
        if object["kind"] == "Deployment" {
            return None;
        }
        let selector = format!("involvedObject.uid={uid},reason=FailedCreate");
        let list = ListRequest {
            path: Resource::new("v1", "events").path(&Scope::Namespace(namespace.to_owned())),
            field_selector: Some(&selector),
            ..ListRequest::default()
        };
        match self
            .list(&list, |text| serde_json::from_str(text).ok())
            .await
        {
            Ok(events) => {
                let events: Vec<Value> = events.into_iter().flatten().collect();
                refused_pods_in_events(object, &events)
            }
            Err(error) => {
                tracing::debug!("the Events are unknown: {error}");
                None
            }
        }
    }
}
