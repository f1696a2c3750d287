//! The last check before an image is written: does it still exist, and who can pull
//! it?
//!
//! A decision may be minutes old, and a tag may have been deleted since. So each image
//! is looked up again with a HEAD request: with the credentials that will pull it, if
//! the workload names them, and with the user's own if those are refused or unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::{StreamExt as _, stream};
use tokio::sync::OnceCell;

use super::accounts::{Accounts, PullSecretUse, UsedPullSecrets, WorkloadCredentials};
use crate::image::{
    CanonicalName, Digest, Fact, FetchFailure, FetchFailureKind, ImageReference, Known,
    RepositoryMetadata, TagOrDigest,
};
use crate::plan::Presence;
use crate::registry::{Account, CredentialId, Registries};
use crate::workload::PullIdentity;

/// How many images are looked up concurrently; each host has its own limit.
const IMAGES_AT_ONCE: usize = 16;

/// An image that is about to be written, and the identity that will pull it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedImage {
    /// The image.
    pub image: ImageReference,
    /// The pull secrets that will be used to pull it; `None`: they are unknown.
    pub reader: Option<PullIdentity>,
}

/// Registries without remembered answers, so that every image is looked up again.
#[derive(Debug)]
pub struct FreshLook<'a> {
    /// Used with the user's own credentials.
    pub as_user: &'a Registries,
    /// Used with the credentials of workloads. It is separate, because a workload
    /// without credentials must not get an answer that the user got.
    pub as_workload: &'a Registries,
    /// Whether the pull secrets of workloads are read.
    pub pull_secrets: PullSecretUse<'a>,
    /// Whether the user accepts an image that may or may not exist.
    pub accepts_unconfirmed: bool,
}

/// The result of [`confirm`].
#[derive(Debug)]
pub struct Confirmed {
    /// One per wanted image, in the same order.
    pub presences: Vec<Presence>,
    /// One line per pull secret that could not be used, with the reason.
    pub notes: Vec<String>,
    /// The pull secrets that were used.
    pub used: UsedPullSecrets,
}

/// Looks up images again: one request per image and credential.
pub async fn confirm(wanted: &[WantedImage], look: &FreshLook<'_>) -> Confirmed {
    let accounts = Accounts::for_workloads_only(look.pull_secrets);
    let confirmation = Confirmation {
        look,
        accounts: &accounts,
        results: RefCell::default(),
    };
    let mut presences: Vec<Presence> = stream::iter(wanted)
        .map(|wanted| confirmation.presence(wanted))
        .buffered(IMAGES_AT_ONCE)
        .collect()
        .await;
    if look.accepts_unconfirmed {
        presences = presences.into_iter().map(Presence::accepted).collect();
    }
    Confirmed {
        presences,
        notes: accounts.notes(),
        used: accounts.used(),
    }
}

type DigestResult = Result<Digest, FetchFailure>;

/// Whose credentials are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Requester {
    User,
    /// A workload's; `None`: it has no credentials for the registry.
    Workload(Option<CredentialId>),
}

/// What makes two lookups the same.
type LookupKey = (CanonicalName, TagOrDigest, Requester);

/// One run of [`confirm`]; equal lookups are made once.
struct Confirmation<'a> {
    look: &'a FreshLook<'a>,
    accounts: &'a Accounts<'a>,
    results: RefCell<BTreeMap<LookupKey, Rc<OnceCell<DigestResult>>>>,
}

impl Confirmation<'_> {
    async fn presence(&self, wanted: &WantedImage) -> Presence {
        let credentials = match &wanted.reader {
            Some(identity) => {
                let name = wanted.image.canonical();
                self.accounts
                    .workload_credentials(identity, name, self.look.as_workload)
                    .await
            }
            None => None,
        };
        let Some(credentials) = credentials else {
            return to_presence(self.lookup_as_user(&wanted.image).await);
        };
        let refusal = match self.lookup_as_workload(&wanted.image, &credentials).await {
            Err(failure) if is_refusal(&failure) => failure,
            result => return to_presence(result),
        };
        match self.lookup_as_user(&wanted.image).await {
            Ok(digest) if credentials.is_incomplete => Presence::Served(digest),
            Ok(digest) => Presence::ServedToUserOnly {
                digest,
                reason: credentials.missing_reason.unwrap_or_else(|| {
                    format!(
                        "{}, requested with the credentials of {}",
                        refusal.message, credentials.origins
                    )
                }),
            },
            result => to_presence(result),
        }
    }

    async fn lookup_as_user(&self, image: &ImageReference) -> DigestResult {
        let registries = self.look.as_user;
        self.lookup(registries, registries.user(), Requester::User, image)
            .await
    }

    async fn lookup_as_workload(
        &self,
        image: &ImageReference,
        credentials: &WorkloadCredentials,
    ) -> DigestResult {
        let requester = Requester::Workload(credentials.id);
        let registries = self.look.as_workload;
        self.lookup(registries, &credentials.account, requester, image)
            .await
    }

    async fn lookup(
        &self,
        registries: &Registries,
        account: &Account,
        requester: Requester,
        image: &ImageReference,
    ) -> DigestResult {
        let (name, version) = (image.canonical(), image.pulled());
        let cell = {
            let mut results = self.results.borrow_mut();
            let key = (name.clone(), version.clone(), requester);
            Rc::clone(results.entry(key).or_default())
        };
        cell.get_or_init(|| fetch_digest(registries, account, name, version))
            .await
            .clone()
    }
}

async fn fetch_digest(
    registries: &Registries,
    account: &Account,
    name: &CanonicalName,
    version: TagOrDigest,
) -> DigestResult {
    let mut metadata = RepositoryMetadata::default();
    let facts = vec![Fact::Digest(version.clone())];
    registries.answer(account, name, facts, &mut metadata).await;
    match metadata.images.remove(&version).map(|image| image.digest) {
        Some(Known::Value(digest)) => Ok(digest),
        Some(Known::Failed(failure)) => Err(failure),
        Some(Known::NotAsked) | None => Err(FetchFailure {
            kind: FetchFailureKind::Registry,
            message: format!("{name}: the registry returned nothing for {version}"),
        }),
    }
}

/// Whether other credentials may get another answer.
fn is_refusal(failure: &FetchFailure) -> bool {
    use FetchFailureKind::{NotFound, Unauthorized};
    matches!(failure.kind, NotFound | Unauthorized)
}

fn to_presence(result: DigestResult) -> Presence {
    match result {
        Ok(digest) => Presence::Served(digest),
        Err(failure) if failure.kind == FetchFailureKind::NotFound => {
            Presence::Gone(failure.message)
        }
        Err(failure) => Presence::Unknown(failure.message),
    }
}
