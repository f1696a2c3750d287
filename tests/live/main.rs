//! Tests against a real kube-apiserver and a real registry: `make e2e`.
//!
//! | module | content |
//! |---|---|
//! | `process` | builds and starts the tools, and ends them however the tests end |
//! | `control_plane` | etcd and kube-apiserver, two instances for all tests |
//! | `rolling` | the same with controllers, a scheduler and kubelets, and the tests that need them |
//! | `kubeconfigs` | the users and their kubeconfigs |
//! | `service_account` | an account whose tokens expire when a test needs it |
//! | `objects` | manifests, and applying them to the cluster |
//! | `plans` | handmade plans, and writing them |
//! | `shop` | a namespace whose workloads follow a policy |
//! | `registry` | registries with generated images: open, with a password over TLS, with tokens |
//! | `certificates`, `token_server`, `slow_line` | helpers of the registry tests |
//! | `git_server` | a Git repository behind HTTP, and archives of it |
//! | `memcached` | a memcached for a single test |
//! | `releases` | served archives of the plugin, and the krew manifest with their checksums |
//! | `busy_writer` | another client that writes an object all the time |
//! | `audit` | what the API server's audit log says about changes of workloads |
//! | `controller_process` | a controller that runs while a test goes on |
//! | `fleet` | workloads of one kind that follow one image, each of which gets every tag once |
//! | `large_cluster` | a cluster with many workloads, and the repositories of their images |
//! | `candidates` | replicas of the controller that run for leader |
//! | `cut_line` | a connection that can be cut without a word |
//! | `binary`, `home` | run `kubectl-imgpolicy` in a scrubbed environment |
//! | `kustomize_cases` | cases whose results were generated with kustomize |
//! | `content`, `test_registry` | an in-process registry with many images |
//! | all others | the tests |
//!
//! Except in `rolling`, no controller or kubelet runs: tests create Pods and Nodes
//! themselves. Every test has its own namespace; tests of the whole cluster use a second
//! control plane.
//!
//! `IMGPOLICY_E2E_BINARY` names another binary to test. `IMGPOLICY_E2E_OBJECTS` sets
//! the number of workloads in `whole_cluster`, `IMGPOLICY_E2E_WORKLOADS` that in
//! `large_cluster`, across all kinds (`make bench-cluster`, `make bench-controller`), and
//! `IMGPOLICY_E2E_FOLDERS` that of the folders in `git_scale` (`make bench-git`).

#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests have the clock and the environment to themselves"
)]

mod access;
mod annotate;
mod audit;
mod binary;
mod busy_writer;
mod candidates;
mod certificates;
#[path = "../../examples/reference/certificates.rs"]
mod certificates_of_image;
#[path = "../support/content.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "of what the tests share, only a part is used here"
)]
mod content;
mod contention;
mod control_plane;
mod controller_cluster;
mod controller_process;
mod cut_line;
mod decisions;
mod deleted;
mod fleet;
mod forbidden_writes;
mod git_auto;
mod git_scale;
mod git_server;
mod git_tree;
mod groups;
mod helm;
#[path = "../../examples/reference/help.rs"]
#[expect(dead_code, reason = "of the reference, the man pages are needed here")]
mod help;
mod home;
mod image_layout;
mod image_policies;
mod interrupts;
mod krew;
#[path = "../support/krew_manifest.rs"]
#[expect(unreachable_pub, reason = "the other tests share it")]
mod krew_manifest;
mod kubeconfigs;
mod kustomize;
#[path = "../support/kustomize_cases.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "of what the tests share, only a part is used here"
)]
mod kustomize_cases;
mod large_cluster;
mod lease;
#[path = "../../examples/reference/man.rs"]
mod man;
mod many_writes;
mod memcached;
mod memcached_cache;
mod menu;
mod objects;
mod outage;
mod owners;
mod plans;
mod plugin;
mod pods;
mod process;
#[path = "../support/pty.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "of what the tests share, only a part is used here"
)]
mod pty;
mod pull_secrets;
mod refusals;
mod registry;
mod registry_images;
mod registry_password;
mod registry_tokens;
mod releases;
mod rollback;
mod rolling;
mod running;
mod service_account;
mod shop;
mod slow_line;
#[cfg(feature = "soak")]
mod soak;
mod stale_plans;
mod status;
mod story;
#[path = "../support/registry/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "of what the tests share, only a part is used here"
)]
mod test_registry;
mod token_server;
mod update;
mod wait;
mod warm_cluster;
mod whole_cluster;
mod workloads;
mod writing;
