use std::collections::BTreeSet;

use maestro_eventlog::{Error, EventLog, Settings, Stream};

use crate::setup::{connect, raw, start};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_create_everything_at_once() {
    let nats = maestro_testkit::Nats::start().await;
    let (one, other) = (connect(&nats).await, connect(&nats).await);
    let (first, second) = tokio::join!(one.ensure(), other.ensure());
    first.unwrap();
    second.unwrap();
    let mut incarnations = BTreeSet::new();
    for stream in Stream::ALL {
        let state = one.stream_state(stream).await.unwrap();
        assert_eq!(state, other.stream_state(stream).await.unwrap());
        assert_eq!((state.last_seq, state.messages), (0, 0));
        incarnations.insert(state.incarnation);
    }
    assert_eq!(incarnations.len(), Stream::ALL.len());
    one.ensure().await.unwrap();
    assert!(incarnations.contains(&one.stream_state(Stream::Events).await.unwrap().incarnation));
}

#[tokio::test(flavor = "multi_thread")]
async fn ensuring_again_changes_nothing_and_repairs_what_drifted() {
    let (nats, log) = start().await;
    let raw = raw(&nats).await;
    let config = |name: &'static str| {
        let raw = raw.clone();
        async move {
            raw.get_stream(name)
                .await
                .unwrap()
                .cached_info()
                .config
                .clone()
        }
    };
    let wanted = config("DELIVERIES").await;
    let mut drifted = wanted.clone();
    drifted.max_age = std::time::Duration::from_secs(3_600);
    drifted.description = Some("an operator's note".to_owned());
    raw.update_stream(&drifted).await.unwrap();
    log.ensure().await.unwrap();
    let repaired = config("DELIVERIES").await;
    assert_eq!(repaired.max_age, wanted.max_age);
    assert_eq!(repaired.metadata, wanted.metadata);
    assert_eq!(repaired.description, drifted.description);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_cannot_be_deleted_from() {
    let (nats, log) = start().await;
    let mut appender = log.appender(0);
    appender
        .append(1, "a.b.c", "{}".into(), None)
        .await
        .unwrap();
    let stream = raw(&nats).await.get_stream("EVENTS").await.unwrap();
    stream.delete_message(1).await.unwrap_err();
    stream.purge().await.unwrap_err();
    assert_eq!(log.stream_state(Stream::Events).await.unwrap().messages, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_kind_is_refused_and_left_alone() {
    let nats = maestro_testkit::Nats::start().await;
    let raw = raw(&nats).await;
    let other = async_nats::jetstream::stream::Config {
        name: "EVENTS".to_owned(),
        subjects: vec!["somebody.else".to_owned()],
        storage: async_nats::jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    raw.create_stream(&other).await.unwrap();
    let refused = connect(&nats).await.ensure().await.unwrap_err();
    assert!(
        matches!(refused, Error::Incompatible { ref stream, .. } if stream == "EVENTS"),
        "{refused}"
    );
    let kept = raw
        .get_stream("EVENTS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert_eq!(kept.subjects, other.subjects);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_share_a_broker_under_two_prefixes() {
    let (nats, log) = start().await;
    let settings = Settings {
        prefix: "stage".to_owned(),
        ..Settings::single(nats.url())
    };
    let stage = EventLog::connect(&settings).await.unwrap();
    let missing = stage.stream_state(Stream::Events).await.unwrap_err();
    assert!(
        matches!(missing, Error::NoStream { ref stream } if stream == "stage_EVENTS"),
        "{missing}"
    );
    stage.ensure().await.unwrap();
    stage
        .appender(0)
        .append(1, "a.b.c", "{}".into(), None)
        .await
        .unwrap();
    assert_eq!(log.last_commit().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_settings_are_refused_without_repeating_the_url() {
    for (url, prefix) in [
        ("nats://user:s3cret@[", "maestro"),
        ("nats://127.0.0.1", "a.b"),
    ] {
        let settings = Settings {
            prefix: prefix.to_owned(),
            ..Settings::single(url)
        };
        let refused = EventLog::connect(&settings).await.unwrap_err();
        assert!(matches!(refused, Error::Settings(_)), "{refused}");
        assert!(!format!("{refused:?} {settings:?}").contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named() {
    let nats = maestro_testkit::Nats::start().await;
    let url = nats.url();
    let (_, address) = url
        .rsplit_once('@')
        .expect("the test server wants a password");
    let settings = Settings::single(format!("nats://somebody:wrong@{address}"));
    let refused = EventLog::connect(&settings).await.unwrap_err();
    assert!(matches!(refused, Error::Unauthorized), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_an_operator_chose_stays() {
    let (nats, log) = start().await;
    let raw = raw(&nats).await;
    let mut logs = raw
        .get_stream("LOGS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert!(logs.max_bytes > 0);
    logs.max_bytes = 123 << 20;
    raw.update_stream(&logs).await.unwrap();
    log.ensure().await.unwrap();
    assert_eq!(
        raw.get_stream("LOGS")
            .await
            .unwrap()
            .cached_info()
            .config
            .max_bytes,
        123 << 20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_an_older_version_gets_its_age_and_keeps_its_commands() {
    let (nats, log) = start().await;
    let raw = raw(&nats).await;
    let config = async || {
        let stream = raw.get_stream("RUN_COMMANDS").await.unwrap();
        stream.cached_info().config.clone()
    };
    let mut older = config().await;
    older.max_age = std::time::Duration::ZERO;
    raw.update_stream(&older).await.unwrap();
    raw.publish("maestro.run_commands.default.start", "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();
    log.ensure().await.unwrap();
    let updated = config().await;
    assert_eq!(updated.max_age, std::time::Duration::from_secs(3_600));
    assert_eq!(updated.metadata, older.metadata);
    let state = log.stream_state(Stream::RunCommands).await.unwrap();
    assert_eq!(state.messages, 1);
}
