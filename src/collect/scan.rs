//! Asking registries what the decisions need.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};

use super::CollectError;
use super::accounts::{Accounts, PullSecretUse, Seen, UsedPullSecrets};
use crate::evaluator::{Snapshot, Subject};
use crate::image::{CanonicalName, Fact, RepositoryMetadata};
use crate::registry::{Account, Registries};

/// How many repositories are scanned side by side: enough to use all that one
/// host may be asked at a time, and others beside it. Each host has its own,
/// lower bound on requests.
const REPOSITORIES_AT_ONCE: usize = 256;

/// How often one question about one repository is asked in a run.
const MAX_ASKED: u8 = 6;

/// How far a scan has come: by registry, the repositories that are decided and
/// all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// By the registry's name.
    pub registries: BTreeMap<String, (usize, usize)>,
}

impl Progress {
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

/// Asks the registries what the decisions need and the snapshot does not hold
/// yet, and puts the answers into it. When `stop` completes first, what was learnt so far is kept and the
/// snapshot is marked partial. Tells which pull secrets were shown to registries.
///
/// # Errors
///
/// `--assume` is no policy.
pub async fn scan(
    snapshot: &mut Snapshot,
    registries: &Registries,
    pull_secrets: PullSecretUse<'_>,
    report: &dyn Fn(&Progress),
    stop: impl Future<Output = ()>,
) -> Result<UsedPullSecrets, CollectError> {
    let subjects = snapshot.subjects()?;
    let mut by_repository: BTreeMap<&CanonicalName, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in &subjects {
        if let Some(name) = subject.repository() {
            by_repository.entry(name).or_default().push(subject);
        }
    }
    let progress = Progress::begin(by_repository.keys().copied());
    report(&progress);
    let progress = RefCell::new(progress);
    let accounts = Accounts::new(pull_secrets);
    let answers: RefCell<Vec<(CanonicalName, Seen)>> = RefCell::default();
    let known = &snapshot.repositories;
    let turns = registries.line_up(by_repository.keys().copied());
    let work = stream::iter(by_repository.into_iter().zip(turns)).for_each_concurrent(
        REPOSITORIES_AT_ONCE,
        |((name, subjects), turn)| {
            let (answers, accounts, progress) = (&answers, &accounts, &progress);
            async move {
                let known = known.get(name).cloned().unwrap_or_default();
                let seen = accounts.see(name, &subjects, registries, known).await;
                drop(turn);
                answers.borrow_mut().push((name.clone(), seen));
                progress.borrow_mut().finish(name);
                report(&progress.borrow());
            }
        },
    );
    let stopped = match select(pin!(work), pin!(stop)).await {
        Either::Left(_) => false,
        Either::Right(_) => true,
    };
    for (name, Seen { user, views }) in answers.into_inner() {
        if !views.is_empty() {
            snapshot.pull_secret_views.insert(name.clone(), views);
        }
        if let Some(metadata) = user {
            snapshot.repositories.insert(name, metadata);
        }
    }
    snapshot.partial |= stopped;
    snapshot.notes.extend(accounts.notes());
    Ok(accounts.used())
}

/// Asks about one repository, with the user's own credentials, until every
/// container that uses it can be decided.
pub async fn settle(
    name: &CanonicalName,
    subjects: &[&Subject<'_>],
    registries: &Registries,
) -> RepositoryMetadata {
    let known = RepositoryMetadata::default();
    settle_as(registries.user(), name, subjects, registries, known).await
}

/// The same with anybody's credentials, on top of what is known.
pub(crate) async fn settle_as(
    account: &Account,
    name: &CanonicalName,
    subjects: &[&Subject<'_>],
    registries: &Registries,
    known: RepositoryMetadata,
) -> RepositoryMetadata {
    let mut metadata = known;
    let mut asked: BTreeMap<Fact, u8> = BTreeMap::new();
    loop {
        let mut facts: Vec<Fact> = subjects.iter().flat_map(|s| s.needs(&metadata)).collect();
        facts.sort_unstable();
        facts.dedup();
        for fact in &facts {
            *asked.entry(fact.clone()).or_default() += 1;
        }
        // A tag may be bounded, dated, confirmed and dated anew. What is asked
        // again after that would be asked for ever: its row stays undecided.
        facts.retain(|fact| asked.get(fact).is_none_or(|times| *times <= MAX_ASKED));
        if facts.is_empty() {
            return metadata;
        }
        registries.answer(account, name, facts, &mut metadata).await;
    }
}
