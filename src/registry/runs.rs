//! Several runs of a program that goes on: what they share, and what they have cost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::api_host::api_host;
use super::client::transport::Statistics;
use super::mirrors::PullSources;
use super::registries::{Registries, RegistriesInner};
use crate::image::CanonicalName;

impl Registries {
    /// The registries of the next run of a program that goes on. Connections, the cache, and what
    /// the hosts have said about their limits are shared; results, tokens and failures are not.
    #[must_use]
    pub fn next_run(&self) -> Self {
        let inner = &self.inner;
        inner.transport.begin_run();
        let connected = self.connected_ones();
        let connected = connected.iter().map(|(id, own)| (*id, own.next_run()));
        Self {
            inner: Arc::new(RegistriesInner {
                transport: Arc::clone(&inner.transport),
                user: inner.user.clone(),
                cache: inner.cache.clone(),
                layouts: inner.layouts.clone(),
                apis: Arc::clone(&inner.apis),
                conf: inner.conf.clone(),
                options: inner.options.clone(),
                connected: Mutex::new(connected.collect()),
                endpoints: Mutex::default(),
                repositories: Mutex::default(),
                ..**inner
            }),
        }
    }

    /// How much longer the registry of a repository wants no requests (429 with `Retry-After`).
    #[must_use]
    pub fn wanted_pause(&self, name: &CanonicalName) -> Option<Duration> {
        let places = self.inner.conf.sources(name);
        let places = places.iter().flat_map(PullSources::iter);
        let transport = &self.inner.transport;
        places
            .filter_map(|place| transport.wanted_pause(api_host(&place.name)))
            .max()
    }

    /// Returns the number of requests and cache lookups so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut statistics = self.inner.transport.statistics();
        for connected in self.connected_ones().values() {
            statistics.add(connected.inner.transport.statistics());
        }
        Statistics {
            cache: self.inner.cache.statistics(),
            ..statistics
        }
    }
}
