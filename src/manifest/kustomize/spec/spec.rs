//! The fields of a `kustomization.yaml`.

use std::collections::BTreeMap;

use super::fields::{FieldReader, is_filled};
use super::images::ImageEntry;
use super::selector::ResourceSelector;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::traced::{TracedObject, TracedScalar, TracedValue, traced_objects};

/// The API group of kustomize's own files.
const GROUP: &str = "kustomize.config.k8s.io";

/// Fields that can change an image or the set of containers in ways that are not modelled.
const NOT_MODELLED: [&str; 9] = [
    "configurations",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "openapi",
    "replacements",
    "transformers",
    "validators",
];

/// Fields that change neither images nor containers, nor anything else that is read here.
const WITHOUT_EFFECT: [&str; 9] = [
    "apiVersion",
    "buildMetadata",
    "configMapGenerator",
    "crds",
    "generatorOptions",
    "metadata",
    "secretGenerator",
    "sortOptions",
    "vars",
];

/// What a kustomization does that concerns images.
#[derive(Debug, Default)]
pub(crate) struct KustomizationSpec {
    pub(crate) file: String,
    pub(crate) is_component: bool,
    /// Files and folders with resources, in the order in which they are read.
    pub(crate) resources: Vec<PathReference>,
    pub(crate) components: Vec<PathReference>,
    /// In the order in which they are applied.
    pub(crate) patches: Vec<PatchEntry>,
    /// JSON patches, which are applied after names and labels.
    pub(crate) late_patches: Vec<PatchEntry>,
    pub(crate) namespace: String,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) images: Vec<ImageEntry>,
    /// The workloads whose number of replicas is set: the names and the lines.
    pub(crate) replicas: Vec<(String, usize)>,
    /// Whether it generates ConfigMaps or Secrets.
    pub(crate) generates: bool,
}

/// What a file with the name of a kustomization is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KustomizationType {
    /// It can be built on its own.
    Kustomization,
    /// It can only be included.
    Component,
}

impl KustomizationType {
    /// Reads a text; `None` if it is another object, such as a Kustomization of Flux. A text
    /// that cannot be read counts as a kustomization, whose build then says why.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let Ok(object) = kustomization_object("", text) else {
            return Some(Self::Kustomization);
        };
        let api_version = object.value.text_at(&["apiVersion"]);
        let (group, _) = api_version.split_once('/').unwrap_or((api_version, ""));
        if !["", "v1beta1", "v1", GROUP].contains(&group) {
            return None;
        }
        match object.value.text_at(&["kind"]) {
            "" | "Kustomization" => Some(Self::Kustomization),
            "Component" => Some(Self::Component),
            _ => None,
        }
    }
}

/// A path in a kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathReference {
    pub(crate) path: String,
    /// The field that contains it.
    pub(crate) field: &'static str,
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// A patch: a file or a text, and what it applies to.
#[derive(Debug)]
pub(crate) struct PatchEntry {
    pub(crate) source: PatchSource,
    pub(crate) target: Option<ResourceSelector>,
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// Where the text of a patch is.
#[derive(Debug)]
pub(crate) enum PatchSource {
    Path(PathReference),
    Text(TracedScalar),
    /// A path if there is such a file, otherwise a text.
    PathOrText(TracedScalar),
}

/// Whether a path can only be that of a remote repository or URL, as kustomize reads it.
pub(crate) fn is_remote(path: &str) -> bool {
    let hosts = ["github.com/", "github.com:", "gh:", "git@", "git::", "ssh:"];
    path.contains("://")
        || path.contains("?ref=")
        || path.contains("?version=")
        || path.contains(".git/")
        || path.ends_with(".git")
        || path.contains("_git/")
        || hosts.iter().any(|host| path.starts_with(host))
        || path
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'))
}

impl KustomizationSpec {
    /// Reads the text of a kustomization file.
    ///
    /// # Errors
    ///
    /// Kustomize would refuse it, or it uses what is not modelled here.
    pub(crate) fn read(file: &str, text: &str) -> Result<Self, BuildError> {
        Self::read_object(file, &kustomization_object(file, text)?)
    }

    /// The same for an object that was read.
    ///
    /// # Errors
    ///
    /// See [`Self::read`].
    pub(crate) fn read_object(file: &str, object: &TracedObject) -> Result<Self, BuildError> {
        let mut spec = Self {
            file: file.to_owned(),
            ..Self::default()
        };
        let mut entries = object.value.entries().iter();
        if entries.all(|entry| is_type(&entry.key) || entry.value.is_null()) {
            let message = "the kustomization is empty, so kustomize refuses it";
            return Err(BuildError::invalid(file, object.line, message));
        }
        let mut fields = FieldReader::new(file, &object.value)?;
        spec.read_fields(&mut fields)?;
        Ok(spec)
    }

    fn read_fields(&mut self, fields: &mut FieldReader<'_>) -> Result<(), BuildError> {
        let file = fields.file;
        for field in NOT_MODELLED {
            if let Some(entry) = fields.take(field).filter(|entry| is_filled(&entry.value)) {
                return Err(BuildError::needs_kustomize(field, file, entry.line));
            }
        }
        if let Some(kind) = fields.take("kind") {
            match kind.value.as_str() {
                Some("Kustomization") => {}
                Some("Component") => self.is_component = true,
                _ => {
                    let message = "the kind of a kustomization is Kustomization or Component";
                    return Err(BuildError::invalid(file, kind.line, message));
                }
            }
        }
        for field in ["resources", "bases"] {
            self.resources.extend(paths(fields, field)?);
        }
        self.components = paths(fields, "components")?;
        for item in fields.list("patchesStrategicMerge")? {
            let TracedValue::Scalar(scalar) = item.value else {
                return Err(fields.wrong_type("patchesStrategicMerge", "a string", item.line));
            };
            self.patches.push(PatchEntry {
                source: PatchSource::PathOrText(scalar.clone()),
                target: None,
                file: item.file.to_owned(),
                line: item.line,
            });
        }
        self.patches.extend(patches(fields, "patches")?);
        self.late_patches = patches(fields, "patchesJson6902")?;
        self.namespace = fields.text("namespace")?;
        self.name_prefix = fields.text("namePrefix")?;
        self.name_suffix = fields.text("nameSuffix")?;
        self.labels = fields.texts("commonLabels")?;
        for item in fields.list("labels")? {
            let mut label = FieldReader::new(file, item.value)?;
            self.labels.extend(label.texts("pairs")?);
            label.ignore(&["includeSelectors", "includeTemplates", "fields"]);
            label.end("labels")?;
        }
        self.annotations = fields.texts("commonAnnotations")?;
        self.images = image_entries(fields)?;
        for item in fields.list("replicas")? {
            let mut entry = FieldReader::new(file, item.value)?;
            self.replicas.push((entry.text("name")?, item.line));
        }
        self.generates =
            fields.is_given("configMapGenerator") || fields.is_given("secretGenerator");
        fields.ignore(&WITHOUT_EFFECT);
        fields.end("a kustomization")
    }

    /// The paths that it refers to.
    pub(crate) fn references(&self) -> impl Iterator<Item = &str> {
        let patches = self.patches.iter().chain(&self.late_patches);
        let patches = patches.filter_map(|patch| match &patch.source {
            PatchSource::Path(reference) => Some(reference.path.as_str()),
            PatchSource::PathOrText(text) => {
                text.value.as_str().filter(|text| !text.contains('\n'))
            }
            PatchSource::Text(_) => None,
        });
        let resources = self.resources.iter().chain(&self.components);
        let resources = resources.map(|reference| reference.path.as_str());
        resources.chain(patches).filter(|path| !is_remote(path))
    }
}

/// The fields with entries of `images`.
pub(crate) const IMAGE_FIELDS: [&str; 2] = ["images", "imageTags"];

/// The entries of `images`.
///
/// # Errors
///
/// Kustomize would refuse one of them.
pub(crate) fn image_entries(fields: &mut FieldReader<'_>) -> Result<Vec<ImageEntry>, BuildError> {
    let mut entries = Vec::new();
    for field in IMAGE_FIELDS {
        for item in fields.list(field)? {
            let mut entry = FieldReader::new(item.file, item.value)?;
            entries.push(ImageEntry::read(&mut entry, item.line)?);
            entry.end(field)?;
        }
    }
    Ok(entries)
}

/// The only object of a kustomization file.
///
/// # Errors
///
/// It has none, or several, or cannot be read.
pub(crate) fn kustomization_object(file: &str, text: &str) -> Result<TracedObject, BuildError> {
    let mut objects = traced_objects(file, text).into_iter();
    match (objects.next(), objects.next()) {
        (Some(Ok(object)), None) => Ok(object),
        (Some(Err(error)), _) => Err(BuildError::invalid(
            file,
            error.line,
            error.problem.to_string(),
        )),
        (None, _) => Err(BuildError::invalid(file, 1, "the file is empty")),
        (Some(Ok(_)), Some(_)) => Err(BuildError::invalid(
            file,
            1,
            "a kustomization is a single document; split the file",
        )),
    }
}

fn is_type(key: &str) -> bool {
    ["apiVersion", "kind"]
        .iter()
        .any(|name| key.eq_ignore_ascii_case(name))
}

/// The paths in a field.
fn paths(
    fields: &mut FieldReader<'_>,
    field: &'static str,
) -> Result<Vec<PathReference>, BuildError> {
    let items = fields.list(field)?;
    let paths = items.into_iter().map(|item| match item.value.as_str() {
        Some(path) => Ok(PathReference {
            path: path.to_owned(),
            field,
            file: item.file.to_owned(),
            line: item.line,
        }),
        None => Err(fields.wrong_type(field, "a list of strings", item.line)),
    });
    paths.collect()
}

/// The patches in a field.
fn patches(
    fields: &mut FieldReader<'_>,
    field: &'static str,
) -> Result<Vec<PatchEntry>, BuildError> {
    let items = fields.list(field)?;
    let patches = items.into_iter().map(|item| {
        let mut entry = FieldReader::new(item.file, item.value)?;
        let path = entry.scalar("path")?;
        let text = entry.scalar("patch")?;
        if let Some(options) = entry
            .take("options")
            .filter(|entry| is_filled(&entry.value))
        {
            let field = format!("{field} with options");
            return Err(BuildError::needs_kustomize(field, item.file, options.line));
        }
        let target = entry.take("target").filter(|entry| is_filled(&entry.value));
        let target = target
            .map(|target| ResourceSelector::read(item.file, &target.value))
            .transpose()?;
        entry.end(field)?;
        let source = match (path.and_then(|path| path.value.as_str()), text) {
            (Some(path), None) => PatchSource::Path(PathReference {
                path: path.to_owned(),
                field,
                file: item.file.to_owned(),
                line: item.line,
            }),
            (None, Some(text)) => PatchSource::Text(text.clone()),
            _ => {
                let message = format!("an entry of {field} must have either path or patch");
                return Err(BuildError::invalid(item.file, item.line, message));
            }
        };
        Ok(PatchEntry {
            source,
            target,
            file: item.file.to_owned(),
            line: item.line,
        })
    });
    patches.collect()
}
