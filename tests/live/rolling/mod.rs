//! Tests on a control plane whose controllers, scheduler and kubelets act by themselves:
//! real rollouts, Jobs, ServiceAccounts and Events.
//!
//! `kwok.yaml` says what the kubelets do, and how the annotations of a Pod template tell
//! them. `nodes.yaml` lists the nodes.

mod controller;
mod controller_brakes;
mod controller_events;
mod controller_metrics;
mod controller_pauses;
mod flux;
mod follow;
mod history;
mod install_guide;
mod manifests;
mod plane;
mod platforms;
mod pods;
mod refused_pods;
mod replicas;
#[cfg(feature = "soak")]
mod replicas_soak;
mod undo;
mod workloads;
