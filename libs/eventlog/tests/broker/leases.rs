use std::time::Duration;

use maestro_eventlog::{EventLog, Lease, LeaseLost};
use maestro_testkit::wait_until;
use tokio::time::Instant;

use crate::setup::{SOON, connect, raw, soon, start};

const TTL: Duration = Duration::from_secs(1);

async fn take(log: &EventLog, holder: &str) -> Option<Lease> {
    log.lease("conductor", holder, TTL).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_gets_the_lease_and_a_release_frees_it() {
    let (nats, log) = start().await;
    let other = connect(&nats).await;
    let (one, two) = tokio::join!(take(&log, "one"), take(&other, "two"));
    assert!(one.is_some() != two.is_some());
    assert!(log.lease("projector", "one", TTL).await.unwrap().is_some());
    one.or(two).unwrap().release().await;
    assert!(take(&other, "two").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_renewed_stays_and_one_that_is_not_ends() {
    let (_nats, log) = start().await;
    let mut lease = take(&log, "one").await.unwrap();
    let end = Instant::now() + TTL * 3;
    while Instant::now() < end {
        lease.renew().await.unwrap();
        assert!(take(&log, "two").await.is_none());
    }
    let mut next = None;
    while next.is_none() {
        assert!(Instant::now() < end + SOON, "the lease never ends");
        next = take(&log, "two").await;
    }
    assert!(matches!(
        lease.renew().await,
        Err(LeaseLost::Taken | LeaseLost::Expired)
    ));
    next.unwrap().renew().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_taken_over_is_lost() {
    let (nats, log) = start().await;
    let mut lease = log
        .lease("conductor", "one", Duration::from_secs(60))
        .await
        .unwrap()
        .unwrap();
    let bucket = raw(&nats)
        .await
        .get_stream("KV_maestro_leases")
        .await
        .unwrap();
    bucket.purge().await.unwrap();
    let mut next = take(&log, "two").await.unwrap();
    assert_eq!(lease.renew().await, Err(LeaseLost::Taken));
    next.renew().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_cannot_be_renewed_expires_at_its_holder() {
    let (mut nats, log) = start().await;
    let mut lease = take(&log, "one").await.unwrap();
    nats.kill9().await;
    let asked_at = Instant::now();
    assert_eq!(soon(lease.renew()).await, Err(LeaseLost::Expired));
    assert!(
        asked_at.elapsed() <= TTL + Duration::from_millis(500),
        "{:?}",
        asked_at.elapsed()
    );
    nats.start_again().await;
    wait_until(SOON, || async {
        log.lease("conductor", "two", TTL)
            .await
            .is_ok_and(|lease| lease.is_some())
    })
    .await;
}
