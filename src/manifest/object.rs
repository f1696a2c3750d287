//! An object of a manifest as a workload.

use super::document::Object;
use super::markers::mark;
use crate::workload::{DecodeError, Observed, Workload, decode};

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
        workload
    }
}
