//! The roles of the controller, with the rights that it needs and no others.

use serde_json::{Value, json};

use super::installation::{Installation, InstalledScope};
use super::names::{CONTROLLER, Component};
use super::rights::{Need, Place, RIGHTS, Right};

/// What a rule is about: an API group, its resources, and the names of the only objects.
type RuleSubject<'a> = (&'a str, &'a [&'a str], Vec<&'a str>);

/// The roles and their bindings.
pub(super) fn roles(installation: &Installation) -> Vec<Value> {
    let mut objects = Vec::new();
    // Two installations may work on the same namespaces, one of which only observes.
    let name = format!("{CONTROLLER}-{}", installation.namespace);
    match &installation.scope {
        InstalledScope::AllNamespaces => {
            let places = [Place::Workloads, Place::Namespaces, Place::Cluster];
            let rules = rules(installation, &places, None);
            objects.extend(role_and_binding(installation, None, &name, rules));
        }
        InstalledScope::Namespaces(names) => {
            for namespace in names {
                let places = [Place::Workloads, Place::Namespaces];
                let rules = rules(installation, &places, Some(namespace));
                let of_namespace = Some(namespace.as_str());
                objects.extend(role_and_binding(installation, of_namespace, &name, rules));
            }
        }
    }
    let own = rules(installation, &[Place::Own], None);
    let namespace = Some(installation.namespace.as_str());
    let name = format!("{CONTROLLER}-lease");
    objects.extend(role_and_binding(installation, namespace, &name, own));
    objects
}

/// The rules for the rights in these places. `namespace`: the only one that they are for.
fn rules(installation: &Installation, places: &[Place], namespace: Option<&str>) -> Vec<Value> {
    let mut rules: Vec<(RuleSubject<'_>, Vec<&str>)> = Vec::new();
    let rights = RIGHTS.iter().filter(|right| installation.needs(right));
    for right in rights.filter(|right| places.contains(&right.place)) {
        let mut names: Vec<&str> = right.name.into_iter().collect();
        if right.place == Place::Namespaces {
            names.extend(namespace);
        }
        for (group, resources) in right.on {
            let subject = (*group, *resources, names.clone());
            match rules.iter_mut().find(|(known, _)| *known == subject) {
                Some((_, verbs)) => verbs.extend(right.verbs),
                None => rules.push((subject, right.verbs.to_vec())),
            }
        }
    }
    let rules = rules.into_iter().map(|((group, resources, names), verbs)| {
        let mut rule = json!({"apiGroups": [group], "resources": resources});
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        rule["verbs"] = json!(verbs);
        rule
    });
    rules.collect()
}

/// A role and its binding to the controller; without a namespace, for the whole cluster.
fn role_and_binding(
    installation: &Installation,
    namespace: Option<&str>,
    name: &str,
    rules: Vec<Value>,
) -> [Value; 2] {
    let kind = if namespace.is_some() {
        "Role"
    } else {
        "ClusterRole"
    };
    let metadata = match namespace {
        Some(namespace) => Component::Controller.metadata(namespace, name),
        None => json!({"name": name, "labels": Component::Controller.labels()}),
    };
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{kind}Binding"),
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{
            "kind": "ServiceAccount",
            "name": CONTROLLER,
            "namespace": installation.namespace,
        }],
    });
    [role, binding]
}

impl Installation {
    /// Whether the controller needs a right as it is installed.
    fn needs(&self, right: &Right) -> bool {
        match right.need {
            Need::Always => true,
            Need::Writing => !self.observes,
            Need::PullSecrets => self.uses_pull_secrets,
        }
    }
}
