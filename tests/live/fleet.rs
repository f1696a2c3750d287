//! Workloads of one kind that follow one image, each of which must get every new tag once.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::audit::ImageChanged;
use crate::shop::Shop;

const UPDATED_WITHIN: Duration = Duration::from_secs(180);

pub(crate) struct Fleet {
    pub(crate) shop: Shop,
    kind: &'static str,
    pub(crate) names: Vec<String>,
    /// The tags that were pushed after 1.0.0, in order.
    pub(crate) tags: Vec<String>,
}

impl Fleet {
    /// Names this many workloads, which are not created yet.
    pub(crate) fn new(shop: Shop, kind: &'static str, size: usize) -> Self {
        let names = (0..size).map(|n| format!("web-{n:03}")).collect();
        let tags = vec!["1.0.1".to_owned()];
        Self {
            shop,
            kind,
            names,
            tags,
        }
    }

    pub(crate) fn workloads(&self) -> Vec<Value> {
        let names = self.names.iter();
        names
            .map(|name| self.shop.workload(self.kind, name))
            .collect()
    }

    /// Pushes the next version.
    pub(crate) async fn push(&mut self) -> String {
        let tag = format!("1.0.{}", self.tags.len() + 1);
        self.shop.push(&tag).await;
        self.tags.push(tag.clone());
        tag
    }

    /// Waits until the templates of all workloads have this tag.
    pub(crate) async fn all_have(&self, tag: &str, logs: impl Fn() -> String) {
        let started = Instant::now();
        loop {
            let tags = self.current_tags().await;
            if tags.iter().all(|one| one == tag) {
                return;
            }
            let late = started.elapsed() > UPDATED_WITHIN;
            assert!(!late, "not all have {tag}: {tags:?}\n{}", logs());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn current_tags(&self) -> Vec<String> {
        let namespace = self.shop.namespace;
        let (collection, image) = match self.kind {
            "CronJob" => (
                "batch/v1/namespaces/NAMESPACE/cronjobs",
                "/spec/jobTemplate/spec/template/spec/containers/0/image",
            ),
            _ => (
                "apps/v1/namespaces/NAMESPACE/deployments",
                "/spec/template/spec/containers/0/image",
            ),
        };
        let path = format!("/apis/{}", collection.replace("NAMESPACE", namespace));
        let list = self.shop.plane.get(&path).await.expect("the workloads");
        let items = list["items"].as_array().expect("a list").iter();
        items
            .filter_map(|item| item.pointer(image)?.as_str()?.rsplit(':').next())
            .map(str::to_owned)
            .collect()
    }

    /// Asserts that every workload got each tag once, and that each patch came after a look at the
    /// Lease. Returns the changes of one tag.
    pub(crate) fn each_was_updated_once(&self, tag: &str, context: &str) -> Vec<ImageChanged> {
        let first = format!("{}:1.0.0", self.shop.image);
        let by_workload = self.shop.plane.image_changes(self.shop.namespace, &first);
        let unchecked = self.shop.plane.unchecked_patches(self.shop.namespace);
        assert!(unchecked.is_empty(), "{unchecked:#?} {context}");
        let expected: Vec<String> = self.tags.clone();
        assert_eq!(by_workload.len(), self.names.len(), "{context}");
        for (workload, changes) in &by_workload {
            let tags = changes.iter().map(|change| tag_of(&change.image));
            assert_eq!(
                tags.collect::<Vec<_>>(),
                expected,
                "{workload}: {changes:#?} {context}"
            );
            let numbers = changes.iter().map(|change| change.build_number.clone());
            let counted = (1..=expected.len()).map(|n| Some(n.to_string()));
            assert!(numbers.eq(counted), "{workload}: {changes:#?} {context}");
        }
        let all = by_workload.into_values().flatten();
        let mut of_tag: Vec<ImageChanged> =
            all.filter(|change| tag_of(&change.image) == tag).collect();
        of_tag.sort_by(|a, b| a.received.cmp(&b.received));
        of_tag
    }
}

fn tag_of(image: &str) -> String {
    image.rsplit(':').next().unwrap_or_default().to_owned()
}
