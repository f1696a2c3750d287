//! Fetching what the decisions need from the registries.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};

use super::accounts::{Accounts, PullSecretUse, RepositoryViews, UsedPullSecrets};
use super::snapshot::CollectError;
use crate::evaluator::{Snapshot, Subject};
use crate::image::CanonicalName;
use crate::registry::Registries;

/// How many repositories are scanned concurrently: enough to use all the requests
/// that one host allows at a time, and other hosts alongside it. Each host has its
/// own, lower limit on concurrent requests.
const REPOSITORIES_AT_ONCE: usize = 256;

/// The progress of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanProgress {
    /// The number of finished repositories and of all repositories, by the registry's
    /// name.
    pub registries: BTreeMap<String, (usize, usize)>,
}

impl ScanProgress {
    fn begin<'n>(repositories: impl Iterator<Item = &'n CanonicalName>) -> Self {
        let mut progress = Self::default();
        for name in repositories {
            let registry = name.registry().to_owned();
            progress.registries.entry(registry).or_default().1 += 1;
        }
        progress
    }

    fn finish(&mut self, name: &CanonicalName) {
        if let Some((done, _)) = self.registries.get_mut(name.registry()) {
            *done += 1;
        }
    }
}

/// Fetches the facts that decisions need and the snapshot does not have yet, and adds
/// them to the snapshot. If `stop` completes first, the facts fetched so far are kept
/// and the snapshot is marked as partial. Returns which pull secrets were sent to
/// registries.
///
/// # Errors
///
/// `--assume` is not a valid policy.
pub async fn scan(
    snapshot: &mut Snapshot,
    registries: &Registries,
    pull_secrets: PullSecretUse<'_>,
    report: &dyn Fn(&ScanProgress),
    stop: impl Future<Output = ()>,
) -> Result<UsedPullSecrets, CollectError> {
    scan_wanted(snapshot, registries, pull_secrets, None, report, stop).await
}

/// Like [`scan`], but asks only about these repositories. What the snapshot knows about the
/// others is kept as it is.
///
/// # Errors
///
/// `--assume` is not a valid policy.
pub async fn scan_repositories(
    snapshot: &mut Snapshot,
    registries: &Registries,
    pull_secrets: PullSecretUse<'_>,
    wanted: &BTreeSet<CanonicalName>,
) -> Result<UsedPullSecrets, CollectError> {
    let wanted = Some(wanted);
    scan_wanted(
        snapshot,
        registries,
        pull_secrets,
        wanted,
        &|_| {},
        pending(),
    )
    .await
}

async fn scan_wanted(
    snapshot: &mut Snapshot,
    registries: &Registries,
    pull_secrets: PullSecretUse<'_>,
    wanted: Option<&BTreeSet<CanonicalName>>,
    report: &dyn Fn(&ScanProgress),
    stop: impl Future<Output = ()>,
) -> Result<UsedPullSecrets, CollectError> {
    let elections = snapshot.elections()?;
    let mut subjects = snapshot.subjects()?;
    subjects.extend(elections.subjects(snapshot.observed_at));
    let mut by_repository: BTreeMap<&CanonicalName, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in &subjects {
        let name = subject.repository();
        let name = name.filter(|name| wanted.is_none_or(|wanted| wanted.contains(name)));
        if let Some(name) = name {
            by_repository.entry(name).or_default().push(subject);
        }
    }
    let notes = elections.notes();
    let progress = ScanProgress::begin(by_repository.keys().copied());
    report(&progress);
    let progress = RefCell::new(progress);
    let accounts = Accounts::new(pull_secrets);
    let fetched: RefCell<Vec<(CanonicalName, RepositoryViews)>> = RefCell::default();
    let known = &snapshot.repositories;
    let turns = registries.line_up(by_repository.keys().copied());
    let work = stream::iter(by_repository.into_iter().zip(turns)).for_each_concurrent(
        REPOSITORIES_AT_ONCE,
        |((name, subjects), turn)| {
            let (fetched, accounts, progress) = (&fetched, &accounts, &progress);
            async move {
                let known = known.get(name).cloned().unwrap_or_default();
                let views = accounts.fetch(name, &subjects, registries, known).await;
                drop(turn);
                fetched.borrow_mut().push((name.clone(), views));
                progress.borrow_mut().finish(name);
                report(&progress.borrow());
            }
        },
    );
    let stopped = match select(pin!(work), pin!(stop)).await {
        Either::Left(_) => false,
        Either::Right(_) => true,
    };
    for (name, RepositoryViews { user, views }) in fetched.into_inner() {
        if !views.is_empty() {
            snapshot.pull_secret_views.insert(name.clone(), views);
        }
        if let Some(metadata) = user {
            snapshot.repositories.insert(name, metadata);
        }
    }
    snapshot.partial |= stopped;
    snapshot.notes.extend(accounts.notes());
    snapshot.notes.extend(notes);
    Ok(accounts.used())
}
