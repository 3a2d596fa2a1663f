use bytes::Bytes;

use crate::setup::{raw, start};

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_kept_by_name() {
    let (_nats, log) = start().await;
    assert_eq!(log.list_snapshots().await.unwrap(), Vec::<String>::new());
    let long = Bytes::from(vec![7; 3_000_000]);
    log.save_snapshot("state-1.20", long.clone()).await.unwrap();
    log.save_snapshot("state-1.10", Bytes::from_static(b"old"))
        .await
        .unwrap();
    log.save_snapshot("state-1.10", Bytes::from_static(b"new"))
        .await
        .unwrap();
    assert_eq!(
        log.list_snapshots().await.unwrap(),
        ["state-1.10", "state-1.20"]
    );
    assert_eq!(log.load_snapshot("state-1.20").await.unwrap(), Some(long));
    assert_eq!(
        log.load_snapshot("state-1.10").await.unwrap().unwrap(),
        "new"
    );
    log.delete_snapshot("state-1.20").await.unwrap();
    log.delete_snapshot("state-1.20").await.unwrap();
    assert_eq!(log.load_snapshot("state-1.20").await.unwrap(), None);
    assert_eq!(log.list_snapshots().await.unwrap(), ["state-1.10"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_an_error() {
    let (nats, log) = start().await;
    log.save_snapshot("s", Bytes::from(vec![7; 2_000_000]))
        .await
        .unwrap();
    let stream = raw(&nats)
        .await
        .get_stream("OBJ_maestro_snapshots")
        .await
        .unwrap();
    stream.delete_message(2).await.unwrap();
    log.load_snapshot("s").await.unwrap_err();
}
