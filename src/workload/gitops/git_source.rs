//! Where an owner takes its objects from: a Flux Kustomization, or an Argo CD Application.

use serde_json::Value;

use super::applied_by::{AppliedBy, application_sources};
use crate::workload::owner::Owner;

/// A folder of a Git repository, and what its owner changes in the objects that it finds there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSource {
    /// The owner; `None` if the user has named the folder.
    pub owner: Option<Owner>,
    /// The URL of the repository, as the owner has it.
    pub repository: String,
    /// The branch that the owner follows; `None`: the repository's default branch. Otherwise why
    /// there is none that could get a commit, as a sentence.
    pub branch: Result<Option<String>, NoBranch>,
    /// The folder, from the root of the repository.
    pub path: String,
    /// Whether manifests in subfolders are applied if the folder has no kustomization.
    pub is_recursive: bool,
    /// The namespace of every object, whatever the files say.
    target_namespace: Option<String>,
    /// The namespace of objects that have none; `None`: any.
    default_namespace: Option<String>,
    name_prefix: String,
    name_suffix: String,
    /// What the owner changes, if kustomize builds the folder.
    pub applied_by: Option<AppliedBy>,
    /// The other tool that the owner uses for the folder, whose result is not known here.
    other_tool: Option<&'static str>,
}

/// Why the files of an owner are not known, as a sentence.
pub type NoGitSource = String;

/// Why an owner follows no branch, as a sentence.
pub type NoBranch = String;

/// A GitRepository of Flux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxRepository {
    /// The URL, as it is written.
    pub url: String,
    /// The branch that it follows.
    pub branch: Result<Option<String>, NoBranch>,
}

impl FluxRepository {
    /// Flux's branch if none is named
    /// (<https://fluxcd.io/flux/components/source/gitrepositories/#reference>).
    const DEFAULT_BRANCH: &str = "master";

    /// Reads a GitRepository; `None`: it has no URL.
    #[must_use]
    pub fn read(repository: &Owner, object: &Value) -> Option<Self> {
        let reference = &object["spec"]["ref"];
        // In the order of their precedence.
        let others = ["name", "semver", "tag", "commit"].into_iter();
        let mut others = others.filter_map(|field| Some((field, text(&reference[field])?)));
        let branch = match others.next() {
            Some((field, value)) => Err(format!(
                "{repository} follows the {field} {value}, not a branch"
            )),
            None => {
                let branch = text(&reference["branch"]);
                Ok(Some(branch.unwrap_or(Self::DEFAULT_BRANCH.to_owned())))
            }
        };
        Some(Self {
            url: text(&object["spec"]["url"])?,
            branch,
        })
    }
}

/// The branch of an Application's source, which may also be a tag: git says so when it is
/// cloned.
fn branch_of_application(
    owner: &Owner,
    revision: Option<String>,
) -> Result<Option<String>, NoBranch> {
    let Some(revision) = revision.filter(|revision| revision != "HEAD") else {
        return Ok(None);
    };
    let is_hash = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_range = revision.contains(['*', '^', '~', '<', '>', '=', ' ']);
    if is_hash || is_range || revision.starts_with("refs/") {
        return Err(format!("{owner} follows {revision}, not a branch"));
    }
    Ok(Some(revision))
}

impl GitSource {
    /// A folder that the user has named.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        Self {
            owner: None,
            repository: String::new(),
            branch: Ok(None),
            path: path.to_owned(),
            is_recursive: true,
            target_namespace: None,
            default_namespace: None,
            name_prefix: String::new(),
            name_suffix: String::new(),
            applied_by: None,
            other_tool: None,
        }
    }

    /// Reads a Flux Kustomization. `repository` is its GitRepository.
    #[must_use]
    pub fn of_kustomization(owner: &Owner, object: &Value, repository: &FluxRepository) -> Self {
        let spec = &object["spec"];
        Self {
            owner: Some(owner.clone()),
            repository: repository.url.clone(),
            branch: repository.branch.clone(),
            target_namespace: text(&spec["targetNamespace"]),
            default_namespace: text(&object["metadata"]["namespace"]),
            name_prefix: text(&spec["namePrefix"]).unwrap_or_default(),
            name_suffix: text(&spec["nameSuffix"]).unwrap_or_default(),
            applied_by: Some(AppliedBy::kustomization(object)),
            ..Self::of_path(spec["path"].as_str().unwrap_or_default())
        }
    }

    /// Reads the sources of an Argo CD Application.
    ///
    /// # Errors
    ///
    /// None of them is a folder of a Git repository.
    pub fn of_application(owner: &Owner, object: &Value) -> Result<Vec<Self>, NoGitSource> {
        let spec = &object["spec"];
        let applied = AppliedBy::application(object);
        let all = application_sources(spec);
        let folders = all.into_iter().filter_map(|(position, source)| {
            let mut folder = Self::of_application_source(owner, source, spec)?;
            let mut applied = applied.iter();
            let own = applied.find(|owner| owner.source() == position);
            folder.applied_by = own.cloned();
            Some(folder)
        });
        let folders: Vec<Self> = folders.collect();
        if folders.is_empty() {
            return Err(format!("{owner} applies no folder of a Git repository"));
        }
        Ok(folders)
    }

    fn of_application_source(owner: &Owner, source: &Value, spec: &Value) -> Option<Self> {
        let path = source["path"].as_str()?;
        let kustomize = &source["kustomize"];
        let other_tools = ["helm", "plugin"];
        Some(Self {
            owner: Some(owner.clone()),
            repository: source["repoURL"].as_str().unwrap_or_default().to_owned(),
            branch: branch_of_application(owner, text(&source["targetRevision"])),
            is_recursive: source["directory"]["recurse"] == true,
            target_namespace: text(&kustomize["namespace"]),
            default_namespace: text(&spec["destination"]["namespace"]),
            name_prefix: text(&kustomize["namePrefix"]).unwrap_or_default(),
            name_suffix: text(&kustomize["nameSuffix"]).unwrap_or_default(),
            other_tool: other_tools
                .into_iter()
                .find(|field| source[*field].is_object()),
            ..Self::of_path(path)
        })
    }

    /// The name that the owner gives to an object of the files.
    pub(crate) fn name(&self, declared: &str) -> String {
        format!("{}{declared}{}", self.name_prefix, self.name_suffix)
    }

    /// The namespace that the owner gives to every object.
    pub(crate) fn target_namespace(&self) -> Option<&str> {
        self.target_namespace.as_deref()
    }

    /// The namespace of an object that has none; `None`: it may be any.
    pub(crate) fn default_namespace(&self) -> Option<&str> {
        self.default_namespace.as_deref()
    }

    /// Why the files and the fields of the owner do not decide this image, as a sentence; `None`
    /// if they do.
    pub(crate) fn why_undecided(&self, image: &str) -> Option<String> {
        if image.contains("${") {
            return Some("it contains a variable, whose value is not in these files".to_owned());
        }
        let owner = self.owner.as_ref()?;
        let tool = self.other_tool?;
        Some(format!("{owner} may change it with {tool}"))
    }
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn application(spec: &Value) -> Result<Vec<GitSource>, NoGitSource> {
        let owner = Owner::application("shop");
        GitSource::of_application(&owner, &json!({"metadata": {"name": "shop"}, "spec": spec}))
    }

    #[test]
    fn application_has_the_folders_of_its_sources() {
        let one = application(&json!({
            "destination": {"namespace": "shop"},
            "source": {"repoURL": "https://git.example.com/a", "path": "apps",
                "directory": {"recurse": true}},
        }));
        let one = one.expect("it has a folder");
        assert_eq!((one[0].path.as_str(), one[0].is_recursive), ("apps", true));
        assert_eq!(one[0].default_namespace(), Some("shop"));
        let two = application(&json!({"sources": [
            {"repoURL": "https://charts.example.com", "chart": "redis"},
            {"repoURL": "https://git.example.com/b", "path": "."},
        ]}));
        let two = two.expect("one is a folder");
        assert_eq!(two.len(), 1);
        assert_eq!(two[0].repository, "https://git.example.com/b");
        let none = application(&json!({"source": {"repoURL": "x", "chart": "redis"}}));
        assert!(
            none.expect_err("it is a chart")
                .contains("Application shop")
        );
    }

    #[test]
    fn what_another_tool_or_a_variable_decides_is_not_decided_by_files() {
        let folders = application(&json!({"sources": [
            {"path": "apps", "kustomize": {"images": ["app:2"]}}, {"path": "chart", "helm": {}},
        ]}));
        let folders = folders.expect("it has folders");
        let [kustomize, helm] = folders.as_slice() else {
            panic!("there are two: {folders:?}");
        };
        let owner = kustomize.applied_by.as_ref().expect("kustomize builds it");
        assert_eq!((owner.source(), owner.has_changes), (Some(0), true));
        assert_eq!(kustomize.why_undecided("app:1"), None);
        assert!(kustomize.why_undecided("web:${TAG}").is_some());
        assert_eq!(helm.applied_by, None);
        assert!(helm.why_undecided("app:1").is_some());
    }

    fn owner(kind: &str) -> Owner {
        Owner {
            kind: kind.to_owned(),
            namespace: Some("apps".to_owned()),
            name: "shop".to_owned(),
        }
    }

    #[test]
    fn branch_of_a_git_repository_is_master_unless_it_names_one() {
        let repository = owner("GitRepository");
        for (reference, expected) in [
            (json!(null), Ok("master")),
            (json!({"branch": "main"}), Ok("main")),
            (json!({"branch": "main", "tag": "v1"}), Err("tag v1")),
            (json!({"semver": ">=1.0.0"}), Err("semver >=1.0.0")),
            (
                json!({"branch": "main", "commit": "abc"}),
                Err("commit abc"),
            ),
            (json!({"name": "refs/heads/x"}), Err("name refs/heads/x")),
        ] {
            let object = json!({"spec": {"url": "https://git.example/a", "ref": reference}});
            let read = FluxRepository::read(&repository, &object).expect("a URL");
            match expected {
                Ok(branch) => assert_eq!(read.branch, Ok(Some(branch.to_owned()))),
                Err(what) => assert_eq!(
                    read.branch,
                    Err(format!(
                        "GitRepository apps/shop follows the {what}, not a branch"
                    ))
                ),
            }
        }
        assert_eq!(
            FluxRepository::read(&repository, &json!({"spec": {}})),
            None
        );
    }

    #[test]
    fn revision_of_an_application_is_a_branch_unless_it_cannot_be_one() {
        for (revision, expected) in [
            (json!(null), Ok(None)),
            (json!("HEAD"), Ok(None)),
            (json!("main"), Ok(Some("main"))),
            (json!("release/1.x"), Ok(Some("release/1.x"))),
            (json!("1.*"), Err(())),
            (json!(">=1.0.0"), Err(())),
            (json!("0123456789abcdef0123456789abcdef01234567"), Err(())),
            (json!("refs/pull/1/head"), Err(())),
        ] {
            let object = json!({"spec": {"source": {"repoURL": "https://git.example/a",
                "path": "apps", "targetRevision": revision}}});
            let sources = GitSource::of_application(&owner("Application"), &object);
            let branch = sources.expect("a source").remove(0).branch;
            let branch = branch.map_err(|_| ());
            assert_eq!(
                branch,
                expected.map(|name| name.map(str::to_owned)),
                "{revision}"
            );
        }
    }
}
