//! Lists, pages, waits and changes.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, time::Duration};

use maestro_domain::{RunId, report::End, run::Status};
use maestro_readmodel::{
    DeliveryFilter, Error, Outcome, PageRequest, ReadModel, RunFilter, projections,
};
use support::{Database, History, Log, SOON};

fn filter(change: impl FnOnce(&mut RunFilter)) -> RunFilter {
    let mut filter = RunFilter::default();
    change(&mut filter);
    filter
}

async fn ids(model: &ReadModel, filter: RunFilter) -> Vec<RunId> {
    let page = model
        .list_runs(&filter, &PageRequest::default())
        .await
        .unwrap();
    page.rows.into_iter().map(|run| run.id).collect()
}

#[tokio::test]
async fn every_filter_of_runs_and_deliveries_selects() {
    let database = Database::new().await;
    let mut history = History::new(2);
    let [a, b, c] = [1, 2, 3].map(|number| history.run(number));
    let execution = history.start(a);
    history.finish(execution, End::Exited { code: 0 });
    history.start(b);
    history.deliver("star", "watch", 4);
    database
        .project(&Log::of(500, &history.commits), history.last())
        .await;
    let model = &database.model;

    assert_eq!(
        ids(model, RunFilter::default()).await,
        [c, b, a],
        "newest first"
    );
    assert_eq!(
        ids(model, filter(|f| f.project = "shop".into())).await,
        [c, b, a]
    );
    assert_eq!(ids(model, filter(|f| f.project = "other".into())).await, []);
    assert_eq!(
        ids(model, filter(|f| f.repository = "ACME/till".into())).await,
        [a]
    );
    assert_eq!(
        ids(model, filter(|f| f.trigger = "agent-dev".into())).await,
        [c, b, a]
    );
    assert_eq!(ids(model, filter(|f| f.trigger = "check".into())).await, []);
    assert_eq!(
        ids(model, filter(|f| f.delivery = "delivery-2".into())).await,
        [b]
    );
    assert_eq!(
        ids(model, filter(|f| f.statuses = vec![Status::Succeeded])).await,
        [a]
    );
    let live = vec![Status::Running, Status::Dispatched, Status::Running];
    assert_eq!(ids(model, filter(|f| f.statuses = live)).await, [c, b]);

    let deliveries = async |filter: DeliveryFilter| {
        let page = model
            .list_deliveries(&filter, &PageRequest::default())
            .await
            .unwrap();
        page.rows
            .into_iter()
            .map(|row| row.key.id.to_string())
            .collect::<Vec<_>>()
    };
    let any = DeliveryFilter::default;
    let watch = DeliveryFilter {
        event: "watch".into(),
        ..any()
    };
    assert_eq!(deliveries(watch).await, ["star"]);
    let ignored = DeliveryFilter {
        outcome: Some(Outcome::Ignored),
        ..any()
    };
    assert_eq!(deliveries(ignored).await, ["star"]);
    let till = DeliveryFilter {
        repository: "acme/till".into(),
        ..any()
    };
    assert_eq!(deliveries(till).await, ["star", "delivery-1"]);
    let other = DeliveryFilter {
        project: "other".into(),
        ..any()
    };
    assert!(deliveries(other).await.is_empty());
}

#[tokio::test]
async fn pages_stay_true_while_rows_are_added() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let log = Log::new(500);
    let before: Vec<_> = (1..=25).map(|number| history.run(number)).collect();
    log.extend(&history.commits);
    let running = database.follow(&log);
    running.reach(history.last()).await;

    let (mut seen, mut decided) = (Vec::new(), BTreeSet::new());
    let (mut runs, mut deliveries) = (PageRequest::default(), PageRequest::default());
    (runs.size, deliveries.size) = (4, 4);
    for round in 0.. {
        let filter = RunFilter {
            project: "shop".into(),
            ..RunFilter::default()
        };
        let page = database.model.list_runs(&filter, &runs).await.unwrap();
        assert!(page.rows.len() <= 4);
        seen.extend(page.rows.iter().map(|run| run.id));
        let any = DeliveryFilter::default();
        let other = database
            .model
            .list_deliveries(&any, &deliveries)
            .await
            .unwrap();
        for row in other.rows {
            assert!(decided.insert(row.key), "no delivery twice");
        }
        history.run(100 + round);
        log.extend(&history.commits);
        running.reach(history.last()).await;
        let (Some(next), Some(other)) = (page.next, other.next) else {
            break;
        };
        (runs.token, deliveries.token) = (next, other);
    }
    assert_eq!(seen, before.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(decided.len(), 25);
}

#[tokio::test]
async fn hostile_requests_get_typed_errors() {
    let database = Database::new().await;
    let history = History::new(1);
    database
        .project(&Log::of(500, &history.commits), history.last())
        .await;
    let model = &database.model;
    let hostile = ["a\0b", &"x".repeat(600)];
    for text in hostile {
        for filter in [
            filter(|f| f.project = text.into()),
            filter(|f| f.repository = text.into()),
            filter(|f| f.trigger = text.into()),
            filter(|f| f.delivery = text.into()),
        ] {
            let error = model
                .list_runs(&filter, &PageRequest::default())
                .await
                .unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{error}");
        }
        assert!(matches!(
            model.list_pools(text).await,
            Err(Error::Invalid { .. })
        ));
    }
    for text in ["'; drop table runs; --", "%", "\\", "\u{202e}💥"] {
        assert_eq!(ids(model, filter(|f| f.project = text.into())).await, []);
    }
    for token in ["0", "zz", "00", &"00".repeat(4_000), "' or 1=1"] {
        let page = PageRequest {
            size: 5,
            token: token.into(),
        };
        let error = model
            .list_runs(&RunFilter::default(), &page)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::PageToken), "{error}");
        let error = model
            .list_deliveries(&DeliveryFilter::default(), &page)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::PageToken), "{error}");
    }
    let page = PageRequest {
        size: 201,
        token: String::new(),
    };
    let error = model
        .list_runs(&RunFilter::default(), &page)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Invalid {
                field: "page_size",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_reader_sees_its_own_write_or_is_told_that_it_does_not() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let log = Log::of(500, &history.commits);
    let _running = database.follow(&log);
    let model = &database.model;
    let wanted = history.last() + 1;
    let early = model
        .wait_for(projections::RUNS, wanted, Duration::from_millis(50))
        .await;
    assert!(
        matches!(early, Err(Error::Behind { wanted: w, .. }) if w == wanted),
        "{early:?}"
    );

    let run = history.run(1);
    let (waited, ()) = tokio::join!(model.wait_for(projections::RUNS, wanted, SOON), async {
        log.extend(&history.commits);
    });
    waited.unwrap();
    let story = model
        .get_run(run)
        .await
        .unwrap()
        .expect("the write is visible");
    assert_eq!((story.run.revision, story.revision), (wanted, wanted));
}

#[tokio::test]
async fn changes_of_another_process_are_heard() {
    let database = Database::new().await;
    let watcher = ReadModel::connect(&database.url).unwrap();
    let mut changes = watcher.changes();
    let mut history = History::new(1);
    let log = Log::of(500, &history.commits);
    let running = database.follow(&log);
    running.reach(history.last()).await;
    assert!(
        changes.next().await.unwrap().resync,
        "what was before is unknown"
    );
    watcher
        .wait_for(projections::DELIVERIES, history.last(), SOON)
        .await
        .unwrap();

    let run = history.run(1);
    log.extend(&history.commits);
    let mut heard = BTreeSet::new();
    let mut slots = BTreeSet::new();
    let mut decided = BTreeSet::new();
    while heard.is_empty() || slots.is_empty() || decided.is_empty() {
        let change = changes.next().await.unwrap();
        if change.revision == history.last() {
            heard.extend(change.keys.runs);
            slots.extend(change.keys.projects);
            decided.extend(change.keys.deliveries);
        }
    }
    assert_eq!(heard, BTreeSet::from([run]));
    assert_eq!(slots, BTreeSet::from(["shop".to_owned()]));
    assert_eq!(decided.first().unwrap().id.as_str(), "delivery-1");
}

#[tokio::test]
async fn an_absent_postgres_or_missing_tables_are_unavailable_and_soon() {
    let model = ReadModel::connect("postgres://nobody@127.0.0.1:1/none").unwrap();
    let began = tokio::time::Instant::now();
    let error = ids_error(&model).await;
    assert!(error.is_unavailable(), "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(model.migrate().await.unwrap_err().is_unavailable());

    let url = maestro_testkit::Postgres::shared().await.database().await;
    let model = ReadModel::connect(&url).unwrap();
    assert!(ids_error(&model).await.is_unavailable());
    let other = ReadModel::connect(&url).unwrap();
    let (one, two) = tokio::join!(model.migrate(), other.migrate());
    one.and(two).expect("two processes may migrate at once");
    model
        .list_runs(&RunFilter::default(), &PageRequest::default())
        .await
        .unwrap();

    let secret = ReadModel::connect("postgres://user:hunter2@[")
        .err()
        .unwrap();
    assert!(!format!("{secret:?} {secret}").contains("hunter2"));
}

async fn ids_error(model: &ReadModel) -> Error {
    model
        .list_runs(&RunFilter::default(), &PageRequest::default())
        .await
        .unwrap_err()
}
