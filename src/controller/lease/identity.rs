//! The name with which a process holds the Lease.

use std::hash::{BuildHasher as _, RandomState};

/// A name for this process: that of its Pod or host, with a suffix that is different after
/// each start. A process that was restarted is another candidate, because it does not know
/// what the previous one was doing.
#[must_use]
pub fn unique_identity(host: &str) -> String {
    let host = if host.is_empty() { "imgpolicy" } else { host };
    let suffix = RandomState::new().hash_one(std::process::id());
    format!("{host}_{suffix:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_another_name() {
        let names = [unique_identity("pod-1"), unique_identity("pod-1")];
        assert_ne!(names[0], names[1]);
        for name in names {
            assert_eq!(name.len(), "pod-1_".len() + 16, "{name}");
            assert!(name.starts_with("pod-1_"), "{name}");
        }
        assert!(unique_identity("").starts_with("imgpolicy_"));
    }
}
