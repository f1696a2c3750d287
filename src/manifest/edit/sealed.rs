//! Refuses changes that SOPS forbids.

use serde_json::Value;

use super::change::format_path;
use super::error::EditProblem;
use crate::manifest::document::{Located, Object};
use crate::manifest::sops::Sops;
use crate::plan::FieldEdit;

/// Refuses a change that would break the SOPS checksum or encryption; see [`Sops`].
pub(crate) fn check(
    found: &Located,
    object: &Object,
    places: &[FieldEdit],
) -> Result<(), EditProblem> {
    if places.is_empty() {
        return Ok(());
    }
    if object.is_sealed {
        return Err(EditProblem::Sealed);
    }
    let own = Sops::from_value(&object.value);
    let root = found.root.sops.as_ref();
    for edit in places {
        let now = at(&object.value, &edit.path);
        let by_root = root.is_some_and(|sops| {
            let path = [found.path.as_slice(), &edit.path].concat();
            sops.encrypts(&path, now)
        });
        let by_own = own.as_ref();
        if by_root || by_own.is_some_and(|sops| sops.encrypts(&edit.path, now)) {
            return Err(EditProblem::Encrypted {
                place: format_path(&edit.path),
            });
        }
    }
    Ok(())
}

fn at<'v>(object: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(object, |at, key| match at {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        at => at.get(key),
    })
}
