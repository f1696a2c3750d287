//! One object, read whole and written.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use kube::api::{GetParams, Patch as Body, PatchParams, ValidationDirective};
use kube::core::Request;
use serde_json::Value;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::api::transport::SecondCopy;
use crate::cluster::connect::connection::Cluster;
use crate::plan::{Patch, PatchKind};
use crate::workload::{Observed, WorkloadId};

/// An object after a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The object as it is now; in a dry run, as it would be.
    pub object: Observed,
    /// What the server warns of, such as an admission policy's words.
    pub warnings: Vec<String>,
}

impl Cluster {
    /// Reads one object as the API gives it.
    ///
    /// # Errors
    ///
    /// It is not there, may not be read, or no server answers.
    pub async fn object(&self, id: &WorkloadId) -> Result<Value, ClusterError> {
        let request = collection(id)?.get(&id.name, &GetParams::default());
        parse(id, "GET", &self.fetch(request).await?)
    }

    /// Reads one object with all that an edit of it needs.
    ///
    /// # Errors
    ///
    /// It is not there, may not be read, is no workload that can be read, or no
    /// server answers.
    pub async fn observe(&self, id: &WorkloadId) -> Result<Observed, ClusterError> {
        observed(id, "GET", &self.object(id).await?)
    }

    /// Sends one patch, whose fields the server then counts as `field_manager`'s.
    /// An unknown or doubled field in it is an error.
    ///
    /// It may be sent twice where the server says that it could not serve it,
    /// since a patch that carries the version that it was made from is applied
    /// only once: the second copy meets a conflict. One without a version is
    /// repeated only where the server has not begun with it. What broke off is
    /// never repeated.
    ///
    /// # Errors
    ///
    /// The server refuses it, also with a conflict where somebody wrote in
    /// between: see [`ClusterError::is_conflict`]. After some failures nobody
    /// knows whether it was applied: see [`ClusterError::is_outcome_unknown`].
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
            // The client's own type for it brings a library that applies patches.
            let steps = HeaderValue::from_static("application/json-patch+json");
            request.headers_mut().insert(CONTENT_TYPE, steps);
        }
        // What is tested has changed after the first copy.
        let is_guarded = patch.kind == PatchKind::Json
            || patch.body.pointer("/metadata/resourceVersion").is_some();
        let second_copy = if is_guarded {
            SecondCopy::Harmless
        } else {
            SecondCopy::Harmful
        };
        let answer = self.send(request, second_copy).await?;
        Ok(Patched {
            object: observed(id, "PATCH", &parse(id, "PATCH", &answer.body)?)?,
            warnings: answer.warnings,
        })
    }
}

/// The collection in which an object lies.
fn collection(id: &WorkloadId) -> Result<Request, ClusterError> {
    check_path_segment("namespace", &id.namespace)?;
    check_path_segment("resource name", &id.name)?;
    let scope = Scope::Namespace(id.namespace.clone());
    Ok(Request::new(Resource::for_object(id)?.path(&scope)))
}

fn parse(id: &WorkloadId, verb: &str, body: &str) -> Result<Value, ClusterError> {
    serde_json::from_str(body).map_err(|error| ClusterError::malformed(&asked(id, verb), &error))
}

fn observed(id: &WorkloadId, verb: &str, object: &Value) -> Result<Observed, ClusterError> {
    match Observed::read(object, &id.namespace) {
        Ok(Some(observed)) => Ok(observed),
        Ok(None) => Err(ClusterError::Malformed {
            request: asked(id, verb),
            reason: format!("it is not a {}", id.kind),
        }),
        Err(error) => Err(ClusterError::malformed(&asked(id, verb), &error)),
    }
}

/// What was asked, for messages.
fn asked(id: &WorkloadId, verb: &str) -> String {
    format!("{verb} {} -n {}", id.qualified(), id.namespace)
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;
