//! Updates, patches, apply, deletion.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, CONFIG_MAPS, JOBS, config_map};

#[tokio::test(flavor = "multi_thread")]
async fn updates_need_the_latest_revision() {
    let api = Api::new().await;
    let first = api.post(CONFIG_MAPS, &config_map("one")).await;
    let path = format!("{CONFIG_MAPS}/one");
    let mut changed = first.clone();
    changed["data"]["a"] = "2".into();
    let (code, second) = api.json(Method::PUT, &path, &changed).await;
    assert_eq!(
        (code, second["data"]["a"].as_str()),
        (StatusCode::OK, Some("2"))
    );
    let (code, status) = api.json(Method::PUT, &path, &changed).await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::CONFLICT, Some("Conflict"))
    );
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"one\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let (code, status) = api
        .json(Method::POST, CONFIG_MAPS, &config_map("one"))
        .await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::CONFLICT, Some("AlreadyExists"))
    );
    let (code, _) = api
        .patch(
            &path,
            "json-patch+json",
            &json!([{"op": "test", "path": "/data/a", "value": "1"}]),
        )
        .await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, patched) = api
        .patch(
            &path,
            "json-patch+json",
            &json!([{"op": "replace", "path": "/data/a", "value": "3"}]),
        )
        .await;
    assert_eq!(patched["data"]["a"], "3");
    let (code, _) = api
        .patch(&path, "strategic-merge-patch+json", &json!({}))
        .await;
    assert_eq!(code, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_names_and_dry_runs() {
    let api = Api::new().await;
    let generated = api
        .post(CONFIG_MAPS, &json!({"metadata": {"generateName": "run-"}}))
        .await;
    assert_eq!(generated["metadata"]["name"].as_str().unwrap().len(), 9);
    let (_, dry) = api
        .json(
            Method::POST,
            &format!("{CONFIG_MAPS}?dryRun=All"),
            &config_map("dry"),
        )
        .await;
    assert_eq!(dry["metadata"]["name"], "dry");
    assert!(api.cluster.object(&format!("{CONFIG_MAPS}/dry")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn server_side_apply() {
    let api = Api::new().await;
    let path = |query: &str| format!("{CONFIG_MAPS}/one?{query}");
    let apply = async |manager: &str, data: Value| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": data});
        api.patch(
            &path(&format!("fieldManager={manager}")),
            "apply-patch+yaml",
            &body,
        )
        .await
    };
    let (code, first) = apply("a", json!({"x": "1", "y": "1"})).await;
    assert_eq!(code, StatusCode::CREATED);
    let (code, again) = apply("a", json!({"x": "1", "y": "1"})).await;
    assert_eq!(
        (code, &again["metadata"]["resourceVersion"]),
        (StatusCode::OK, &first["metadata"]["resourceVersion"])
    );
    let (code, status) = apply("b", json!({"x": "2"})).await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::CONFLICT, Some("Conflict"))
    );
    assert_eq!(
        status["message"],
        "Apply failed with 1 conflict: conflict with \"a\" using v1: .data.x"
    );
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "FieldManagerConflict"
    );
    let (code, forced) = apply("b&force=true", json!({"x": "2"})).await;
    assert_eq!(
        (code, &forced["data"]),
        (StatusCode::OK, &json!({"x": "2", "y": "1"}))
    );
    let (_, less) = apply("a", json!({})).await;
    assert_eq!(
        less["data"],
        json!({"x": "2"}),
        "what only it had is gone, what it lost stays"
    );
    let (code, status) = apply("", json!({})).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{status}");
    let body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "dada": {}});
    let (code, status) = api
        .patch(&path("fieldManager=a"), "apply-patch+yaml", &body)
        .await;
    assert_eq!(code, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .ends_with(".dada: field not declared in schema"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_take_their_own_along() {
    let api = Api::new().await;
    let owner = api.post(CONFIG_MAPS, &config_map("owner")).await;
    let mut owned = config_map("owned");
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
    api.post(CONFIG_MAPS, &owned).await;
    let path = format!("{CONFIG_MAPS}/owner");
    let (code, status) = api
        .delete(&path, &json!({"preconditions": {"uid": "other"}}))
        .await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::CONFLICT, Some("Conflict"))
    );
    assert_eq!(
        api.delete(&path, &json!({"unknown": 1})).await.0,
        StatusCode::BAD_REQUEST
    );
    let (_, status) = api.delete(&path, &json!({})).await;
    assert_eq!(
        (status["kind"].as_str(), status["status"].as_str()),
        (Some("Status"), Some("Success"))
    );
    api.gone(&format!("{CONFIG_MAPS}/owned")).await;
    owned["metadata"]["name"] = "wrong-owner".into();
    api.post(CONFIG_MAPS, &owned).await;
    api.gone(&format!("{CONFIG_MAPS}/wrong-owner")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_ends_after_its_content() {
    let api = Api::new().await;
    api.post(
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "run-1"}}),
    )
    .await;
    api.until("/api/v1/namespaces/run-1/serviceaccounts/default", |_| true)
        .await;
    let maps = "/api/v1/namespaces/run-1/configmaps";
    let mut held = config_map("held");
    held["metadata"]["finalizers"] = json!(["test/hold"]);
    api.post(maps, &held).await;
    let (_, namespace) = api.delete("/api/v1/namespaces/run-1", &json!({})).await;
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let (code, status) = api.json(Method::POST, maps, &config_map("late")).await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::FORBIDDEN, Some("Forbidden"))
    );
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    assert_eq!(
        status["message"],
        "configmaps \"late\" is forbidden: unable to create new content in namespace run-1 because it is being terminated"
    );
    api.condition("/api/v1/namespaces/run-1", "NamespaceContentRemaining")
        .await;
    let (code, _) = api
        .patch(
            &format!("{maps}/held"),
            "merge-patch+json",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    assert_eq!(code, StatusCode::OK);
    api.gone("/api/v1/namespaces/run-1").await;
    let (code, _) = api.json(Method::POST, maps, &config_map("late")).await;
    assert_eq!(code, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn collections() {
    let api = Api::new().await;
    for name in ["a", "b"] {
        let mut map = config_map(name);
        map["metadata"]["labels"] = json!({"n": name});
        api.post(CONFIG_MAPS, &map).await;
    }
    let (code, _) = api
        .delete(&format!("{CONFIG_MAPS}?labelSelector=n%3Da"), &json!({}))
        .await;
    assert_eq!(code, StatusCode::OK);
    api.gone(&format!("{CONFIG_MAPS}/a")).await;
    assert!(api.cluster.object(&format!("{CONFIG_MAPS}/b")).is_some());
    assert_eq!(
        api.delete(&format!("{JOBS}/none"), &json!({})).await.0,
        StatusCode::NOT_FOUND
    );
}
