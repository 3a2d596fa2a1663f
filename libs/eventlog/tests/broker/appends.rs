use bytes::Bytes;
use futures::{StreamExt as _, future::join_all};
use maestro_eventlog::{AppendError, Stream};
use maestro_testkit::wait_until;

use crate::setup::{SOON, raw, soon, start};

fn commit(n: u64) -> Bytes {
    Bytes::from(format!("{{\"n\":{n}}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_leave_in_order_without_waiting() {
    let (_nats, log) = start().await;
    let mut appender = log.appender(0);
    let under_way: Vec<_> = (1..=2_000)
        .map(|n| appender.append(n, "shop.run.started", commit(n), None))
        .collect();
    // Awaited backwards: the order of the calls counts.
    for done in join_all(under_way.into_iter().rev()).await {
        done.unwrap();
    }
    let mut reader = log.read(Stream::Events, 1);
    for n in 1..=2_000 {
        let message = soon(reader.next()).await.unwrap();
        assert_eq!((message.seq, message.payload), (n, commit(n)));
        assert_eq!(message.subject, "maestro.log.shop.run.started");
    }
    assert_eq!(
        log.last_commit().await.unwrap(),
        Some((2_000, commit(2_000)))
    );
    assert_eq!(log.commit(7).await.unwrap(), Some(commit(7)));
    assert_eq!(log.commit(2_001).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_writer_is_fenced_and_so_is_all_it_sent_ahead() {
    let (_nats, log) = start().await;
    assert_eq!(log.last_commit().await.unwrap(), None);
    let (mut stale, mut leader) = (log.appender(0), log.appender(0));
    leader
        .append(1, "platform.conductor.took_over", commit(1), None)
        .await
        .unwrap();
    // The second and later ones fit behind the leader's by their sequence.
    let ahead: Vec<_> = (1..=5)
        .map(|n| stale.append(n, "a.b.c", commit(n), None))
        .collect();
    for refused in join_all(ahead).await {
        assert_eq!(refused, Err(AppendError::Fenced));
    }
    leader.append(2, "a.b.c", commit(2), None).await.unwrap();
    assert_eq!(log.stream_state(Stream::Events).await.unwrap().last_seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appender_goes_on_behind_what_is_acknowledged() {
    let (mut nats, log) = start().await;
    let mut appender = log.appender(0);
    for n in 1..=3 {
        appender.append(n, "a.b.c", commit(n), None).await.unwrap();
    }
    nats.kill9().await;
    nats.start_again().await;
    wait_until(SOON, || async { log.ping().await.is_ok() }).await;
    let ahead: Vec<_> = (4..=6)
        .map(|n| appender.append(n, "a.b.c", commit(n), None))
        .collect();
    for stored in join_all(ahead).await {
        stored.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_out_of_order_is_not_sent() {
    let (_nats, log) = start().await;
    let mut appender = log.appender(0);
    assert_eq!(
        appender.append(2, "a.b.c", commit(2), None).await,
        Err(AppendError::Unknown)
    );
    assert_eq!(log.last_commit().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_an_append_is_in_doubt() {
    let (mut nats, log) = start().await;
    let mut appender = log.appender(0);
    appender.append(1, "a.b.c", commit(1), None).await.unwrap();
    nats.kill9().await;
    let in_doubt = soon(appender.append(2, "a.b.c", commit(2), None)).await;
    assert_eq!(in_doubt, Err(AppendError::Unknown));
    nats.start_again().await;
    wait_until(SOON, || async { log.ping().await.is_ok() }).await;
    let (last, _) = log.last_commit().await.unwrap().unwrap();
    let mut appender = log.appender(last);
    appender
        .append(last + 1, "a.b.c", commit(last + 1), None)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_republished_for_operators_and_nothing_else() {
    let (nats, log) = start().await;
    let client = raw(&nats).await.client();
    let mut operator = client.subscribe("maestro.events.>").await.unwrap();
    client.flush().await.unwrap();
    soon(async { client.request("$JS.API.INFO", Bytes::new()).await })
        .await
        .unwrap();
    let (mut stale, mut leader) = (log.appender(0), log.appender(0));
    leader
        .append(1, "shop.run.started", commit(1), None)
        .await
        .unwrap();
    stale
        .append(1, "shop.run.lost", commit(99), None)
        .await
        .unwrap_err();
    leader
        .append(2, "shop.run.finished", commit(2), None)
        .await
        .unwrap();
    for (subject, n) in [
        ("maestro.events.shop.run.started", 1),
        ("maestro.events.shop.run.finished", 2),
    ] {
        let message = soon(operator.next()).await.unwrap();
        assert_eq!(
            (message.subject.as_str(), message.payload),
            (subject, commit(n))
        );
    }
}
