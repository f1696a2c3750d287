//! Questions in, answers or failures out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;

use crate::image::{
    CanonicalName, Fact, ImageMetadata, Known, RepositoryMetadata, SourceKind, TagOrDigest,
};

use super::cache::Cache;
use super::client::endpoint::Endpoint;
use super::client::failure::Place;
use super::client::remote::Remote;
use super::client::transport::{Statistics, Transport, Turn};
use super::keychain::account::{Account, CredentialId};
use super::mirrors::{PullSource, PullSources, RegistriesConf};
use super::options::{RegistryOptions, RegistrySetupError, Trust};
use super::repository::facts::WantedFacts;
use super::repository::images::{ImageSource, RepositoryImages};
use super::repository::layout;
use super::repository::layout::OciLayout;
use super::repository::metadata_cache::MetadataCache;
use super::repository::providers::Apis;
use super::repository::push_times;
use super::repository::sources::Sources;

/// A repository, and what is shown where it is read from.
type View = (CanonicalName, Option<CredentialId>);

/// All registries and layouts of a run. Cheap to clone; clones share
/// connections, tokens and answers.
///
/// Belongs to one tokio runtime, since its connections do.
#[derive(Debug, Clone)]
pub struct Registries {
    inner: Arc<RegistriesInner>,
}

#[derive(Debug)]
struct RegistriesInner {
    transport: Arc<Transport>,
    user: Account,
    cache: Cache,
    trust: Trust,
    rate_reserve: Option<u8>,
    layouts: Vec<OciLayout>,
    apis: Apis,
    endpoints: Mutex<HashMap<String, Arc<Endpoint>>>,
    conf: RegistriesConf,
    repositories: Mutex<HashMap<View, Arc<Sources>>>,
}

impl Registries {
    /// Sets up; nothing is read or asked yet.
    ///
    /// # Errors
    /// Where an option cannot be used.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistrySetupError> {
        Ok(Self {
            inner: Arc::new(RegistriesInner {
                transport: Arc::new(Transport::new(&options)?),
                user: Account::of_user(&options),
                cache: options.cache,
                trust: options.trust,
                rate_reserve: options.rate_reserve,
                layouts: options.layouts,
                apis: Apis::new(&options.push_time_apis)?,
                conf: options.registries_conf,
                endpoints: Mutex::default(),
                repositories: Mutex::default(),
            }),
        })
    }

    /// Who runs the program: anonymous where a registry lets everybody read,
    /// else with the credentials of the user's own files and helpers.
    #[must_use]
    pub fn user(&self) -> &Account {
        &self.inner.user
    }

    /// As [`Account::credential_id`], for all places from which the repository
    /// may be read. Workloads with the same one may share answers.
    #[must_use]
    pub fn credential_id(&self, account: &Account, name: &CanonicalName) -> Option<CredentialId> {
        let places = self.inner.conf.sources(name);
        let places = places.iter().flat_map(PullSources::iter);
        let ids: Vec<_> = places.map(|p| account.credential_id(&p.name)).collect();
        CredentialId::of_places(&ids)
    }

    /// As [`Account::secrets_for`], for all places from which the repository may
    /// be read.
    #[must_use]
    pub fn secrets_for<'a>(&self, account: &'a Account, name: &CanonicalName) -> Vec<&'a str> {
        let places = self.inner.conf.sources(name);
        let places = places.iter().flat_map(PullSources::iter);
        let mut origins: Vec<&str> = Vec::new();
        for origin in places.flat_map(|place| account.secrets_for(&place.name)) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }

    /// Puts repositories in line, for registries that count pulls: there, they
    /// pull in the order of their names, until each has dropped its turn. Those
    /// that are asked about without one wait for nobody.
    #[must_use]
    pub fn line_up<'n>(&self, names: impl IntoIterator<Item = &'n CanonicalName>) -> Vec<Turn> {
        let line = self.inner.transport.line();
        let of = |name| {
            let places = self.inner.conf.sources(name);
            let places = places.iter().flat_map(PullSources::iter);
            let registries: BTreeSet<_> = places.map(|p| p.name.registry().to_owned()).collect();
            line.join(name, registries.into_iter().collect())
        };
        names.into_iter().map(of).collect()
    }

    /// Answers questions about one repository: each answer, or the reason why
    /// there is none, is written into `metadata`, with whatever else the answers
    /// described_tags. The questions of one call are asked side by side, within the bound
    /// per host; calls for several repositories may run side by side too.
    pub async fn answer(
        &self,
        account: &Account,
        name: &CanonicalName,
        facts: Vec<Fact>,
        metadata: &mut RepositoryMetadata,
    ) {
        if facts.is_empty() {
            return;
        }
        let sources = self.repository(account, name);
        if let Some(images) = sources.chosen() {
            return self.ask(images, facts, metadata).await;
        }
        let choice = sources.choice.lock().await;
        if let Some(images) = sources.chosen() {
            drop(choice);
            return self.ask(images, facts, metadata).await;
        }
        self.ask_each(&sources, facts, metadata).await;
    }

    /// Asks a question of one place after the other; the first that answers it
    /// is asked the others. Where none does, the last is: it is the repository's
    /// own.
    async fn ask_each(
        &self,
        sources: &Sources,
        mut facts: Vec<Fact>,
        metadata: &mut RepositoryMetadata,
    ) {
        let places = match &sources.places {
            Ok(places) => places,
            Err(failure) => {
                for fact in facts {
                    metadata.refuse(&fact, failure.clone());
                }
                return;
            }
        };
        // In the order of what an answer costs: the tag list, if it is asked for.
        facts.sort_unstable();
        // A push time may be answered without asking anybody.
        let first = facts.iter().position(|f| !matches!(f, Fact::Pushed(_)));
        let first = facts.remove(first.unwrap_or(0));
        let mut failures = String::new();
        for (at, images) in places.iter().enumerate() {
            let mut answered = metadata.clone();
            self.ask(images, vec![first.clone()], &mut answered).await;
            let Some(failure) = answered.failure_of(&first) else {
                sources.choose(at);
                *metadata = answered;
                return self.ask(images, facts, metadata).await;
            };
            if at + 1 < places.len() {
                failures.push_str("; ");
                failures.push_str(&failure.message);
            } else {
                // What the repository's own place says is what counts.
                failure.message.push_str(&failures);
                *metadata = answered;
                return self.ask(images, facts, metadata).await;
            }
        }
    }

    /// Asks one place.
    async fn ask(
        &self,
        images: &RepositoryImages,
        facts: Vec<Fact>,
        metadata: &mut RepositoryMetadata,
    ) {
        if facts.is_empty() {
            return;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "an answer bears the time of its question"
        )]
        let asked_at = Timestamp::now();
        let versions = || facts.iter().filter_map(Fact::version);
        images.recall(versions(), asked_at).await;
        images.note_moved_tags(versions(), asked_at).await;
        // What is known needs no bound.
        let (mut facts, open): (Vec<_>, Vec<_>) =
            facts.into_iter().partition(|fact| images.can_date(fact));
        facts.extend(push_times::answer(images, &self.inner.apis, open, metadata).await);
        let mut wanted: BTreeMap<TagOrDigest, WantedFacts> = BTreeMap::new();
        for fact in &facts {
            if let Some(version) = fact.version() {
                wanted.entry(version.clone()).or_default().add(fact);
            }
        }
        if metadata.asked_at.is_none() {
            metadata.asked_at = Some(asked_at);
            metadata.source = images.source_kind();
            metadata.place = images.elsewhere().cloned();
        }
        // The list first: it tells which tags are new.
        let list = match facts.contains(&Fact::Tags) {
            true => Some(images.tags(asked_at).await),
            false => None,
        };
        let described = self.describe(images, wanted, asked_at).await;
        match list {
            Some(Ok((list, earlier))) => {
                metadata.tags = Known::Value(list.tags);
                metadata.illegal_tags = list.illegal;
                let offline = self.inner.trust.offline;
                let of_this_run = earlier.is_none() || offline;
                images.described_tags().keep(list.described, of_this_run);
                metadata.asked_at = Some(earlier.unwrap_or(asked_at));
                if earlier.is_some() {
                    metadata.source = SourceKind::Cache;
                }
            }
            Some(Err(failure)) => {
                metadata.tags = Known::Failed(failure);
                metadata.asked_at = Some(asked_at);
            }
            None => {}
        }
        for (version, image) in described {
            merge(metadata.images.entry(version).or_default(), image);
        }
    }

    /// How much was asked so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            cache: self.inner.cache.statistics(),
            ..self.inner.transport.statistics()
        }
    }

    /// The end of a run: what is to be remembered is written. What went wrong
    /// with the cache is told once.
    pub async fn finish(&self) -> Vec<String> {
        self.inner.cache.flush().await;
        self.inner.cache.warnings()
    }

    /// Describes the versions of one repository, twice as many side by side as a
    /// host may be asked for, so that a slow config does not leave places empty;
    /// not all at once, so that 100,000 tags are no 100,000 open futures.
    async fn describe(
        &self,
        images: &RepositoryImages,
        wanted: BTreeMap<TagOrDigest, WantedFacts>,
        now: Timestamp,
    ) -> Vec<(TagOrDigest, ImageMetadata)> {
        let mut described = Vec::with_capacity(wanted.len());
        let mut waiting = wanted.into_iter();
        let mut open = FuturesUnordered::new();
        loop {
            let room = (2 * self.inner.transport.widest()).saturating_sub(open.len());
            open.extend(waiting.by_ref().take(room).map(async |(version, wanted)| {
                let image = images.describe(&version, wanted, now).await;
                (version, image)
            }));
            match open.next().await {
                Some(image) => described.push(image),
                None => return described,
            }
        }
    }

    fn repository(&self, account: &Account, name: &CanonicalName) -> Arc<Sources> {
        let inner = &self.inner;
        let places = inner.conf.sources(name);
        let key = (name.clone(), self.credential_id(account, name));
        let mut repositories = inner
            .repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(sources) = repositories.get(&key) {
            return Arc::clone(sources);
        }
        let places = match (layout::find(&inner.layouts, name), places) {
            (Some(layout), _) => {
                let layout = ImageSource::Layout(layout);
                Ok(vec![RepositoryImages::new(layout, Place::new(name), None)])
            }
            (None, Ok(places)) => {
                let images = |place| self.place(account, name, place);
                Ok(places.iter().map(images).collect())
            }
            (None, Err(refusal)) => Err(Place::new(name).useless(refusal)),
        };
        let sources = Arc::new(Sources::new(places));
        repositories.insert(key, Arc::clone(&sources));
        sources
    }

    /// A repository in one place, with the credentials for that place and no
    /// other, and what is remembered of that place.
    fn place(
        &self,
        account: &Account,
        name: &CanonicalName,
        source: &PullSource,
    ) -> RepositoryImages {
        let inner = &self.inner;
        let place = Place::at(name, source);
        let remote = Remote::new(
            &source.name,
            place.clone(),
            self.endpoint(&source.name),
            Arc::clone(&inner.transport),
            account.clone(),
            inner.rate_reserve,
        );
        let cache = MetadataCache::new(&inner.cache, inner.trust, &source.name);
        RepositoryImages::new(ImageSource::Remote(Box::new(remote)), place, cache)
    }

    fn endpoint(&self, name: &CanonicalName) -> Arc<Endpoint> {
        let mut endpoints = self
            .inner
            .endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let endpoint = endpoints
            .entry(name.registry().to_owned())
            .or_insert_with(|| Arc::new(Endpoint::new(name)));
        Arc::clone(endpoint)
    }
}

/// Writes what was answered over what was known; what was not answered stays.
fn merge(known: &mut ImageMetadata, answered: ImageMetadata) {
    fn write<T>(known: &mut Known<T>, answered: Known<T>) {
        if !answered.is_not_asked() {
            *known = answered;
        }
    }
    let has_configs = |members: &Known<Vec<crate::image::Member>>| {
        members
            .value()
            .is_some_and(|members| members.iter().all(|member| member.config.is_some()))
    };
    let same = known.digest.value() == answered.digest.value();
    let has_moved = known.digest.value().is_some() && !answered.digest.is_not_asked() && !same;
    if has_moved {
        // The tag serves something else now: what was told of it, its push time
        // too, is of another image.
        *known = answered;
        return;
    }
    if !answered.digest.is_not_asked() {
        known.remembered = answered.remembered;
    }
    known.first_seen = answered.first_seen.or(known.first_seen);
    known.last_modified = answered.last_modified.or(known.last_modified);
    write(&mut known.content, answered.content);
    known.configs_asked |= answered.configs_asked;
    write(&mut known.pushed, answered.pushed);
    write(&mut known.digest, answered.digest);
    write(&mut known.platforms, answered.platforms);
    write(&mut known.created, answered.created);
    // Configs that were asked for before are not forgotten.
    if !(same && has_configs(&known.members)) || has_configs(&answered.members) {
        write(&mut known.members, answered.members);
    }
}
