//! The parts of Kubernetes objects that concern images.
//!
//! [`decode`] converts an object, from the API or from a file, into a
//! [`Workload`]: its name, its annotations, its containers with their images, the
//! platforms on which its Pods can run, and who else writes it. The rest of the
//! object is dropped while reading, so that a cluster with thousands of workloads
//! needs little memory.

mod container;
mod decode;
mod gitops;
mod helm;
mod id;
mod marked_value;
mod names;
mod object;
mod observed;
mod obstacle;
mod owner;
mod pods;
mod pull_secrets;
mod rollout;
mod scheduling;
mod undone;
mod workload_type;
mod written_at;

pub use self::gitops::applied_by::{AppliedBy, ApplierPlace, KustomizationApplier};
pub use self::gitops::declared::DeclaredFolder;
pub use self::gitops::declared_image::DeclaredImage;
pub use self::gitops::git_source::{FluxRepository, GitSource, NoBranch, NoGitSource};
pub use self::gitops::repository_address::RepositoryAddress;
pub use self::helm::image::HelmImage;
pub(crate) use self::helm::image::names_version;
pub use self::helm::mapping::half_mappings;
pub(crate) use self::helm::name::with_hash;
pub(crate) use self::helm::path::{parent, value_at};
pub use self::helm::scalar::{plain_scalar, printed};
pub use self::helm::values::helm_images;
pub use self::pods::pod_images::{PodImages, RunningImage};
pub use self::pods::pod_problem::{PodProblem, waits_for_each_pod};
pub use self::pods::refused_pods::{refused_pods, refused_pods_in_events};
pub use self::scheduling::node::Node;
pub use self::scheduling::requirement::{NodeOperator, NodeProperty, NodeRequirement};
pub use self::scheduling::scheduling::Scheduling;
pub use self::scheduling::toleration::{Taint, Toleration};
pub use container::{
    Container, ContainerType, ImageMarker, KustomizeOverride, NumericTag, Obstacle,
};
pub use decode::{DecodeError, decode, decode_as};
pub use id::{DEFAULT_NAMESPACE, WorkloadId, WorkloadKind, span_namespaces, spans_namespaces};
pub use marked_value::{MarkedContainer, MarkedValue, MarkerObstacle, MarkerPart, MarkerTarget};
pub use names::Names;
pub use object::{ManifestSource, Workload};
pub use observed::{Observed, Writers};
pub use obstacle::SEALED;
pub(crate) use owner::{OWNER_ANNOTATIONS, owner_labels};
pub use owner::{Owner, OwnerMarker};
pub use pull_secrets::{
    ConnectionRefs, DEFAULT_SERVICE_ACCOUNT, NO_SERVICE_ACCOUNT, PullIdentity, PullSecretRefs,
};
pub use rollout::{RolloutProgress, consequences, progress};
pub use undone::{
    UndoneRevision, container_images, has_former_revisions, revision, undone_revision,
};
pub use workload_type::{UnknownType, WorkloadType};
pub use written_at::{ImagePart, WrittenAt};
