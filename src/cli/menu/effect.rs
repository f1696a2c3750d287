//! What policies would do while they are being edited, evaluated on real tags.

use std::collections::BTreeMap;

use crate::cli::error::CommandError;
use crate::cli::flags::pull_secrets::PullSecretFlags;
use crate::cli::gather::workloads::Reading;
use crate::cli::runtime::{interrupt, runtime};
use crate::collect;
use crate::evaluator::{Examination, Row, Snapshot, Subject};
use crate::image::RepositoryMetadata;
use crate::output::Style;
use crate::output::policy_effect;
use crate::plan::{ContainerPolicyText, PolicyEdit};
use crate::registry::Registries;
use crate::workload::{Workload, WorkloadId};

use super::policy_draft::PolicyDraft;
use super::purpose::Purpose;

/// The effect of a draft.
pub(crate) struct DraftEffect {
    pub(crate) row: Row,
    pub(crate) examination: Examination,
    /// Whether everything that the decision needs is known.
    pub(crate) is_known: bool,
}

/// What is known about workloads and images while policies are edited.
pub(crate) struct Effects<'a> {
    snapshot: Snapshot,
    reading: &'a Reading,
    registries: &'a Registries,
    pull_secrets: &'a PullSecretFlags,
    purpose: Purpose,
}

impl<'a> Effects<'a> {
    pub(crate) fn new(
        reading: &'a Reading,
        registries: &'a Registries,
        pull_secrets: &'a PullSecretFlags,
        purpose: Purpose,
    ) -> Self {
        Self {
            snapshot: reading.snapshot.clone(),
            reading,
            registries,
            pull_secrets,
            purpose,
        }
    }

    /// The edits that write the drafts, one per workload.
    pub(crate) fn edits(
        &self,
        drafts: &[PolicyDraft],
        overwrite: bool,
    ) -> Vec<(&'a Workload, PolicyEdit)> {
        let mut policies: BTreeMap<&WorkloadId, Vec<ContainerPolicyText>> = BTreeMap::new();
        for draft in drafts {
            policies
                .entry(&draft.workload)
                .or_default()
                .push(draft.text());
        }
        policies
            .into_iter()
            .filter_map(|(id, policies): (&WorkloadId, Vec<ContainerPolicyText>)| {
                let mut workloads = self.reading.snapshot.workloads.iter();
                let workload = workloads.find(|workload| workload.id == *id)?;
                Some((workload, self.purpose.edit(policies, overwrite)))
            })
            .collect()
    }

    /// The workloads as they would be, without any facts from registries.
    fn edited(&self, drafts: &[PolicyDraft]) -> Result<Snapshot, CommandError> {
        let mut workloads = Vec::new();
        for (workload, edit) in self.edits(drafts, true) {
            let edit = edit.edit_of(workload).map_err(CommandError::failed)?;
            workloads.push(edit.apply_to(workload));
        }
        let mut edited = Snapshot::new(self.snapshot.observed_at);
        edited.context.clone_from(&self.snapshot.context);
        edited.settings.clone_from(&self.snapshot.settings);
        edited
            .policy_objects
            .clone_from(&self.snapshot.policy_objects);
        edited.namespaces.clone_from(&self.snapshot.namespaces);
        edited.nodes.clone_from(&self.snapshot.nodes);
        edited.workloads = workloads;
        Ok(edited)
    }

    /// Fetches what the decisions on the drafts need and is not known yet.
    ///
    /// # Errors
    ///
    /// Ctrl-C.
    pub(crate) fn fetch_facts(&mut self, drafts: &[PolicyDraft]) -> Result<(), CommandError> {
        let mut edited = self.edited(drafts)?;
        std::mem::swap(&mut edited.repositories, &mut self.snapshot.repositories);
        let mut interrupted = false;
        let pull_secrets = self
            .pull_secrets
            .with(self.reading.origin.cluster(), self.reading.origin.secrets());
        let scanned = runtime()?.block_on(async {
            let stop = async {
                interrupt().await;
                interrupted = true;
            };
            collect::scan(&mut edited, self.registries, pull_secrets, &|_| {}, stop).await
        });
        self.snapshot.repositories = edited.repositories;
        self.snapshot
            .pull_secret_views
            .extend(edited.pull_secret_views);
        scanned?;
        if interrupted {
            return Err(CommandError::interrupted());
        }
        Ok(())
    }

    /// The effect of a draft, together with the other drafts of its workload.
    ///
    /// # Errors
    ///
    /// The workload no longer fits the draft.
    pub(crate) fn evaluate_draft(
        &self,
        drafts: &[PolicyDraft],
        at: usize,
    ) -> Result<DraftEffect, CommandError> {
        let draft = &drafts[at];
        let same: Vec<PolicyDraft> = drafts
            .iter()
            .filter(|other| other.workload == draft.workload)
            .cloned()
            .collect();
        let edited = self.edited(&same)?;
        let subjects = edited.subjects()?;
        let Some(subject) = subjects
            .iter()
            .find(|subject: &&Subject<'_>| subject.container.name == draft.container)
        else {
            let container = &draft.container;
            return Err(CommandError::failed(format!(
                "unable to find container named {container:?}"
            )));
        };
        // Do not query content gates on every keystroke. They are checked when the effect
        // is shown.
        let metadata = RepositoryMetadata {
            is_closed: true,
            ..self
                .snapshot
                .metadata_for(subject)
                .unwrap_or_default()
                .into_owned()
        };
        Ok(DraftEffect {
            row: subject.row(&metadata),
            examination: subject.examine(&metadata),
            is_known: subject.is_decided(&metadata),
        })
    }

    /// Describes the effect, with at most `limit` tags. `is_final`: what is unknown now
    /// will stay unknown.
    pub(crate) fn text(
        &self,
        effect: &DraftEffect,
        is_final: bool,
        limit: usize,
        style: &Style,
    ) -> String {
        let now = self.snapshot.observed_at;
        let row = is_final.then_some(&effect.row);
        policy_effect(row, &effect.examination, now, limit, style)
    }
}
