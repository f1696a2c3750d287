//! Facts as OpenMetrics text.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::figures::RunFigures;
use super::histogram::DurationHistogram;
use super::metric::{Metric, MetricKind};
use crate::controller::brakes::{BreakerKind, WaitCause};
use crate::controller::queue::ScanResult;
use crate::controller::updates::UpdateResult;
use crate::registry::{AnswerCounts, CacheStatistics};

/// The label of a request that got no answer.
const NO_ANSWER: &str = "none";

/// Everything that the metrics are about, at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct MetricsFacts {
    pub(super) is_leader: bool,
    pub(super) is_synced: bool,
    pub(super) figures: RunFigures,
    pub(super) answers: AnswerCounts,
    pub(super) cache: CacheStatistics,
}

/// The values of the labels, and the value.
type Sample = (Vec<String>, u64);

/// The text. It is the same for the same facts.
pub(super) fn metrics_text(facts: MetricsFacts) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(facts));
    let mut text = String::new();
    // A `String` takes everything.
    let _ = encode(&mut text, &registry);
    text
}

impl Collector for MetricsFacts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in Metric::ALL {
            self.encode_metric(*metric, &mut encoder)?;
        }
        Ok(())
    }
}

impl MetricsFacts {
    fn encode_metric(&self, metric: Metric, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match metric.kind() {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
            MetricKind::Info => MetricType::Info,
        };
        let family = metric.family();
        let mut encoder = encoder.encode_descriptor(family, metric.help(), None, kind)?;
        if metric == Metric::ScanDuration {
            let durations: &DurationHistogram = &self.figures.counts.scan_durations;
            let (sum, count) = (durations.seconds(), durations.count());
            return encoder.encode_histogram::<NoLabelSet>(sum, count, &durations.buckets(), None);
        }
        for (values, value) in self.samples(metric) {
            let labels: Vec<(&str, String)> = metric.labels().iter().copied().zip(values).collect();
            let labels = labels.as_slice();
            if metric.kind() == MetricKind::Info {
                encoder.encode_info(&labels)?;
                continue;
            }
            let mut one = encoder.encode_family(&labels)?;
            if metric.kind() == MetricKind::Counter {
                one.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            } else {
                one.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    /// The samples of a metric that has no buckets. A label whose values are all known has one
    /// for each, so that a rate can be computed from the first event on.
    fn samples(&self, metric: Metric) -> Vec<Sample> {
        let counts = &self.figures.counts;
        match metric {
            Metric::Leader => vec![(Vec::new(), u64::from(self.is_leader))],
            Metric::WatchSynced => vec![(Vec::new(), u64::from(self.is_synced))],
            Metric::Containers => self.containers(),
            Metric::Scans => of_hosts(&counts.scans),
            Metric::LastSuccessfulScan => {
                let last = counts.last_answers.iter();
                last.map(|(host, at)| {
                    (
                        vec![host.clone()],
                        u64::try_from(at.as_second()).unwrap_or_default(),
                    )
                })
                .collect()
            }
            Metric::RegistryRequests => {
                let answers = self.answers.iter();
                answers
                    .map(|((host, code), count)| {
                        let code = code.map_or(NO_ANSWER.to_owned(), |code| code.to_string());
                        (vec![host.clone(), code], *count)
                    })
                    .collect()
            }
            Metric::Updates => each(UpdateResult::ALL, &counts.updates),
            Metric::UpdatesWaiting => each(
                WaitCause::ALL,
                &self.of_leader(&self.figures.gauges.waiting),
            ),
            Metric::RolloutsFailed => vec![(Vec::new(), counts.rollouts_failed)],
            Metric::BreakerOpen => each(
                BreakerKind::ALL,
                &self.of_leader(&self.figures.gauges.breakers),
            ),
            Metric::CacheRequests => self.cache_requests(),
            Metric::BuildInfo => {
                use std::env::consts::{ARCH, OS};
                let values = [env!("CARGO_PKG_VERSION"), OS, ARCH];
                vec![(values.map(str::to_owned).into(), 1)]
            }
            Metric::ScanDuration => Vec::new(),
        }
    }

    fn containers(&self) -> Vec<Sample> {
        let decided = self.of_leader(&self.figures.gauges.containers);
        decided
            .iter()
            .map(|((state, outcome), count)| (vec![state.to_string(), outcome.to_string()], *count))
            .collect()
    }

    fn cache_requests(&self) -> Vec<Sample> {
        let Some(backend) = self.cache.backend else {
            return Vec::new();
        };
        let results = [("hit", self.cache.hits), ("miss", self.cache.misses)];
        let results = results.into_iter();
        results
            .map(|(result, count)| (vec![backend.to_string(), result.to_owned()], count))
            .collect()
    }

    /// A standby has none: what it decided while it led may no longer be true.
    fn of_leader<K: Ord + Clone>(&self, gauges: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
        if self.is_leader {
            gauges.clone()
        } else {
            BTreeMap::new()
        }
    }
}

/// One sample for each value of a label.
fn each<K: Ord + Copy + fmt::Display>(all: &[K], counts: &BTreeMap<K, u64>) -> Vec<Sample> {
    let counted = all.iter().map(|key| {
        let count = counts.get(key).copied().unwrap_or_default();
        (vec![key.to_string()], count)
    });
    counted.collect()
}

/// One sample for each result of each registry.
fn of_hosts(scans: &BTreeMap<String, BTreeMap<ScanResult, u64>>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (host, counts) in scans {
        for (result, count) in each(ScanResult::ALL, counts) {
            samples.push(([vec![host.clone()], result].concat(), count));
        }
    }
    samples
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
