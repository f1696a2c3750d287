//! The last look before an image is written: is it still there, and for whom?
//!
//! What was decided may be minutes old, and a tag may be deleted. So each image
//! is asked for once more, by a HEAD, with the credentials that will pull it
//! where the workload tells them, and with the user's own where those are refused
//! or not known.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::{StreamExt as _, stream};
use tokio::sync::OnceCell;

use super::accounts::{Accounts, Own, PullSecretUse, UsedPullSecrets};
use crate::image::{
    CanonicalName, Digest, Fact, FetchFailure, FetchFailureKind, ImageReference, Known,
    RepositoryMetadata, TagOrDigest,
};
use crate::plan::Presence;
use crate::registry::{Account, CredentialId, Registries};
use crate::workload::Reader;

/// How many images are asked for side by side; each host has its own bound.
const IMAGES_AT_ONCE: usize = 16;

/// An image that is about to be written, and who will pull it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedImage {
    /// The image.
    pub image: ImageReference,
    /// Whose pull secrets will pull it; `None` where nothing here tells.
    pub reader: Option<Reader>,
}

/// Registries that were not asked before, so that what an earlier look saw does
/// not answer.
#[derive(Debug)]
pub struct FreshLook<'a> {
    /// Asked with the user's own credentials.
    pub as_user: &'a Registries,
    /// Asked with the credentials of workloads. Another one, since who has none
    /// may not be told what the user was told.
    pub as_workload: &'a Registries,
    /// Whether the pull secrets of workloads are read.
    pub pull_secrets: PullSecretUse<'a>,
}

/// What the last look saw.
#[derive(Debug)]
pub struct Confirmed {
    /// One for each image that was asked for, in the same order.
    pub presences: Vec<Presence>,
    /// Which pull secrets could not be used, and why.
    pub notes: Vec<String>,
    /// Which could.
    pub used: UsedPullSecrets,
}

/// Looks for images once more: one request an image and credential.
pub async fn confirm(wanted: &[WantedImage], look: &FreshLook<'_>) -> Confirmed {
    let accounts = Accounts::of_workloads_alone(look.pull_secrets);
    let asking = Asking {
        look,
        accounts: &accounts,
        answers: RefCell::default(),
    };
    let presences = stream::iter(wanted)
        .map(|wanted| asking.presence(wanted))
        .buffered(IMAGES_AT_ONCE)
        .collect()
        .await;
    Confirmed {
        presences,
        notes: accounts.notes(),
        used: accounts.used(),
    }
}

type Answer = Result<Digest, FetchFailure>;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    User,
    /// A workload; `None`: one without credentials for the registry.
    Workload(Option<CredentialId>),
}

type Question = (CanonicalName, TagOrDigest, Who);

struct Asking<'a> {
    look: &'a FreshLook<'a>,
    accounts: &'a Accounts,
    answers: RefCell<BTreeMap<Question, Rc<OnceCell<Answer>>>>,
}

impl Asking<'_> {
    async fn presence(&self, wanted: &WantedImage) -> Presence {
        let own = match &wanted.reader {
            Some(reader) => {
                let name = wanted.image.canonical();
                let own = self.accounts.own(reader, name, self.look.as_workload);
                own.await
            }
            None => None,
        };
        let Some(own) = own else {
            return as_seen(self.as_user(&wanted.image).await);
        };
        let refused = match self.as_workload(&wanted.image, &own).await {
            Err(failure) if is_refusal(&failure) => failure,
            seen => return as_seen(seen),
        };
        match self.as_user(&wanted.image).await {
            Ok(digest) if own.is_incomplete => Presence::Served(digest),
            Ok(digest) => Presence::ServedToUserOnly {
                digest,
                reason: own.lack.unwrap_or_else(|| {
                    format!(
                        "{}, asked with the credentials of {}",
                        refused.message, own.origins
                    )
                }),
            },
            seen => as_seen(seen),
        }
    }

    async fn as_user(&self, image: &ImageReference) -> Answer {
        let registries = self.look.as_user;
        self.ask(registries, registries.user(), Who::User, image)
            .await
    }

    async fn as_workload(&self, image: &ImageReference, own: &Own) -> Answer {
        let who = Who::Workload(own.id);
        self.ask(self.look.as_workload, &own.account, who, image)
            .await
    }

    async fn ask(
        &self,
        registries: &Registries,
        account: &Account,
        who: Who,
        image: &ImageReference,
    ) -> Answer {
        let (name, version) = (image.canonical(), image.pulled());
        let cell = {
            let mut answers = self.answers.borrow_mut();
            let question = (name.clone(), version.clone(), who);
            Rc::clone(answers.entry(question).or_default())
        };
        let ask = || async {
            let mut metadata = RepositoryMetadata::default();
            let facts = vec![Fact::Digest(version.clone())];
            registries.answer(account, name, facts, &mut metadata).await;
            match metadata.images.remove(&version).map(|image| image.digest) {
                Some(Known::Value(digest)) => Ok(digest),
                Some(Known::Failed(failure)) => Err(failure),
                Some(Known::NotAsked) | None => Err(FetchFailure {
                    kind: FetchFailureKind::Registry,
                    message: format!("{name}: the registry told nothing of {version}"),
                }),
            }
        };
        cell.get_or_init(ask).await.clone()
    }
}

/// Whether others may be told something else.
fn is_refusal(failure: &FetchFailure) -> bool {
    use FetchFailureKind::{NotFound, Unauthorized};
    matches!(failure.kind, NotFound | Unauthorized)
}

fn as_seen(answer: Answer) -> Presence {
    match answer {
        Ok(digest) => Presence::Served(digest),
        Err(failure) if failure.kind == FetchFailureKind::NotFound => {
            Presence::Gone(failure.message)
        }
        Err(failure) => Presence::Unknown(failure.message),
    }
}
