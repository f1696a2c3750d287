//! Where an owner takes its objects from: a Flux Kustomization, or an Argo CD Application.

use serde_json::Value;

use crate::image::name_text;
use crate::workload::owner::Owner;

/// A folder of a Git repository, and what its owner changes in the objects that it finds there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSource {
    /// The owner; `None` if the user has named the folder.
    pub owner: Option<Owner>,
    /// The URL of the repository, as the owner has it.
    pub repository: String,
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
    /// The field of the owner that may change any image, if it has one.
    changes_images: Option<&'static str>,
    /// The images, without their versions, that the owner replaces.
    replaced: Vec<String>,
}

/// Why the files of an owner are not known, as a sentence.
pub type NoGitSource = String;

impl GitSource {
    /// A folder that the user has named.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        Self {
            owner: None,
            repository: String::new(),
            path: path.to_owned(),
            is_recursive: true,
            target_namespace: None,
            default_namespace: None,
            name_prefix: String::new(),
            name_suffix: String::new(),
            changes_images: None,
            replaced: Vec::new(),
        }
    }

    /// Reads a Flux Kustomization. `repository` is the URL of its GitRepository.
    #[must_use]
    pub fn of_kustomization(owner: &Owner, object: &Value, repository: &str) -> Self {
        let spec = &object["spec"];
        let changes = ["components", "patches"];
        let images = spec["images"].as_array().into_iter().flatten();
        Self {
            owner: Some(owner.clone()),
            repository: repository.to_owned(),
            target_namespace: text(&spec["targetNamespace"]),
            default_namespace: text(&object["metadata"]["namespace"]),
            name_prefix: text(&spec["namePrefix"]).unwrap_or_default(),
            name_suffix: text(&spec["nameSuffix"]).unwrap_or_default(),
            changes_images: changes.into_iter().find(|field| is_list(&spec[*field])),
            replaced: images.filter_map(|entry| text(&entry["name"])).collect(),
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
        let many = spec["sources"].as_array().map(Vec::as_slice);
        let all = many
            .filter(|sources| !sources.is_empty())
            .unwrap_or(std::slice::from_ref(&spec["source"]));
        let folders: Vec<Self> = all
            .iter()
            .filter_map(|source| Self::of_application_source(owner, source, spec))
            .collect();
        if folders.is_empty() {
            return Err(format!("{owner} applies no folder of a Git repository"));
        }
        Ok(folders)
    }

    fn of_application_source(owner: &Owner, source: &Value, spec: &Value) -> Option<Self> {
        let path = source["path"].as_str()?;
        let kustomize = &source["kustomize"];
        // The forms are `old=new:tag` and `new:tag`.
        let images = kustomize["images"].as_array().into_iter().flatten();
        let replaced = images.filter_map(Value::as_str).map(|image| {
            let name = image.split_once('=').map_or(image, |(old, _)| old);
            name_text(name).to_owned()
        });
        let changes = ["components", "patches"];
        let changes = changes
            .into_iter()
            .find(|field| is_list(&kustomize[*field]));
        let other_tool = ["helm", "plugin"];
        let other_tool = other_tool
            .into_iter()
            .find(|field| source[*field].is_object());
        Some(Self {
            owner: Some(owner.clone()),
            repository: source["repoURL"].as_str().unwrap_or_default().to_owned(),
            is_recursive: source["directory"]["recurse"] == true,
            target_namespace: text(&kustomize["namespace"]),
            default_namespace: text(&spec["destination"]["namespace"]),
            name_prefix: text(&kustomize["namePrefix"]).unwrap_or_default(),
            name_suffix: text(&kustomize["nameSuffix"]).unwrap_or_default(),
            changes_images: changes.or(other_tool),
            replaced: replaced.collect(),
            ..Self::of_path(path)
        })
    }

    /// The name in the cluster of an object of the files.
    pub(crate) fn name(&self, declared: &str) -> String {
        format!("{}{declared}{}", self.name_prefix, self.name_suffix)
    }

    /// The namespace in the cluster of an object of the files; `None`: it may be any.
    pub(crate) fn namespace<'n>(&'n self, declared: &'n str) -> Option<&'n str> {
        match &self.target_namespace {
            Some(namespace) => Some(namespace),
            None if declared.is_empty() => self.default_namespace.as_deref(),
            None => Some(declared),
        }
    }

    /// Why the files alone do not decide this image, as a sentence; `None` if they do.
    pub(crate) fn why_undecided(&self, image: &str) -> Option<String> {
        if image.contains("${") {
            return Some("it contains a variable, whose value is not in these files".to_owned());
        }
        let owner = self.owner.as_ref()?;
        if let Some(field) = self.changes_images {
            return Some(format!("{owner} may change it with {field}"));
        }
        let is_replaced = self.replaced.iter().any(|name| name == name_text(image));
        is_replaced.then(|| format!("{owner} replaces it with its field images"))
    }
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty())
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
        GitSource::of_application(&owner, &json!({"spec": spec}))
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
        assert_eq!(one[0].namespace(""), Some("shop"));
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
    fn what_an_owner_or_a_variable_decides_is_not_decided_by_files() {
        let folders = application(&json!({"source": {"path": "apps", "kustomize": {
            "images": ["registry.example:5000/app=registry.example/new:1", "api:2"],
        }}}));
        let source = &folders.expect("it has a folder")[0];
        for image in ["registry.example:5000/app:1", "api@sha256:00", "web:${TAG}"] {
            assert!(source.why_undecided(image).is_some(), "{image}");
        }
        for image in ["registry.example/new:1", "web:1"] {
            assert_eq!(source.why_undecided(image), None, "{image}");
        }
    }
}
