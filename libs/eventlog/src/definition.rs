//! What every stream and bucket must look like.

use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, PersistenceMode, Republish, RetentionPolicy, StorageType,
};

use crate::{
    Stream,
    names::{Bucket, Names},
};

/// Metadata key of a stream's incarnation.
pub(crate) const INCARNATION: &str = "maestro.incarnation";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long inputs are kept; hosts redeliver for three days.
const INPUTS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long a message id is remembered, at about 210 bytes of the broker's memory each.
const DUPLICATES_KNOWN: Duration = Duration::from_secs(120);
/// The same for commits, whose ids only link one to the next.
const COMMITS_KNOWN: Duration = Duration::from_secs(5);
const LOGS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Reserved on the broker's disk; less where it has less, and an operator may change it.
const LOGS_BYTES: i64 = 4 << 30;
/// Least that is tried.
pub(crate) const LEAST_BYTES: i64 = 64 << 20;
/// A start is claimed within minutes or given up by the conductor, which asks again.
const RUN_COMMANDS_KEPT: Duration = Duration::from_secs(60 * 60);
const PARKED_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The wanted definition of everything on the broker.
pub(crate) fn all(names: &Names, replicas: usize) -> Vec<Config> {
    let buckets = [
        Bucket::Vault,
        Bucket::Leases,
        Bucket::Bodies,
        Bucket::Snapshots,
    ];
    Stream::ALL
        .into_iter()
        .map(|which| stream(names, which))
        .chain(buckets.into_iter().map(|which| bucket(names, which)))
        .map(|config| Config {
            num_replicas: replicas,
            ..with_limits(config, replicas)
        })
        .collect()
}

/// The broker spells "no limit" as -1.
fn with_limits(config: Config, replicas: usize) -> Config {
    let unlimited = |value: i64| if value == 0 { -1 } else { value };
    Config {
        max_bytes: unlimited(config.max_bytes),
        max_messages: unlimited(config.max_messages),
        max_messages_per_subject: unlimited(config.max_messages_per_subject),
        max_message_size: -1,
        max_consumers: -1,
        persist_mode: config.persist_mode.filter(|_| replicas == 1),
        duplicate_window: if config.duplicate_window.is_zero() {
            DUPLICATES_KNOWN
        } else {
            config.duplicate_window
        },
        ..config
    }
}

fn stream(names: &Names, which: Stream) -> Config {
    let area = match which {
        Stream::Deliveries => "deliveries",
        Stream::Commands => "commands",
        Stream::Reports => "reports",
        Stream::Events => "log",
        Stream::RunCommands => "run_commands",
        Stream::Effects => "effects",
        Stream::Logs => "logs",
        Stream::Parked => "parked",
        Stream::Checkpoints => "checkpoints",
    };
    let subject = names.subject(area, '>');
    let base = Config {
        name: names.stream(which),
        subjects: vec![subject.clone()],
        storage: StorageType::File,
        allow_direct: true,
        ..Config::default()
    };
    match which {
        Stream::Deliveries | Stream::Commands | Stream::Reports => Config {
            max_age: INPUTS_KEPT,
            ..base
        },
        Stream::Events => Config {
            discard: DiscardPolicy::New,
            deny_delete: true,
            deny_purge: true,
            duplicate_window: COMMITS_KNOWN,
            republish: Some(Republish {
                source: subject,
                destination: names.subject("events", '>'),
                headers_only: false,
            }),
            ..base
        },
        Stream::RunCommands => Config {
            retention: RetentionPolicy::WorkQueue,
            max_age: RUN_COMMANDS_KEPT,
            persist_mode: Some(PersistenceMode::Async),
            ..base
        },
        Stream::Effects => Config {
            retention: RetentionPolicy::WorkQueue,
            ..base
        },
        Stream::Logs => Config {
            max_age: LOGS_KEPT,
            max_bytes: LOGS_BYTES,
            compression: Some(Compression::S2),
            persist_mode: Some(PersistenceMode::Async),
            ..base
        },
        Stream::Parked => Config {
            max_age: PARKED_KEPT,
            ..base
        },
        Stream::Checkpoints => Config {
            discard: DiscardPolicy::New,
            deny_delete: true,
            deny_purge: true,
            ..base
        },
    }
}

fn bucket(names: &Names, which: Bucket) -> Config {
    let bucket = names.bucket(which);
    let key_value = Config {
        name: names.kv_stream(which),
        subjects: vec![names.kv_subject(which, ">")],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        allow_message_ttl: true,
        ..Config::default()
    };
    let objects = Config {
        name: format!("OBJ_{bucket}"),
        subjects: vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")],
        discard: DiscardPolicy::New,
        allow_rollup: true,
        ..Config::default()
    };
    match which {
        Bucket::Vault => Config {
            deny_delete: true,
            ..key_value
        },
        Bucket::Leases => key_value,
        Bucket::Bodies => Config {
            max_age: INPUTS_KEPT + DAY,
            ..objects
        },
        Bucket::Snapshots => Config {
            persist_mode: Some(PersistenceMode::Async),
            ..objects
        },
    }
}
