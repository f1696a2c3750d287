//! Fetches facts about images: requested facts in, values or failures out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;

use crate::image::{
    CanonicalName, Fact, ImageMetadata, Known, Member, RepositoryMetadata, SourceKind, TagOrDigest,
};

use super::cache::Cache;
use super::client::endpoint::Endpoint;
use super::client::failure::RepositoryLabel;
use super::client::remote::Remote;
use super::client::transport::{Transport, Turn};
use super::connection::RegistryConnection;
use super::keychain::{account::Account, credential_id::CredentialId};
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

/// A repository, and the credential it is read with.
type View = (CanonicalName, Option<CredentialId>);

/// All registries and layouts of a run. Cheap to clone; clones share connections,
/// tokens and results.
///
/// Belongs to one tokio runtime because its connections do.
#[derive(Debug, Clone)]
pub struct Registries {
    pub(super) inner: Arc<RegistriesInner>,
}

#[derive(Debug)]
pub(super) struct RegistriesInner {
    pub(super) transport: Arc<Transport>,
    pub(super) user: Account,
    pub(super) cache: Cache,
    pub(super) trust: Trust,
    pub(super) rate_reserve: Option<u8>,
    pub(super) layouts: Vec<OciLayout>,
    pub(super) apis: Arc<Apis>,
    pub(super) endpoints: Mutex<HashMap<String, Arc<Endpoint>>>,
    pub(super) conf: RegistriesConf,
    pub(super) repositories: Mutex<HashMap<View, Arc<Sources>>>,
    /// To read other registries in the same way.
    pub(super) options: RegistryOptions,
    /// Those that are read over a connection of their own.
    pub(super) connected: Mutex<HashMap<CredentialId, Registries>>,
}

impl Registries {
    /// Creates the registries of a run. No file is read and no request is sent yet.
    ///
    /// # Errors
    /// If an option is not valid.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistrySetupError> {
        let kept = options.clone();
        Ok(Self {
            inner: Arc::new(RegistriesInner {
                transport: Arc::new(Transport::new(&options)?),
                user: match &options.connection {
                    // The user's credentials are for connections that the user sets.
                    Some(_) => Account::from_pull_secrets(Vec::new()),
                    None => Account::for_user(&options),
                },
                cache: options.cache,
                trust: options.trust,
                rate_reserve: options.rate_reserve,
                layouts: options.layouts,
                apis: Arc::new(Apis::new(&options.push_time_apis)?),
                conf: options.registries_conf,
                endpoints: Mutex::default(),
                repositories: Mutex::default(),
                options: kept,
                connected: Mutex::default(),
            }),
        })
    }

    /// Registries that are read over a connection of their own, without the user's credentials:
    /// nothing is shared with the other ones, neither clients nor tokens, results or cache
    /// entries. The same connection always has the same clients.
    ///
    /// # Errors
    /// If the connection is not valid.
    pub fn connected(&self, connection: &RegistryConnection) -> Result<Self, RegistrySetupError> {
        let mut connected = self.connected_ones();
        if let Some(known) = connected.get(&connection.id) {
            return Ok(known.clone());
        }
        let registries = Self::new(RegistryOptions {
            credential_files: Vec::new(),
            connection: Some(connection.clone()),
            ..self.inner.options.clone()
        })?;
        connected.insert(connection.id, registries.clone());
        Ok(registries)
    }

    /// Whether a repository is read from disk.
    #[must_use]
    pub fn is_on_disk(&self, name: &CanonicalName) -> bool {
        layout::find(&self.inner.layouts, name).is_some()
    }

    pub(super) fn connected_ones(&self) -> MutexGuard<'_, HashMap<CredentialId, Self>> {
        let connected = self.inner.connected.lock();
        connected.unwrap_or_else(PoisonError::into_inner)
    }

    /// The user who runs the program: anonymous if a registry allows it, otherwise
    /// with the credentials of the user's files and helpers.
    #[must_use]
    pub fn user(&self) -> &Account {
        &self.inner.user
    }

    /// Like [`Account::credential_id`], for all places from which the repository may
    /// be read. Workloads with the same ID can share results.
    #[must_use]
    pub fn credential_id(&self, account: &Account, name: &CanonicalName) -> Option<CredentialId> {
        let places = self.inner.conf.sources(name);
        let places = places.iter().flat_map(PullSources::iter);
        let ids: Vec<_> = places.map(|p| account.credential_id(&p.name)).collect();
        CredentialId::for_sources(&ids)
    }

    /// Like [`Account::secrets_for`], for all places from which the repository may be
    /// read.
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

    /// Queues repositories for registries that count pulls. Such a registry serves
    /// them in the order of their names; each waits until the ones before it have
    /// dropped their [`Turn`]. A repository without a turn does not wait.
    #[must_use]
    pub fn line_up<'n>(&self, names: impl IntoIterator<Item = &'n CanonicalName>) -> Vec<Turn> {
        let line = self.inner.transport.line();
        names
            .into_iter()
            .map(|name| {
                let places = self.inner.conf.sources(name);
                let places = places.iter().flat_map(PullSources::iter);
                let registries: BTreeSet<_> =
                    places.map(|p| p.name.registry().to_owned()).collect();
                line.join(name, registries.into_iter().collect())
            })
            .collect()
    }

    /// Fetches facts about one repository. Each fact, or the reason why it is not
    /// available, is written into `metadata`, together with whatever else the
    /// responses contain. The facts of one call are fetched concurrently, within the
    /// limit per host. Calls for several repositories may also run concurrently.
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
            return self.fetch(images, facts, metadata).await;
        }
        let choice = sources.choice.lock().await;
        if let Some(images) = sources.chosen() {
            drop(choice);
            return self.fetch(images, facts, metadata).await;
        }
        self.fetch_from_places(&sources, facts, metadata).await;
    }

    /// Requests one fact from each place in turn. The first place that answers is used
    /// for the other facts; if none does, the last place is, which is the
    /// repository's own.
    async fn fetch_from_places(
        &self,
        sources: &Sources,
        mut facts: Vec<Fact>,
        metadata: &mut RepositoryMetadata,
    ) {
        let places = match &sources.places {
            Ok(places) => places,
            Err(failure) => {
                for fact in facts {
                    metadata.record_failure(&fact, failure.clone());
                }
                return;
            }
        };
        // The order is that of cost: the tag list comes first, if it is requested.
        facts.sort_unstable();
        // A push time may be answered without any request, so it proves nothing.
        let first = facts.iter().position(|f| !matches!(f, Fact::Pushed(_)));
        let first = facts.remove(first.unwrap_or(0));
        let mut failures = String::new();
        for (index, images) in places.iter().enumerate() {
            let mut answered = metadata.clone();
            self.fetch(images, vec![first.clone()], &mut answered).await;
            let Some(failure) = answered.failure_of(&first) else {
                sources.choose(index);
                *metadata = answered;
                return self.fetch(images, facts, metadata).await;
            };
            if index + 1 < places.len() {
                failures.push_str("; ");
                failures.push_str(&failure.message);
            } else {
                // The failure of the repository's own place is the relevant one.
                failure.message.push_str(&failures);
                *metadata = answered;
                return self.fetch(images, facts, metadata).await;
            }
        }
    }

    /// Fetches facts from one place.
    async fn fetch(
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
            reason = "metadata records when it was requested"
        )]
        let asked_at = Timestamp::now();
        let versions = || facts.iter().filter_map(Fact::version);
        images.recall(versions(), asked_at).await;
        images.note_moved_tags(versions(), asked_at).await;
        // A known creation time needs no push time.
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
        // Fetch the list first, because it shows which tags are new.
        let list = if facts.contains(&Fact::Tags) {
            Some(images.tags(asked_at).await)
        } else {
            None
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

    /// The cache of the run.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// Ends a run: writes pending cache entries, and returns the cache warnings that
    /// have not been returned before.
    pub async fn finish(&self) -> Vec<String> {
        self.inner.cache.flush().await;
        self.inner.cache.warnings()
    }

    /// Describes the versions of one repository. It runs twice as many concurrently
    /// as a host allows requests, so that a slow config does not leave connections
    /// idle, but not all at once, so that 100,000 tags do not become 100,000 futures.
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
                Ok(vec![RepositoryImages::new(
                    layout,
                    RepositoryLabel::new(name),
                    None,
                )])
            }
            (None, Ok(places)) => {
                let places = places.iter();
                Ok(places
                    .map(|place| self.place(account, name, place))
                    .collect())
            }
            (None, Err(refusal)) => Err(RepositoryLabel::new(name).useless(refusal)),
        };
        let sources = Arc::new(Sources::new(places));
        repositories.insert(key, Arc::clone(&sources));
        sources
    }

    /// Creates a repository in one place, with the credentials and the cache entries
    /// of that place only.
    fn place(
        &self,
        account: &Account,
        name: &CanonicalName,
        source: &PullSource,
    ) -> RepositoryImages {
        let inner = &self.inner;
        let place = RepositoryLabel::for_source(name, source);
        let remote = Remote::new(
            &source.name,
            place.clone(),
            self.endpoint(&source.name),
            Arc::clone(&inner.transport),
            account.clone(),
            inner.rate_reserve,
        );
        let cache = MetadataCache::new(
            &inner.cache,
            inner.trust,
            &source.name,
            inner.options.connection.as_ref().map(|own| own.id),
        );
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

/// Merges new facts into known facts. Facts that were not requested stay.
fn merge(known: &mut ImageMetadata, answered: ImageMetadata) {
    fn write<T>(known: &mut Known<T>, answered: Known<T>) {
        if !answered.is_not_asked() {
            *known = answered;
        }
    }
    fn has_configs(members: &Known<Vec<Member>>) -> bool {
        members
            .value()
            .is_some_and(|members| members.iter().all(|member| member.config.is_some()))
    }
    let same = known.digest.value() == answered.digest.value();
    let has_moved = known.digest.value().is_some() && !answered.digest.is_not_asked() && !same;
    if has_moved {
        // The tag has a new digest, so everything known about it, including the push
        // time, belongs to another image.
        *known = answered;
        return;
    }
    if !answered.digest.is_not_asked() {
        known.remembered = answered.remembered;
    }
    known.first_seen = answered.first_seen.or(known.first_seen);
    known.last_modified = answered.last_modified.or(known.last_modified);
    write(&mut known.content, answered.content);
    known.code = answered.code.or(known.code.take());
    known.configs_asked |= answered.configs_asked;
    write(&mut known.pushed, answered.pushed);
    write(&mut known.digest, answered.digest);
    write(&mut known.platforms, answered.platforms);
    write(&mut known.created, answered.created);
    // Keep configs that were requested before.
    if !(same && has_configs(&known.members)) || has_configs(&answered.members) {
        write(&mut known.members, answered.members);
    }
}
