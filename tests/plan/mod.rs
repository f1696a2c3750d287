//! Plans and their edits, from the outside: a workload is decided, planned, edited, and
//! decided again.

mod explicit_image;
mod failed_rollouts;
mod owners;
mod properties;
mod record;
mod rollback;
mod update;
mod windows;

use kubectl_imgpolicy::evaluator::assess;
use kubectl_imgpolicy::plan::{Authorship, Edit, Plan, UpdateSpec, plan_update};
use kubectl_imgpolicy::workload::Observed;
use serde_json::Value;

use crate::support::oracle::time;
use crate::support::scenario::{NOW, Scenario};

pub(crate) fn author() -> Authorship {
    Authorship {
        by: "admin".to_owned(),
        at: time(NOW),
        overrides: Vec::new(),
        is_recorded: true,
    }
}

pub(crate) fn observed(object: &Value) -> Observed {
    Observed::read(object, "default")
        .expect("decodes")
        .expect("a workload")
}

/// The plan for what is elected, without flags.
pub(crate) fn planned(scenario: &Scenario) -> Plan {
    planned_with(scenario, &UpdateSpec::default())
}

pub(crate) fn planned_with(scenario: &Scenario, spec: &UpdateSpec) -> Plan {
    let assessment = assess(&scenario.settled()).expect("assesses");
    plan_update(&assessment, spec)
}

/// The edit of a plan's only change.
pub(crate) fn edit(scenario: &Scenario, plan: &Plan) -> Edit {
    let [change] = plan.changes.as_slice() else {
        panic!("one change: {plan:?}");
    };
    let edit = change.edit(&observed(scenario.object()), &author());
    edit.expect("an edit")
}

/// The scenario after its plan's only change.
pub(crate) fn written(scenario: &Scenario, plan: &Plan) -> Scenario {
    let edit = edit(scenario, plan);
    let mut object = scenario.object().clone();
    apply(&edit, &mut object);
    scenario.with_object(object)
}

/// What is elected, planned and written.
pub(crate) fn updated(scenario: &Scenario) -> Scenario {
    written(scenario, &planned(scenario))
}

/// Applies an edit to an object, as the file editor does.
pub(crate) fn apply(edit: &Edit, object: &mut Value) {
    for place in edit.field_edits(object) {
        let (last, above) = place.path.split_last().expect("a path");
        let mut at = &mut *object;
        for key in above {
            at = match at {
                Value::Array(list) => &mut list[key.parse::<usize>().expect("an index")],
                mapping => &mut mapping[key.as_str()],
            };
        }
        match place.text {
            Some(_) => at[last.as_str()] = place.value(),
            None => {
                at.as_object_mut().expect("a mapping").remove(last.as_str());
            }
        }
    }
}

/// An annotation of the scenario's object.
pub(crate) fn annotation<'s>(scenario: &'s Scenario, key: &str) -> Option<&'s str> {
    scenario.object()["metadata"]["annotations"][key].as_str()
}

/// `app=org/app:2`: the images of a plan's only change.
pub(crate) fn images(plan: &Plan) -> String {
    let changes = plan.changes.iter().flat_map(|change| &change.images);
    let texts: Vec<String> = changes
        .map(|image| format!("{}={}", image.container, image.to))
        .collect();
    texts.join(" ")
}

/// `app locked`: what is held back and why.
pub(crate) fn held(plan: &Plan) -> String {
    let texts = plan.held_back.iter().map(|held| {
        let container = held.container.as_deref().unwrap_or("-");
        format!("{container} {}", held.hold)
    });
    texts.collect::<Vec<_>>().join(", ")
}
