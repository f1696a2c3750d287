//! Decodes an object of a manifest as a workload.

use serde_json::Value;

use super::document::Object;
use super::markers::mark;
use crate::workload::{DecodeError, Observed, Workload, decode, helm_images};

impl Object {
    /// Decodes the object as a workload and adds what only the text shows: the Flux
    /// markers, and whether SOPS forbids changes. Returns `Ok(None)` if the object is not
    /// a workload. `default_namespace` is used if the object has no namespace.
    ///
    /// # Errors
    ///
    /// The object is a workload but cannot be decoded.
    pub fn workload(&self, default_namespace: &str) -> Result<Option<Workload>, DecodeError> {
        let workload = decode(&self.value, default_namespace)?;
        Ok(workload.map(|workload| self.with_text(workload)))
    }

    /// Like [`Self::workload`], with everything that an edit needs.
    ///
    /// # Errors
    ///
    /// The object is a workload but cannot be decoded.
    pub fn observed(&self, default_namespace: &str) -> Result<Option<Observed>, DecodeError> {
        let observed = Observed::read(&self.value, default_namespace)?;
        Ok(observed.map(|observed| Observed {
            workload: self.with_text(observed.workload),
            ..observed
        }))
    }

    fn with_text(&self, mut workload: Workload) -> Workload {
        mark(&mut workload, &self.value, &self.markers);
        workload.is_sealed = self.is_sealed;
        // A manifest that was exported from a cluster says nothing about the present.
        workload.is_being_deleted = false;
        let values = self
            .value
            .pointer("/spec/values")
            .and_then(Value::as_object);
        if let Some(values) = values.filter(|_| !self.plain_texts.is_empty()) {
            let images = helm_images(values, &workload.annotations);
            for container in &mut workload.containers {
                let tag = images.get(&container.name).and_then(|i| i.tag.as_ref());
                if let (Some(numeric), Some(tag)) = (&mut container.numeric_tag, tag) {
                    numeric.written = self.plain_texts.get(tag).cloned();
                }
            }
        }
        workload
    }
}
