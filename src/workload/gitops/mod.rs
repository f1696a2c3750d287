//! Where the objects that Flux and Argo CD apply are written: in which repository, in which
//! folder, and what a repository says about the image of a container in the cluster.

pub(crate) mod applied_by;
pub(crate) mod declared;
pub(crate) mod declared_image;
pub(crate) mod git_source;
pub(crate) mod repository_address;
