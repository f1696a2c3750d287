//! Fetching what decisions need, one repository at a time.

use std::collections::BTreeMap;

use crate::evaluator::{Subject, distinct};
use crate::image::{CanonicalName, Fact, RepositoryMetadata};
use crate::registry::{Account, Registries};

/// How many times one fact is fetched per run.
const MAX_FETCHES: u8 = 6;

/// Fetches the metadata of one repository with the user's own credentials, until
/// every container that uses it can be decided.
pub async fn fetch_until_decidable(
    name: &CanonicalName,
    subjects: &[&Subject<'_>],
    registries: &Registries,
) -> RepositoryMetadata {
    let known = RepositoryMetadata::default();
    fetch_until_decidable_as(registries.user(), name, subjects, registries, known).await
}

/// Like [`fetch_until_decidable`], with any credentials, and starting from what is
/// known already.
pub(crate) async fn fetch_until_decidable_as(
    account: &Account,
    name: &CanonicalName,
    subjects: &[&Subject<'_>],
    registries: &Registries,
    known: RepositoryMetadata,
) -> RepositoryMetadata {
    let subjects = distinct(subjects);
    let mut metadata = known;
    let mut fetches: BTreeMap<Fact, u8> = BTreeMap::new();
    loop {
        let mut facts: Vec<Fact> = subjects.iter().flat_map(|s| s.needs(&metadata)).collect();
        facts.sort_unstable();
        facts.dedup();
        for fact in &facts {
            *fetches.entry(fact.clone()).or_default() += 1;
        }
        // A tag may be bounded, dated, confirmed and dated again. A fact that is
        // needed more often would be fetched endlessly, so its row stays undecided.
        facts.retain(|fact| fetches.get(fact).is_none_or(|times| *times <= MAX_FETCHES));
        if facts.is_empty() {
            return metadata;
        }
        registries.answer(account, name, facts, &mut metadata).await;
    }
}
