//! Builds rows for tests.

use jiff::Timestamp;
use kubectl_imgpolicy::evaluator::{
    Assessment, Decision, DecisionFacts, Lock, PolicySummary, Reason, Row, State, Suggestion,
};
use kubectl_imgpolicy::image::SourceKind;
use kubectl_imgpolicy::policy::{Order, Warning, WarningCode};
use kubectl_imgpolicy::workload::{ContainerType, ManifestSource, Owner, WorkloadId, WorkloadKind};

/// The current time in these tests.
pub(crate) fn now() -> Timestamp {
    time("2026-11-21T12:00:00Z")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect(text)
}

/// Builds a row. By default it is manual.
pub(crate) struct Build(pub(crate) Row);

/// A manual container of a Deployment in `shop`.
pub(crate) fn row(workload: &str, container: &str, image: &str) -> Build {
    Build(Row {
        workload: WorkloadId {
            namespace: "shop".to_owned(),
            name: workload.to_owned(),
            kind: WorkloadKind::Deployment,
            api_version: "apps/v1".to_owned(),
        },
        managed_by: None,
        source: None,
        root: None,
        container: container.to_owned(),
        container_type: ContainerType::Container,
        image: image.to_owned(),
        written_at: Vec::new(),
        declared: None,
        image_policy: None,
        decision: Decision {
            state: State::Manual,
            lock: None,
            automated: false,
            policy: None,
            outcome: Reason::Manual.outcome(),
            reason: Reason::Manual,
            message: String::new(),
            latest: None,
            policy_reason: None,
            closure: None,
            build: None,
            facts: None,
            warnings: Vec::new(),
            suggestion: None,
        },
    })
}

impl Build {
    pub(crate) fn policy(mut self, filter: &str) -> Self {
        self.0.decision.policy = Some(policy(filter));
        self
    }

    /// Makes the row automated, with this reason and message.
    pub(crate) fn automated(mut self, reason: Reason, message: &str) -> Self {
        let decision = &mut self.0.decision;
        decision.state = State::Automated;
        decision.reason = reason;
        decision.outcome = reason.outcome();
        decision.policy_reason = Some(reason);
        decision.message = message.to_owned();
        self
    }

    /// Elects a newer tag. A manual row becomes held back.
    pub(crate) fn newer(mut self, latest: &str) -> Self {
        let decision = &mut self.0.decision;
        decision.latest = Some(latest.parse().expect(latest));
        decision.policy_reason = Some(Reason::NewerImage);
        self
    }

    /// Elects this image, which is not newer.
    pub(crate) fn latest(mut self, latest: &str) -> Self {
        self.0.decision.latest = Some(latest.parse().expect(latest));
        self
    }

    pub(crate) fn held(mut self, state: State, reason: Reason) -> Self {
        self.0.decision.state = state;
        self.0.decision.reason = reason;
        self.0.decision.outcome = reason.outcome();
        self
    }

    pub(crate) fn locked(self, by: &str, message: &str) -> Self {
        let mut build = self.held(State::Locked, Reason::Locked);
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        build.0.decision.lock = Some(Lock {
            by: known(by),
            message: known(message),
            at: None,
        });
        build
    }

    pub(crate) fn suggests(mut self, filter: &str, latest: &str) -> Self {
        self.0.decision.suggestion = Some(Suggestion {
            policy: policy(filter),
            latest: Some(latest.parse().expect(latest)),
            reason: Reason::NewerImage,
            message: format!("{latest} is the highest"),
        });
        self
    }

    pub(crate) fn warning(mut self, code: WarningCode, message: &str) -> Self {
        self.0.decision.warnings.push(Warning::new(code, message));
        self
    }

    pub(crate) fn facts(mut self) -> Self {
        self.0.decision.facts = Some(DecisionFacts {
            current_created: Some(time("2026-10-01T12:00:00Z")),
            current_created_from: None,
            current_digest: None,
            latest_created: Some(time("2026-11-20T12:00:00Z")),
            latest_created_from: None,
            age_clock: None,
            latest_digest: Some(
                format!("sha256:{}", "ab".repeat(32))
                    .parse()
                    .expect("a digest"),
            ),
            asked_at: Some(time("2026-11-21T11:59:55.123Z")),
            source: SourceKind::Registry,
            place: None,
            compare: None,
        });
        self
    }

    pub(crate) fn namespace(mut self, namespace: &str) -> Self {
        self.0.workload.namespace = namespace.to_owned();
        self
    }

    pub(crate) fn kind(mut self, kind: WorkloadKind, api_version: &str) -> Self {
        self.0.workload.kind = kind;
        self.0.workload.api_version = api_version.to_owned();
        self
    }

    pub(crate) fn managed_by(mut self, kind: &str, namespace: &str, name: &str) -> Self {
        self.0.managed_by = Some(Owner {
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        });
        self
    }

    pub(crate) fn file(mut self, file: &str, line: usize) -> Self {
        self.0.source = Some(ManifestSource {
            file: file.to_owned(),
            line,
        });
        self
    }

    pub(crate) fn build(self) -> Row {
        self.0
    }
}

pub(crate) fn policy(filter: &str) -> PolicySummary {
    let order = if filter.starts_with("semver") {
        Order::Semver
    } else {
        Order::Created
    };
    PolicySummary {
        filter: filter.to_owned(),
        order,
        origin: "annotation fluxcd.io/tag.app".to_owned(),
    }
}

/// An automated container that is one patch version behind.
pub(crate) fn seed() -> Row {
    row("web", "app", "docker.io/org/my-app:1.0.0")
        .policy("semver:~1.0")
        .automated(
            Reason::NewerImage,
            "1.0.1 is the highest of 2 tags that match semver:~1.0",
        )
        .newer("docker.io/org/my-app:1.0.1")
        .facts()
        .build()
}

pub(crate) fn assessment(rows: Vec<Row>) -> Assessment {
    Assessment {
        context: Some("prod".to_owned()),
        observed_at: now(),
        rows,
        ..Assessment::default()
    }
}

/// One row of each kind in `status`.
pub(crate) fn every_kind() -> Vec<Row> {
    let failed = |name: &str, reason: Reason, message: &str| {
        row(name, "app", "registry.example.com/team/app:2.1.0")
            .policy("semver:^2")
            .automated(reason, message)
            .build()
    };
    let hex = "0123456789abcdef".repeat(4);
    vec![
        seed(),
        row("api", "api", "registry.example.com/team/payments-api:2.4.1")
            .policy("semver:^2")
            .automated(
                Reason::UpToDate,
                "2.4.1 is the highest of 31 tags that match semver:^2",
            )
            .latest("registry.example.com/team/payments-api:2.4.1")
            .build(),
        row("cart", "cart", "org/cart:1.4.0")
            .policy("semver:~1")
            .newer("org/cart:1.5.0")
            .locked("alice", "release freeze until Monday")
            .build(),
        row("mail", "mail", "org/mail:7")
            .policy("glob:*")
            .locked("", "")
            .build(),
        row("old", "app", "org/old:9.9.9")
            .policy("semver:^9")
            .automated(Reason::Downgrade, "9.1.0 is elected and lower than 9.9.9")
            .latest("org/old:9.1.0")
            .build(),
        row("alpine", "app", "org/web:1.25.3-alpine")
            .policy("semver:~1.25")
            .automated(Reason::VariantChange, "1.25.4 is elected, and -alpine runs")
            .build(),
        row("none", "app", "org/none:1.0.0")
            .policy("semver:^7")
            .automated(Reason::NoMatchingTag, "none of 12 tags matches semver:^7")
            .build(),
        row("cache", "redis", "redis:7.2").build(),
        row("pinned", "app", &format!("org/app:1.2.3@sha256:{hex}"))
            .policy("semver:^1")
            .build(),
        row("digest", "app", &format!("org/app@sha256:{hex}")).build(),
        row("untagged", "app", "nginx").build(),
        row("hint", "app", "org/hint:1.2.3")
            .suggests("semver:^1.2", "org/hint:1.3.0")
            .build(),
        row("skip", "app", "org/skip:1")
            .held(State::Ignored, Reason::Ignored)
            .build(),
        failed(
            "bad-policy",
            Reason::InvalidPolicy,
            "fluxcd.io/tag.app: \"semver:~~\" is no range",
        ),
        failed(
            "dead",
            Reason::RegistryUnreachable,
            "registry.example.com: connection timed out",
        ),
        failed(
            "secret",
            Reason::Unauthorized,
            "registry.example.com refuses the credentials",
        ),
        row("typo", "app", "My App:1")
            .automated(
                Reason::UnparsableImage,
                "a repository name must be lower-case",
            )
            .build(),
    ]
}
