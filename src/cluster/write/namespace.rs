//! Annotates a Namespace.

use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::json;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::repeat::SecondCopy;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;

impl Cluster {
    /// Sets one annotation of a namespace, whatever it was before.
    ///
    /// # Errors
    ///
    /// The namespace does not exist, may not be patched, or the server does not respond.
    pub async fn annotate_namespace(
        &self,
        namespace: &str,
        key: &str,
        text: &str,
        field_manager: &str,
    ) -> Result<(), ClusterError> {
        check_path_segment("namespace", namespace)?;
        let params = PatchParams {
            field_manager: Some(field_manager.to_owned()),
            ..PatchParams::default()
        };
        let body = json!({"metadata": {"annotations": {key: text}}});
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let request = Request::new(path).patch(namespace, &params, &Patch::Merge(&body));
        self.send(request, SecondCopy::Harmful).await?;
        Ok(())
    }
}
