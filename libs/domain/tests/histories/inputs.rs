//! Projects, stacks and webhooks of the histories.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use maestro_domain::{
    DeliveryFacts, Digest, Name, ProjectId, Provider, Stack, Timestamp, core::Stacks,
    delivery::Repository, ids::RepositoryRef,
};
use serde_json::json;
use uuid::Uuid;

const TRIGGERS: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: shop}
spec:
  triggers:
    - name: agent
      on: {event: issues, actions: [labeled]}
      run: plain
    - name: in-turn
      on: {event: push}
      run: heavy
      concurrency: {group: "push-{{ subject }}"}
    - name: latest-only
      on: {event: pull_request}
      run: plain
      concurrency: {group: "pr-{{ subject }}", cancelSuperseded: true}
    - name: beside-it
      on: {event: pull_request, actions: [opened]}
      run: heavy
      concurrency: {group: "pr-{{ subject }}"}
"#;
const MORE_TRIGGERS: &str = r#"
    - name: also
      on: {event: issues}
      when: "subject < 2"
      run: heavy
    - name: nowhere
      on: {event: push}
      run: misplaced
"#;
const RUNS: &str = r#"
  runs:
    plain: {command: [work], timeout: 5m}
    heavy: {command: [work], timeout: 30m, pool: heavy}
    misplaced: {command: [work], pool: missing}
"#;
const NO_TRIGGERS: &str = "
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: empty}
spec: {}
";

/// Three stacks, and a digest that stands for none.
pub(crate) struct Library {
    pub(crate) digests: [Digest; 4],
    stacks: BTreeMap<Digest, Arc<Stack>>,
}

impl Library {
    /// Parsed once for all histories.
    pub(crate) fn get() -> &'static Self {
        static LIBRARY: LazyLock<Library> = LazyLock::new(Library::new);
        &LIBRARY
    }

    fn new() -> Self {
        let texts = [
            format!("{TRIGGERS}{RUNS}"),
            format!("{TRIGGERS}{MORE_TRIGGERS}{RUNS}"),
            NO_TRIGGERS.to_owned(),
        ];
        let digest = |text: &String| Digest::of(text.as_bytes());
        let stacks = texts
            .iter()
            .map(|text| (digest(text), Arc::new(Stack::parse(text).unwrap())));
        Self {
            digests: [
                digest(&texts[0]),
                digest(&texts[1]),
                digest(&texts[2]),
                Digest::ZERO,
            ],
            stacks: stacks.collect(),
        }
    }
}

impl Stacks for Library {
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>> {
        self.stacks.get(digest).cloned()
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn projects() -> [(ProjectId, Name); 2] {
    let id = |n| ProjectId::new(Uuid::from_u128(n));
    [(id(1), name("default")), (id(2), name("other"))]
}

/// The pools, as (project, pool).
pub(crate) fn pools() -> [(ProjectId, Name); 3] {
    let [(first, _), (second, _)] = projects();
    [
        (first, name("default")),
        (first, name("heavy")),
        (second, name("default")),
    ]
}

pub(crate) fn provider() -> Provider {
    "github".parse().unwrap()
}

/// Repository 1 belongs to the second project, the others to none.
pub(crate) fn repository(id: u64) -> RepositoryRef {
    RepositoryRef {
        provider: provider(),
        id,
    }
}

pub(crate) fn webhook(id: u8, kind: u8, subject: u8, repo: u8) -> DeliveryFacts {
    let (event, action) = [
        ("issues", Some("labeled")),
        ("push", None),
        ("pull_request", Some("opened")),
        ("pull_request", Some("synchronize")),
        ("issues", Some("closed")),
        ("ping", None),
    ][usize::from(kind)];
    // Pushes are told apart by their body only, and no two deliveries share one.
    let identity = match event {
        "push" => Vec::new(),
        _ => vec![subject.to_string(), action.unwrap_or_default().to_owned()],
    };
    DeliveryFacts {
        id: format!("delivery-{id}").parse().unwrap(),
        provider: provider(),
        event: event.to_owned(),
        action: action.map(str::to_owned),
        repository: (repo > 0).then(|| Repository {
            reference: repository(u64::from(repo)),
            full_name: "acme/shop".to_owned(),
            default_branch: None,
        }),
        sender: None,
        received_at: Timestamp::from_millis(0),
        branch: None,
        number: Some(u64::from(subject)),
        label: None,
        labels: Vec::new(),
        paths: Vec::new(),
        commit: None,
        identity,
        body: Digest::of(&[id, kind, subject, repo]),
        payload: json!({"subject": subject}),
    }
}
