//! `pods/log`.

use futures::StreamExt as _;
use maestro_testkit::wait_until;

use crate::client::{Api, JOBS, SOON, job};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_lines_followed() {
    let api = Api::new().await;
    api.job("lines", "seq 1 5000; sleep 0.2; seq 5001 10000 >&2")
        .await;
    let pod = api.running("lines").await;
    let (code, log) = api.get(&format!("{pod}/log?follow=true")).await;
    assert_eq!(code, 200);
    let expected: String = (1..=10_000).map(|line| format!("{line}\n")).collect();
    assert!(log.as_str().map_or_else(|| log.to_string(), str::to_owned) == expected);
    let (_, tail) = api
        .get(&format!(
            "{pod}/log?tailLines=2&timestamps=true&container=main"
        ))
        .await;
    let lines: Vec<_> = tail.as_str().unwrap().lines().collect();
    assert_eq!(lines.len(), 2);
    let (time, text) = lines[1].split_once(' ').unwrap();
    assert_eq!(
        (time.len(), text),
        ("2026-11-20T12:00:00.000000000Z".len(), "10000")
    );
    let (_, rest) = api
        .get(&format!("{pod}/log?timestamps=true&sinceTime={time}"))
        .await;
    assert!(
        rest.as_str().unwrap().ends_with(" 10000\n"),
        "the second of the time is given again"
    );
    let (_, none) = api
        .get(&format!("{pod}/log?sinceTime=2999-01-01T00:00:00Z"))
        .await;
    assert_eq!(none, "");
    let (_, short) = api.get(&format!("{pod}/log?limitBytes=3")).await;
    assert_eq!(short, "1\n2");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_arrives_while_it_runs_and_ends_with_the_pod() {
    let api = Api::new().await;
    api.job("slow", "echo first; sleep 1000").await;
    let pod = api.running("slow").await;
    let url = format!("{}{pod}/log?follow=true", api.cluster.url());
    let answer = api
        .http
        .get(url)
        .bearer_auth(api.cluster.token())
        .send()
        .await
        .unwrap();
    let mut pieces = answer.bytes_stream();
    let first = tokio::time::timeout(SOON, pieces.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first, "first\n");
    assert!(api.cluster.delete(&format!("{JOBS}/slow")));
    let rest = tokio::time::timeout(SOON, pieces.next()).await.unwrap();
    assert!(rest.is_none(), "{rest:?}");
    api.gone(&pod).await;
    let (code, _) = api.get(&format!("{pod}/log")).await;
    assert_eq!(code, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals() {
    let api = Api::new().await;
    api.cluster.break_image("absent");
    let mut wanted = job("waiting", "exit 0");
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "absent:1".into();
    api.post(JOBS, &wanted).await;
    let pod = api.pod_of("waiting").await;
    let message = async |query: &str| {
        let (code, status) = api.get(&format!("{pod}/log{query}")).await;
        (
            code.as_u16(),
            status["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    wait_until(SOON, async || {
        message("")
            .await
            .1
            .ends_with("is waiting to start: ImagePullBackOff")
    })
    .await;
    assert_eq!(message("?container=other").await.0, 400);
    let (code, text) = message("?previous=true").await;
    assert_eq!(code, 400);
    assert!(
        text.starts_with("previous terminated container \"main\""),
        "{text}"
    );
    assert_eq!(message("?sinceTime=yesterday").await.0, 400);
}
