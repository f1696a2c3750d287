//! The users of the control plane and their kubeconfigs.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;

/// The users that the API server knows, each with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Has all permissions.
    Admin,
    /// Also an administrator, for the one test that counts its pages.
    Counted,
    /// Also an administrator, for the one test that counts unneeded requests.
    Frugal,
    /// May read workloads in the namespaces that `objects::allow_reader` names.
    PullIdentity,
    /// May list only Deployments, in a namespace that a test names.
    Partial,
    /// May list the four kinds everywhere, but neither Pods nor Nodes.
    WorkloadsReader,
    /// May list workloads everywhere, and get Secrets and service accounts in the
    /// namespaces that a test names.
    Puller,
    /// The controllers, with the permissions that the API server itself gives them.
    ControllerManager,
    /// The scheduler, likewise.
    Scheduler,
    /// A replica of the controller that is an administrator, so that the audit log tells what
    /// each replica has sent.
    Replica(u8),
    /// Has no permissions.
    Nobody,
}

impl User {
    pub(crate) const ALL: [Self; 13] = [
        Self::Admin,
        Self::Counted,
        Self::Frugal,
        Self::PullIdentity,
        Self::Partial,
        Self::WorkloadsReader,
        Self::Puller,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Replica(0),
        Self::Replica(1),
        Self::Replica(2),
        Self::Nobody,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Counted => "counted",
            Self::Frugal => "frugal",
            Self::PullIdentity => "reader",
            Self::Partial => "partial",
            Self::WorkloadsReader => "workloads-reader",
            Self::Puller => "puller",
            Self::ControllerManager => "system:kube-controller-manager",
            Self::Scheduler => "system:kube-scheduler",
            Self::Replica(0) => "replica-0",
            Self::Replica(1) => "replica-1",
            Self::Replica(_) => "replica-2",
            Self::Nobody => "nobody",
        }
    }

    pub(crate) fn token(self) -> String {
        format!("{}-token", self.name())
    }

    fn group(self) -> &'static str {
        match self {
            Self::Admin | Self::Counted | Self::Frugal | Self::Replica(_) => "system:masters",
            _ => "",
        }
    }
}

/// The API server's token file.
pub(crate) fn tokens() -> String {
    let line = |(n, user): (usize, User)| {
        format!(
            "{},{},{n},\"{}\"\n",
            user.token(),
            user.name(),
            user.group()
        )
    };
    User::ALL.into_iter().enumerate().map(line).collect()
}

/// A kubeconfig for a user, with a context of the same name.
pub(crate) fn of_user(plane: &ControlPlane, user: User, namespace: &str) -> PathBuf {
    let credentials = json!({"token": user.token()});
    write(plane, &plane.url, user.name(), &credentials, namespace)
}

/// The same through `127.0.0.1:PORT`, which leads to the API server.
pub(crate) fn of_user_through(
    plane: &ControlPlane,
    user: User,
    address: &str,
    namespace: &str,
) -> PathBuf {
    let credentials = json!({"token": user.token()});
    let url = format!("https://{address}");
    write(plane, &url, user.name(), &credentials, namespace)
}

/// A kubeconfig with a token that the server does not know.
pub(crate) fn of_stranger(plane: &ControlPlane) -> PathBuf {
    of_token(plane, "expired")
}

/// A kubeconfig with this token.
pub(crate) fn of_token(plane: &ControlPlane, token: &str) -> PathBuf {
    let credentials = json!({"token": token});
    write(plane, &plane.url, "stranger", &credentials, "default")
}

/// A kubeconfig for a closed port.
pub(crate) fn of_dead_port(plane: &ControlPlane, port: u16) -> PathBuf {
    let url = format!("https://127.0.0.1:{port}");
    write(plane, &url, "dead", &json!({"token": "any"}), "default")
}

/// A kubeconfig with a credential plugin, a script of these lines.
pub(crate) fn of_plugin(plane: &ControlPlane, lines: &str) -> PathBuf {
    let script = fresh(plane, "plugin");
    std::fs::write(&script, format!("#!/bin/sh\n{lines}\n")).expect("written");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("executable");
    let credentials = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": script, "interactiveMode": "IfAvailable"}});
    write(plane, &plane.url, "plugin", &credentials, "default")
}

fn fresh(plane: &ControlPlane, name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    plane.folder().join(format!("{n}-{name}"))
}

fn write(plane: &ControlPlane, url: &str, name: &str, user: &Value, namespace: &str) -> PathBuf {
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": "live", "cluster": {"server": url,
            "certificate-authority": plane.certificate()}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context":
            {"cluster": "live", "user": name, "namespace": namespace}}]});
    let path = fresh(plane, name);
    std::fs::write(&path, config.to_string()).expect("written");
    path
}
