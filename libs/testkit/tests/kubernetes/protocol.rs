//! Discovery, authentication, rights, reading.

use maestro_testkit::kubernetes::{Options, Right};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::client::{Api, CONFIG_MAPS, JOBS, config_map};

#[tokio::test(flavor = "multi_thread")]
async fn discovery_and_authentication() {
    let api = Api::new().await;
    assert_eq!(api.get("/version").await.1["major"], "1");
    assert_eq!(api.get("/readyz").await.1, "ok");
    let (_, groups) = api.get("/apis").await;
    let named = |group: &&str| {
        groups["groups"]
            .as_array()
            .unwrap()
            .iter()
            .any(|found| found["name"] == **group)
    };
    assert!(
        ["batch", "networking.k8s.io", "coordination.k8s.io"]
            .iter()
            .all(named)
    );
    let (_, batch) = api.get("/apis/batch/v1").await;
    assert_eq!(batch["resources"][0]["kind"], "Job");
    assert_eq!(
        api.get("/apis/apps/v1/deployments").await.0,
        StatusCode::NOT_FOUND
    );
    let answer = api
        .http
        .get(format!("{}/api/v1/pods", api.cluster.url()))
        .bearer_auth("wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let status: Value = answer.json().await.unwrap();
    assert_eq!(
        (status["kind"].as_str(), status["reason"].as_str()),
        (Some("Status"), Some("Unauthorized"))
    );
    let config: Value =
        serde_json::from_slice(&std::fs::read(api.cluster.kubeconfig()).unwrap()).unwrap();
    assert_eq!(
        config["clusters"][0]["cluster"]["server"],
        api.cluster.url()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_allowed() {
    let mut rights = Right::all("batch", &["jobs"], &["create", "get"]);
    rights.extend(
        Right::all("", &["configmaps"], &["list"])
            .into_iter()
            .map(|right| right.within("default")),
    );
    let api = Api::with(Options {
        rights: Some(rights),
    })
    .await;
    api.job("allowed", "exit 0").await;
    assert_eq!(api.get(&format!("{JOBS}/allowed")).await.0, StatusCode::OK);
    let (code, status) = api.delete(&format!("{JOBS}/allowed"), &json!({})).await;
    assert_eq!(code, StatusCode::FORBIDDEN);
    assert_eq!(status["reason"], "Forbidden");
    assert_eq!(
        status["message"],
        "jobs.batch \"allowed\" is forbidden: User \"system:serviceaccount:maestro:maestro\" cannot delete resource \"jobs\" in API group \"batch\" in the namespace \"default\""
    );
    assert_eq!(api.get(CONFIG_MAPS).await.0, StatusCode::OK);
    let (_, status) = api.get("/api/v1/configmaps").await;
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .ends_with("at the cluster scope"),
        "{status}"
    );
    let review = |verb: &str| json!({"spec": {"resourceAttributes": {"verb": verb, "group": "batch", "resource": "jobs", "namespace": "x"}}});
    for (verb, allowed) in [("create", true), ("delete", false)] {
        let answer = api
            .post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                &review(verb),
            )
            .await;
        assert_eq!(answer["status"]["allowed"], allowed);
    }
    assert!(
        api.cluster
            .used_rights()
            .contains(&"delete batch/jobs".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_in_pages_and_by_selector() {
    let api = Api::new().await;
    for number in 0..5 {
        let mut map = config_map(&format!("m{number}"));
        map["metadata"]["labels"] = json!({"odd": (number % 2 == 1).to_string(), "of": "test"});
        api.post(CONFIG_MAPS, &map).await;
    }
    let names = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, odd) = api
        .get(&format!("{CONFIG_MAPS}?labelSelector=odd%3Dtrue"))
        .await;
    assert_eq!(names(&odd), ["m1", "m3"]);
    assert_eq!(odd["kind"], "ConfigMapList");
    let (_, one) = api
        .get(&format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Dm2"))
        .await;
    assert_eq!(names(&one), ["m2"]);
    let (_, first) = api
        .get(&format!("{CONFIG_MAPS}?labelSelector=of%3Dtest&limit=2"))
        .await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = api
        .get(&format!(
            "{CONFIG_MAPS}?labelSelector=of%3Dtest&limit=2&continue={token}"
        ))
        .await;
    assert_eq!(
        [names(&first), names(&second)].concat(),
        ["m0", "m1", "m2", "m3"]
    );
    assert_eq!(
        first["metadata"]["resourceVersion"],
        second["metadata"]["resourceVersion"]
    );
    let token = second["metadata"]["continue"].as_str().unwrap().to_owned();
    api.cluster.compact();
    let (code, status) = api
        .get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"))
        .await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::GONE, Some("Expired"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_cannot_be() {
    let api = Api::new().await;
    let (code, status) = api
        .get(&format!("{CONFIG_MAPS}?resourceVersion=999999"))
        .await;
    assert_eq!(
        (code, status["reason"].as_str()),
        (StatusCode::GATEWAY_TIMEOUT, Some("Timeout"))
    );
    assert_eq!(
        api.get(&format!("{CONFIG_MAPS}?fieldSelector=data.a%3D1"))
            .await
            .0,
        StatusCode::BAD_REQUEST
    );
}
