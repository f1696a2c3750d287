//! Who would revert a live edit: the table of owner signs.

use std::collections::BTreeMap;

use kubectl_imgpolicy::plan::{
    Overrides, OwnerAnswer, OwnerEffect, OwnerQuestion, Ownership, owner_questions, ownership,
};
use kubectl_imgpolicy::workload::Observed;
use serde_json::{Value, json};

use super::{held, images, observed, planned};
use crate::support::scenario::Scenario;

fn object(metadata: Value) -> Observed {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "org/app:1"}]}}}});
    object["metadata"]["name"] = json!("web");
    observed(&object)
}

/// `managedFields` in which this manager wrote the image.
fn written_by(manager: &str) -> Value {
    json!([{"manager": manager, "fieldsV1": {"f:spec": {"f:template": {"f:spec": {
        "f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}}}])
}

fn flux() -> Value {
    json!({"kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
}

/// Every question has the same answer.
fn judged(object: &Observed, answer: &OwnerAnswer) -> Option<Ownership> {
    let questions = owner_questions(object).into_iter();
    let answers: Vec<_> = questions.map(|q| (q, answer.clone())).collect();
    ownership(object, &answers)
}

/// `Kustomization flux-system/apps reverts`.
fn says(ownership: Option<&Ownership>) -> String {
    ownership.map_or_else(
        || "nobody".to_owned(),
        |ownership| {
            let effect = match ownership.effect {
                OwnerEffect::Reverts => "reverts",
                OwnerEffect::Warns => "warns",
            };
            format!("{} {effect}", ownership.owner)
        },
    )
}

fn annotated(key: &str, value: &str) -> Value {
    json!({"annotations": {key: value}})
}

#[test]
fn every_sign_has_its_owner() {
    for (metadata, expected) in [
        (json!({}), "nobody"),
        (
            json!({"labels": flux()}),
            "Kustomization flux-system/apps reverts",
        ),
        (
            json!({"labels": {"helm.toolkit.fluxcd.io/name": "shop",
                "helm.toolkit.fluxcd.io/namespace": "apps"}}),
            "HelmRelease apps/shop reverts",
        ),
        (
            annotated(
                "argocd.argoproj.io/tracking-id",
                "shop:apps/Deployment:default/web",
            ),
            "Application shop reverts",
        ),
        (
            json!({"ownerReferences": [{"kind": "Database", "name": "db", "controller": true}]}),
            "Database default/db reverts",
        ),
        (
            json!({"ownerReferences": [{"kind": "Database", "name": "db"}]}),
            "nobody",
        ),
        (
            annotated("meta.helm.sh/release-name", "db"),
            "Release db warns",
        ),
        (
            annotated("kubectl.kubernetes.io/last-applied-configuration", "{}"),
            "kubectl apply warns",
        ),
        (
            json!({"labels": {"app.kubernetes.io/instance": "shop"}}),
            "Application shop warns",
        ),
    ] {
        let object = object(metadata.clone());
        let owner = judged(&object, &OwnerAnswer::Unknown);
        assert_eq!(says(owner.as_ref()), expected, "{metadata}");
    }
}

#[test]
fn manager_that_wrote_the_image_is_the_first_sign() {
    for (manager, expected) in [
        (
            "kustomize-controller",
            "FieldManager kustomize-controller reverts",
        ),
        ("helm-controller", "FieldManager helm-controller reverts"),
        (
            "argocd-controller",
            "FieldManager argocd-controller reverts",
        ),
        (
            "argocd-application-controller",
            "FieldManager argocd-application-controller reverts",
        ),
        ("Terraform", "FieldManager Terraform reverts"),
        ("fleetagent", "FieldManager fleetagent reverts"),
        ("kubectl-client-side-apply", "kubectl apply warns"),
        // Not the manager of an apply.
        ("kubectl", "nobody"),
        ("kubectl-set", "nobody"),
        ("kubectl-edit", "nobody"),
        ("imgpolicy", "nobody"),
    ] {
        let object = object(json!({"managedFields": written_by(manager)}));
        let owner = judged(&object, &OwnerAnswer::Unknown);
        assert_eq!(says(owner.as_ref()), expected, "{manager}");
    }
    // A marker names the object behind the manager.
    let named = object(json!({"labels": flux(),
        "managedFields": written_by("kustomize-controller")}));
    let owner = judged(&named, &OwnerAnswer::Unknown);
    assert_eq!(
        says(owner.as_ref()),
        "Kustomization flux-system/apps reverts"
    );
    let labelled = object(
        json!({"labels": {"app.kubernetes.io/instance": "argocd_shop"},
        "managedFields": written_by("argocd-controller")}),
    );
    assert_eq!(owner_questions(&labelled), []);
    let owner = judged(&labelled, &OwnerAnswer::Unknown);
    assert_eq!(says(owner.as_ref()), "Application argocd/shop reverts");
}

#[test]
fn manager_of_a_releases_values_also_counts() {
    let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "web", "managedFields": [{"manager": "Terraform",
            "fieldsV1": {"f:spec": {"f:values": {"f:image": {}}}}}]},
        "spec": {"values": {"image": "org/app:1"}}});
    let owner = judged(&observed(&release), &OwnerAnswer::Unknown);
    assert_eq!(says(owner.as_ref()), "FieldManager Terraform reverts");
}

#[test]
fn flux_does_not_revert_an_object_that_it_skips() {
    for (key, value, expected) in [
        ("kustomize.toolkit.fluxcd.io/reconcile", "disabled", "warns"),
        ("kustomize.toolkit.fluxcd.io/reconcile", "Disabled", "warns"),
        (
            "kustomize.toolkit.fluxcd.io/reconcile",
            "enabled",
            "reverts",
        ),
        ("kustomize.toolkit.fluxcd.io/ssa", "Ignore", "warns"),
        ("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent", "warns"),
        // These two values apply the image of the manifest again.
        ("kustomize.toolkit.fluxcd.io/ssa", "Merge", "reverts"),
        ("kustomize.toolkit.fluxcd.io/ssa", "Override", "reverts"),
    ] {
        for place in ["labels", "annotations"] {
            for manager in ["kustomize-controller", "other"] {
                let mut metadata = json!({"labels": flux(), "managedFields": written_by(manager)});
                metadata[place][key] = json!(value);
                let owner = judged(&object(metadata), &OwnerAnswer::No);
                let expected = format!("Kustomization flux-system/apps {expected}");
                assert_eq!(says(owner.as_ref()), expected, "{key}={value} in {place}");
            }
        }
    }
}

#[test]
fn suspended_flux_object_only_warns() {
    let kustomization = object(json!({"labels": flux()}));
    let release = object(json!({"labels": {"helm.toolkit.fluxcd.io/name": "shop",
        "helm.toolkit.fluxcd.io/namespace": "apps"}}));
    for (object, owner) in [
        (kustomization, "Kustomization flux-system/apps"),
        (release, "HelmRelease apps/shop"),
    ] {
        let questions = owner_questions(&object);
        let [OwnerQuestion::IsSuspended(asked)] = questions.as_slice() else {
            panic!("whether it is suspended: {questions:?}");
        };
        assert_eq!(asked.to_string(), owner);
        for (answer, effect) in [
            (OwnerAnswer::Yes(None), "warns"),
            (OwnerAnswer::No, "reverts"),
            (OwnerAnswer::Unknown, "reverts"),
        ] {
            let judged = judged(&object, &answer);
            assert_eq!(says(judged.as_ref()), format!("{owner} {effect}"));
        }
        // The question was not answered.
        assert_eq!(
            says(ownership(&object, &[]).as_ref()),
            format!("{owner} reverts")
        );
    }
}

/// `managedFields` in which a manager applied a container with one of its fields.
fn applied_by(manager: &str, field: &str) -> Value {
    json!([{"manager": "imgpolicy", "operation": "Update", "fieldsV1": {"f:spec": {"f:template":
            {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}}},
        {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:template":
            {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {field: {}}}}}}}}])
}

#[test]
fn next_server_side_apply_conflicts_or_reverts() {
    let conflicts = "the next server-side apply of deployment/web by";
    for (manager, field, expected) in [
        ("ci", "f:image", format!("{conflicts} ci fails")),
        ("kubectl", "f:image", format!("{conflicts} kubectl fails")),
        (
            "ci",
            "f:resources",
            format!("if it also applies the image, {conflicts} ci fails"),
        ),
    ] {
        let object = object(json!({"managedFields": applied_by(manager, field)}));
        let owner = judged(&object, &OwnerAnswer::Unknown).expect("an owner");
        assert_eq!(
            says(Some(&owner)),
            format!("FieldManager {manager} warns"),
            "{field}"
        );
        assert!(owner.message.starts_with(&expected), "{}", owner.message);
    }
    // It restores its fields by itself.
    let object = object(json!({"managedFields": applied_by("kustomize-controller", "f:image")}));
    let owner = judged(&object, &OwnerAnswer::Unknown);
    assert_eq!(
        says(owner.as_ref()),
        "FieldManager kustomize-controller reverts"
    );
}

#[test]
fn instance_label_means_argo_cd_only_if_an_application_lists_the_object() {
    let object = object(json!({"labels": {"app.kubernetes.io/instance": "shop"}}));
    let question = OwnerQuestion::IsListedByApplication {
        application: "shop".to_owned(),
        workload: object.workload.id.clone(),
    };
    assert_eq!(owner_questions(&object), [question]);
    let listed = judged(&object, &OwnerAnswer::Yes(Some("argocd".to_owned())));
    assert_eq!(says(listed.as_ref()), "Application argocd/shop reverts");
    assert_eq!(says(judged(&object, &OwnerAnswer::No).as_ref()), "nobody");
}

#[test]
fn unknown_application_gives_a_warning_before_kubectl_apply() {
    let apply = "kubectl.kubernetes.io/last-applied-configuration";
    let object = object(json!({"labels": {"app.kubernetes.io/instance": "shop"},
        "annotations": {apply: "{}"}}));
    for (answer, expected) in [
        (OwnerAnswer::Unknown, "Application shop warns"),
        (OwnerAnswer::No, "kubectl apply warns"),
        (
            OwnerAnswer::Yes(Some("argocd".to_owned())),
            "Application argocd/shop reverts",
        ),
    ] {
        assert_eq!(says(judged(&object, &answer).as_ref()), expected);
    }
}

#[test]
fn sign_that_reverts_takes_precedence() {
    let metadata = json!({"annotations": {"meta.helm.sh/release-name": "db",
            "argocd.argoproj.io/tracking-id": "argocd_shop:apps/Deployment:default/web"},
        "labels": flux()});
    let owner = judged(&object(metadata), &OwnerAnswer::Yes(None));
    assert_eq!(says(owner.as_ref()), "Application argocd/shop reverts");
}

#[test]
fn message_names_the_owner_and_what_to_do() {
    let owner = judged(&object(json!({"labels": flux()})), &OwnerAnswer::No).expect("an owner");
    assert_eq!(
        owner.message,
        "Kustomization flux-system/apps reverts it at its next reconciliation: use -f on the \
         manifests in Git, or suspend it with flux suspend kustomization apps -n flux-system"
    );
}

#[test]
fn owned_workload_is_held_back_unless_overridden() {
    let scenario = Scenario::following("semver:~1.0", "org/app:1.0.0").tags(&["1.0.0", "1.0.1"]);
    let plan = planned(&scenario);
    let id = plan.changes[0].workload.clone();
    let owned = |metadata: Value| {
        let owner = judged(&object(metadata), &OwnerAnswer::No).expect("an owner");
        BTreeMap::from([(id.clone(), owner)])
    };
    let reverts = owned(json!({"labels": flux()}));
    let mut held_plan = plan.clone();
    held_plan.hold_back_owned(
        &reverts,
        Overrides {
            lock: true,
            policy: true,
            owner: false,
            window: false,
            unconfirmed: false,
        },
    );
    assert_eq!(
        (images(&held_plan), held(&held_plan)),
        (String::new(), "app owned".to_owned())
    );
    assert!(
        held_plan.held_back[0]
            .message
            .starts_with("Kustomization flux-system/apps ")
    );
    let mut overridden = plan.clone();
    overridden.hold_back_owned(
        &reverts,
        Overrides {
            owner: true,
            ..Overrides::default()
        },
    );
    assert_eq!(images(&overridden), "app=org/app:1.0.1");
    assert_eq!(overridden.changes[0].notes.len(), 1);
    let warns = owned(json!({"annotations": {"meta.helm.sh/release-name": "db"}}));
    let mut warned = plan.clone();
    warned.hold_back_owned(&warns, Overrides::default());
    assert_eq!(
        warned.changes[0].notes,
        [
            "Release db restores the image in its values at the next helm upgrade: also change the values"
        ]
    );
    // An edit of annotations is not held back.
    let mut annotations = plan;
    annotations.changes[0].images.clear();
    annotations.hold_back_owned(&reverts, Overrides::default());
    assert_eq!(annotations.changes.len(), 1);
}
