//! Paths that no version of kustomize takes for a URL or a repository.

use crate::manifest::kustomize::spec::is_remote;

/// The first words of a path that kustomize takes for a host, in lower case.
const HOSTS: [&str; 3] = ["github.com", "www.github.com", "gh"];

/// Why a path is not given to kustomize; `None` if it is a plain local path.
///
/// Kustomize decides by the text, before it looks at the file system: a scheme, a user
/// (`git@`) or GitHub's host make a path remote, and older versions also look for `.git` and
/// `_git`. A path with such a character is therefore refused even if a file has that name.
pub(crate) fn refusal(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("the path is empty");
    }
    if path.starts_with('/') {
        return Some("absolute paths are not read; use a relative one");
    }
    let is_strange = path
        .chars()
        .any(|letter| letter.is_control() || "\\:@?#%*".contains(letter));
    let first = path.split('/').next().unwrap_or_default();
    let is_host = HOSTS.contains(&first.to_lowercase().as_str());
    let is_repository = path
        .split('/')
        .any(|part| part.ends_with(".git") || part.ends_with("_git"));
    if is_strange || is_host || is_repository || is_remote(path) {
        return Some("this is not a plain local path, so kustomize might download it");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn forms_that_kustomize_takes_for_a_url_or_a_repository_are_refused() {
        for path in [
            "http://127.0.0.1/x",
            "HTTPS://example.com/x",
            "file:///etc",
            "ssh://a/b",
            "git::https://a/b",
            "git@example.com:org/repo",
            "me@example.com/org/repo",
            "github.com/org/repo",
            "GitHub.com/org/repo",
            "www.github.com/org/repo",
            "gh:org/repo",
            "host:org/repo",
            "a/_git/b",
            "a.git",
            "a.git/b",
            ".git/config",
            "a?ref=main",
            "a\nb",
            "a\\b",
            "/etc/passwd",
            "",
        ] {
            assert!(refusal(path).is_some(), "{path:?}");
        }
        for path in [
            "deploy.yaml",
            "../base",
            "./a/b.yaml",
            ".",
            "a b.yaml",
            "a=b",
            "github.example/x",
            ".github/x.yaml",
        ] {
            assert_eq!(refusal(path), None, "{path:?}");
        }
    }
}
