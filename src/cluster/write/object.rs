//! Reads one whole object, and patches it.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use kube::api::{GetParams, Patch as Body, PatchParams, ValidationDirective};
use kube::core::Request;
use serde_json::Value;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::repeat::SecondCopy;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::plan::{Patch, PatchKind};
use crate::workload::{Observed, WorkloadId};

/// An object after a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The object as it is now; in a dry run, as it would be.
    pub object: Observed,
    /// The server's warnings, such as those of an admission policy.
    pub warnings: Vec<String>,
}

impl Cluster {
    /// Reads one object, unchanged.
    ///
    /// # Errors
    ///
    /// The object does not exist, may not be read, or the server does not respond.
    pub async fn object(&self, id: &WorkloadId) -> Result<Value, ClusterError> {
        let request = collection(id)?.get(&id.name, &GetParams::default());
        parse(id, "GET", &self.fetch(request).await?)
    }

    /// Reads one object with everything that is needed to edit it.
    ///
    /// # Errors
    ///
    /// The object does not exist, may not be read, is not a valid workload, or the server
    /// does not respond.
    pub async fn observe(&self, id: &WorkloadId) -> Result<Observed, ClusterError> {
        observed(id, "GET", &self.object(id).await?)
    }

    /// Sends one patch. The server records `field_manager` as the manager of its fields. An
    /// unknown or duplicate field in the patch is an error.
    ///
    /// The patch may be sent again if the server says that it could not handle it: a patch
    /// that contains the object's version takes effect only once, because the second copy
    /// gets a conflict. A patch without a version is repeated only if the server has not
    /// started to handle it. Only a dry run is repeated after the connection broke.
    ///
    /// # Errors
    ///
    /// The server rejects the patch, for example because the object was changed in
    /// between: see [`ClusterError::is_conflict`]. After some failures it is unknown
    /// whether the patch was applied: see [`ClusterError::is_outcome_unknown`].
    pub async fn patch(
        &self,
        id: &WorkloadId,
        patch: &Patch,
        dry_run: bool,
        field_manager: &str,
    ) -> Result<Patched, ClusterError> {
        let params = PatchParams {
            dry_run,
            field_manager: Some(field_manager.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let body = match patch.kind {
            PatchKind::Strategic => Body::Strategic(&patch.body),
            PatchKind::Merge | PatchKind::Json => Body::Merge(&patch.body),
        };
        let mut request = collection(id)?.patch(&id.name, &params, &body);
        if let (PatchKind::Json, Ok(request)) = (patch.kind, &mut request) {
            // The client's own type for JSON patches adds a dependency.
            let steps = HeaderValue::from_static("application/json-patch+json");
            request.headers_mut().insert(CONTENT_TYPE, steps);
        }
        // After the first copy, the tested value or version has changed.
        let is_guarded = patch.kind == PatchKind::Json
            || patch.body.pointer("/metadata/resourceVersion").is_some();
        let second_copy = if dry_run {
            SecondCopy::Read
        } else if is_guarded {
            SecondCopy::Refused
        } else {
            SecondCopy::Harmful
        };
        let response = self.send(request, second_copy).await?;
        Ok(Patched {
            object: observed(id, "PATCH", &parse(id, "PATCH", &response.body)?)?,
            warnings: response.warnings,
        })
    }
}

/// The collection that contains an object.
fn collection(id: &WorkloadId) -> Result<Request, ClusterError> {
    check_path_segment("namespace", &id.namespace)?;
    check_path_segment("resource name", &id.name)?;
    let scope = Scope::Namespace(id.namespace.clone());
    Ok(Request::new(Resource::for_object(id)?.path(&scope)))
}

fn parse(id: &WorkloadId, verb: &str, body: &str) -> Result<Value, ClusterError> {
    serde_json::from_str(body)
        .map_err(|error| ClusterError::malformed(&request_label(id, verb), &error))
}

fn observed(id: &WorkloadId, verb: &str, object: &Value) -> Result<Observed, ClusterError> {
    match Observed::read(object, &id.namespace) {
        Ok(Some(observed)) => Ok(observed),
        Ok(None) => Err(ClusterError::Malformed {
            request: request_label(id, verb),
            reason: format!("it is not a {}", id.kind),
        }),
        Err(error) => Err(ClusterError::malformed(&request_label(id, verb), &error)),
    }
}

/// The request, for messages.
fn request_label(id: &WorkloadId, verb: &str) -> String {
    format!("{verb} {} -n {}", id.qualified(), id.namespace)
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;
