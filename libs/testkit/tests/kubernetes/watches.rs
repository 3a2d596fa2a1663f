//! Watches and injected faults.

use maestro_testkit::kubernetes::Faults;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, CONFIG_MAPS, config_map};

async fn watch(api: &Api, query: &str) -> Vec<Value> {
    let (code, text) = api.get(&format!("{CONFIG_MAPS}?watch=true&{query}")).await;
    assert_eq!(code, StatusCode::OK);
    let text = text
        .as_str()
        .map_or_else(|| text.to_string(), str::to_owned);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_since_a_revision_as_the_selector_sees_them() {
    let api = Api::new().await;
    let (_, list) = api.get(CONFIG_MAPS).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut map = config_map("one");
    map["metadata"]["labels"] = json!({"on": "yes"});
    api.post(CONFIG_MAPS, &map).await;
    let path = format!("{CONFIG_MAPS}/one");
    for patch in [
        json!({"data": {"a": "2"}}),
        json!({"data": {"a": "2"}}),
        json!({"metadata": {"labels": {"on": "no"}}}),
    ] {
        assert_eq!(
            api.patch(&path, "merge-patch+json", &patch).await.0,
            StatusCode::OK
        );
    }
    let events = watch(
        &api,
        &format!("resourceVersion={revision}&labelSelector=on%3Dyes&timeoutSeconds=1"),
    )
    .await;
    assert_eq!(
        kinds(&events),
        ["ADDED", "MODIFIED", "DELETED"],
        "a patch without effect is no event"
    );
    let events = watch(&api, "timeoutSeconds=1&fieldSelector=metadata.name%3Done").await;
    assert_eq!(kinds(&events), ["ADDED"]);
    let events = watch(&api, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3&fieldSelector=metadata.name%3Done").await;
    assert_eq!(kinds(&events)[..2], ["ADDED", "BOOKMARK"]);
    assert_eq!(
        events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    assert!(kinds(&events)[2..].contains(&"BOOKMARK"));
    api.cluster.compact();
    let events = watch(&api, &format!("resourceVersion={revision}")).await;
    assert_eq!(kinds(&events), ["ERROR"]);
    assert_eq!(
        (
            events[0]["object"]["code"].as_i64(),
            events[0]["object"]["reason"].as_str()
        ),
        (Some(410), Some("Expired"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults() {
    let api = Api::new().await;
    let set = |faults| api.cluster.set_faults(Some(Faults { seed: 3, ..faults }));
    set(Faults {
        errors: 1.0,
        ..Faults::default()
    });
    let mut codes = Vec::new();
    for _ in 0..20 {
        let answer = api
            .http
            .get(format!("{}{CONFIG_MAPS}", api.cluster.url()))
            .bearer_auth(api.cluster.token())
            .send()
            .await
            .unwrap();
        let code = answer.status().as_u16();
        assert_eq!(answer.headers().contains_key("retry-after"), code != 500);
        codes.push(code);
    }
    assert!(
        [500, 503, 429].iter().all(|code| codes.contains(code)),
        "{codes:?}"
    );
    set(Faults {
        lost_answers: 1.0,
        ..Faults::default()
    });
    let request = api
        .http
        .request(Method::POST, format!("{}{CONFIG_MAPS}", api.cluster.url()));
    let lost = request
        .bearer_auth(api.cluster.token())
        .json(&config_map("made"))
        .send()
        .await;
    assert!(lost.is_err(), "{lost:?}");
    assert!(api.cluster.object(&format!("{CONFIG_MAPS}/made")).is_some());
    set(Faults {
        gone: 1.0,
        ..Faults::default()
    });
    assert_eq!(kinds(&watch(&api, "resourceVersion=1").await), ["ERROR"]);
    set(Faults {
        watch_disconnects: 1.0,
        ..Faults::default()
    });
    let answer = api
        .http
        .get(format!("{}{CONFIG_MAPS}?watch=true", api.cluster.url()))
        .bearer_auth(api.cluster.token())
        .send()
        .await
        .unwrap();
    assert!(answer.bytes().await.is_err(), "an abrupt end");
    api.cluster.set_faults(None);
    assert_eq!(api.get(CONFIG_MAPS).await.0, StatusCode::OK);
}
