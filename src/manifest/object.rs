//! An object of a manifest as a workload.

use serde_json::Value;

use super::document::Object;
use super::markers::mark;
use crate::workload::{DecodeError, Observed, Workload, decode, helm_images};

impl Object {
    /// The workload that the object is, with what only its text tells: Flux's
    /// markers, and whether SOPS forbids to change it. `Ok(None)`: it is not a
    /// workload. `default_namespace` serves where the object names none.
    ///
    /// # Errors
    ///
    /// The object is a workload and cannot be read.
    pub fn workload(&self, default_namespace: &str) -> Result<Option<Workload>, DecodeError> {
        let workload = decode(&self.value, default_namespace)?;
        Ok(workload.map(|workload| self.with_text(workload)))
    }

    /// The same with all that an edit needs.
    ///
    /// # Errors
    ///
    /// The object is a workload and cannot be read.
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
