//! Tests against a real kube-apiserver and a real registry: `make e2e`.
//!
//! | module | what it is |
//! |---|---|
//! | `process` | builds the tools, starts them, ends them however the tests end |
//! | `control_plane` | etcd and kube-apiserver, twice for all tests |
//! | `kubeconfigs` | the users and the files that lead to them |
//! | `service_account` | an account whose tokens expire when a test likes |
//! | `objects` | manifests, and putting them into the cluster |
//! | `plans` | plans made by hand, and what writes them |
//! | `shop` | a namespace whose workloads follow a policy |
//! | `registry` | registries with images made on the spot: open, with a password over TLS, with tokens |
//! | `certificates`, `token_server`, `slow_line` | what their tests need |
//! | `memcached` | a memcached for whoever asks |
//! | `releases` | archives of the plugin, served, and the krew manifest with their sums |
//! | `binary`, `home` | run `kubectl-imgpolicy` in a scrubbed environment |
//! | `content`, `test_registry` | a registry in the process, with many images at once |
//! | the others | the tests |
//!
//! No controller and no kubelet runs: tests create Pods and Nodes themselves.
//! Every test has a namespace of its own; what looks at the whole cluster has a
//! second control plane.
//!
//! `IMGPOLICY_E2E_BINARY` names another binary to test, `IMGPOLICY_E2E_OBJECTS`
//! how many workloads `whole_cluster` makes, and `IMGPOLICY_E2E_WORKLOADS` how
//! many of all kinds `warm_cluster` does (`make bench-cluster`).

#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests have the clock and the environment to themselves"
)]

mod access;
mod annotate;
mod binary;
mod certificates;
#[path = "../support/content.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "of what the tests share, only a part is used here"
)]
mod content;
mod contention;
mod control_plane;
mod decisions;
mod forbidden_writes;
mod groups;
mod helm;
#[path = "../../examples/reference/help.rs"]
#[expect(dead_code, reason = "of the reference, the man pages are needed here")]
mod help;
mod home;
mod krew;
#[path = "../support/krew_manifest.rs"]
#[expect(unreachable_pub, reason = "the other tests share it")]
mod krew_manifest;
mod kubeconfigs;
#[path = "../../examples/reference/man.rs"]
mod man;
mod many_writes;
mod memcached;
mod memcached_cache;
mod menu;
mod objects;
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
mod running;
mod service_account;
mod shop;
mod slow_line;
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
