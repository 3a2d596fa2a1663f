use maestro_contracts::v1::{ListRunsRequest, run_service_client::RunServiceClient};
use maestro_gateway::issue_login_code;
use serde_json::Value;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use crate::support::World;

const LIST_RUNS: &str = "maestro.v1.RunService/ListRuns";

#[tokio::test]
async fn without_credentials_only_probes_and_the_sign_in_page_answer() {
    let world = World::start().await;
    let anonymous = world.anonymous();

    let refused = anonymous.get("/api/v1/session").await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("www-authenticate"));
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["code"], "unauthorized");
    assert!(body["message"].is_string());
    for path in ["/api/v1/nothing", "/maestro.v1.RunService/ListRuns"] {
        assert_eq!(anonymous.get(path).await.status(), 401, "{path}");
    }
    assert_eq!(
        anonymous.post("/runs", &[], String::new()).await.status(),
        401
    );

    let mut grpc = RunServiceClient::new(world.channel());
    let refused = grpc
        .list_runs(ListRunsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let web = anonymous.call(LIST_RUNS, &ListRunsRequest::default()).await;
    assert_eq!(web.status(), 200);
    assert_eq!(web.headers()["grpc-status"], "16");
    assert_eq!(web.headers()["content-type"], "application/grpc-web+proto");
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let asked = ServerReflectionClient::new(world.channel())
        .server_reflection_info(tokio_stream::iter([ask]))
        .await;
    assert_eq!(asked.unwrap_err().code(), Code::Unauthenticated);

    let health = HealthClient::new(world.channel())
        .check(HealthCheckRequest::default())
        .await;
    health.unwrap();
    assert_eq!(anonymous.get("/healthz").await.status(), 200);
    assert_eq!(anonymous.get("/readyz").await.status(), 200);
    assert_eq!(anonymous.get("/metrics").await.status(), 200);
    let passed_on = anonymous
        .get_with("/metrics", ("x-forwarded-for", "192.0.2.1"))
        .await;
    assert_eq!(passed_on.status(), 401);

    let page = anonymous.get("/runs").await;
    assert_ne!(
        page.status(),
        200,
        "a page without a session is not a success"
    );
    let headers = page.headers();
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn a_login_code_works_once_and_its_session_until_logout() {
    let world = World::start().await;
    let code = issue_login_code(&world.vault).await.unwrap();
    let attempts = (0..8).map(|_| {
        let (browser, code) = (world.anonymous(), code.clone());
        tokio::spawn(async move { browser.login(&code).await })
    });
    let answers: Vec<_> = futures::future::join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let signed_in: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status() == 204)
        .collect();
    let refused = answers
        .iter()
        .filter(|answer| answer.status() == 401)
        .count();
    assert_eq!((signed_in.len(), refused), (1, 7));
    let cookie = signed_in[0].headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("maestro_session="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }

    let browser = world.browser().await;
    let session: Value = browser.get("/api/v1/session").await.json().await.unwrap();
    assert_eq!(session["user"]["name"], "operator");
    assert!(session["user"]["id"].as_str().unwrap().starts_with("usr_"));
    assert!(session["expires_at"].is_string());
    let listed = browser.call(LIST_RUNS, &ListRunsRequest::default()).await;
    assert!(
        !listed.headers().contains_key("grpc-status"),
        "{:?}",
        listed.headers()
    );
    let codes = browser
        .post("/api/v1/login-codes", &[], String::new())
        .await;
    assert_eq!(codes.status(), 403, "a session must not extend itself");

    let left = browser.post("/api/v1/logout", &[], String::new()).await;
    assert_eq!(left.status(), 204);
    assert!(
        left.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(browser.get("/api/v1/session").await.status(), 401);
}

#[tokio::test]
async fn the_operators_token_makes_login_codes() {
    let world = World::start().await;
    let authorization = format!("Bearer {}", world.token.expose());
    let headers = [("authorization", authorization.as_str())];
    let answer = world
        .anonymous()
        .post("/api/v1/login-codes", &headers, String::new())
        .await;
    assert_eq!(answer.status(), 200);
    let issued: Value = answer.json().await.unwrap();
    let answer = world
        .anonymous()
        .login(issued["code"].as_str().unwrap())
        .await;
    assert_eq!(answer.status(), 204);

    let wrong = format!("Bearer {}", "0".repeat(64));
    let headers = [("authorization", wrong.as_str())];
    let answer = world
        .anonymous()
        .post("/api/v1/login-codes", &headers, String::new())
        .await;
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn pages_of_other_origins_and_other_host_names_are_refused() {
    let world = World::start().await;
    let browser = world.browser().await;
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ];
    for header in foreign {
        let refused = browser
            .post("/api/v1/logout", &[header], String::new())
            .await;
        assert_eq!(refused.status(), 403, "{header:?}");
        let web = browser.call_raw(LIST_RUNS, &[], &[header]).await;
        assert_eq!(web.headers()["grpc-status"], "7", "{header:?}");
    }
    let rebound = browser
        .get_with("/api/v1/session", ("host", "evil.example"))
        .await;
    assert_eq!(rebound.status(), 403);
    let body: Value = rebound.json().await.unwrap();
    assert_eq!(body["code"], "forbidden");

    let own = world.url("");
    let same = [("sec-fetch-site", "same-origin"), ("origin", own.as_str())];
    assert_eq!(
        browser
            .post("/api/v1/logout", &same, String::new())
            .await
            .status(),
        204
    );
}

#[tokio::test]
async fn who_keeps_guessing_codes_has_to_wait() {
    let world = World::start().await;
    let anonymous = world.anonymous();
    for body in ["", "{}", "{\"code\":1}", "[]"] {
        let refused = anonymous.post("/api/v1/login", &[], body.to_owned()).await;
        assert_eq!(refused.status(), 400, "{body}");
        let refused: Value = refused.json().await.unwrap();
        assert_eq!(refused["field"], "code");
    }
    let long = anonymous.login(&"a".repeat(5_000)).await;
    assert_eq!(long.status(), 413);
    for _ in 0..10 {
        assert_eq!(anonymous.login(&"0".repeat(64)).await.status(), 401);
    }
    let limited = anonymous.login(&"0".repeat(64)).await;
    assert_eq!(limited.status(), 429);
    assert!(limited.headers().contains_key("retry-after"));
}
