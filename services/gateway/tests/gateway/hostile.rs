use maestro_contracts::v1::{
    CancelRunRequest, GetRunRequest, ListDeliveriesRequest, ListRunsRequest, PageRequest,
    PausePoolRequest, ResizePoolRequest, ResumePoolRequest, RetryRunRequest, StreamLogsRequest,
    WatchRunsRequest, delivery_service_client::DeliveryServiceClient,
    slot_service_client::SlotServiceClient,
};
use tonic::{Code, Status};

use crate::support::World;

fn field(status: &Status) -> &str {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    status.metadata().get("field").unwrap().to_str().unwrap()
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::start().await;
    let mut runs = world.runs();
    let long = "x".repeat(3_000);

    let tokens = [
        "zz",
        "00",
        "'; drop table runs; --",
        "\u{0}",
        "ffffffffffffffff",
        &long,
    ];
    for token in tokens {
        let page = Some(PageRequest {
            page_size: 0,
            page_token: token.to_owned(),
        });
        let refused = runs
            .list_runs(ListRunsRequest {
                page,
                ..Default::default()
            })
            .await;
        assert_eq!(field(&refused.unwrap_err()), "page.page_token", "{token}");
    }
    let with = ListRunsRequest::default;
    let huge = Some(PageRequest {
        page_size: u32::MAX,
        page_token: String::new(),
    });
    let wrong = [
        (
            "page.page_size",
            ListRunsRequest {
                page: huge,
                ..with()
            },
        ),
        (
            "project",
            ListRunsRequest {
                project: "a'b".into(),
                ..with()
            },
        ),
        (
            "statuses",
            ListRunsRequest {
                statuses: vec![99],
                ..with()
            },
        ),
        (
            "statuses",
            ListRunsRequest {
                statuses: vec![1; 100],
                ..with()
            },
        ),
        (
            "repository",
            ListRunsRequest {
                repository: "a\u{0}b".into(),
                ..with()
            },
        ),
        (
            "repository",
            ListRunsRequest {
                repository: long.clone(),
                ..with()
            },
        ),
        (
            "trigger",
            ListRunsRequest {
                trigger: "%".into(),
                ..with()
            },
        ),
        (
            "delivery_id",
            ListRunsRequest {
                delivery_id: "a.b".into(),
                ..with()
            },
        ),
    ];
    for (name, request) in wrong {
        assert_eq!(field(&runs.list_runs(request).await.unwrap_err()), name);
    }
    for id in [
        "",
        "run_",
        "run_zz",
        "prj_00000000000000000000000000000001",
        &long,
    ] {
        let refused = runs
            .get_run(GetRunRequest {
                id: id.into(),
                read: None,
            })
            .await;
        assert_eq!(field(&refused.unwrap_err()), "id", "{id}");
    }
    let id = format!("run_{}", "0".repeat(32));
    let missing = runs
        .get_run(GetRunRequest {
            id: id.clone(),
            read: None,
        })
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let request = StreamLogsRequest {
        run_id: id.clone(),
        attempt: 0,
        no_follow: true,
    };
    assert_eq!(
        runs.stream_logs(request).await.unwrap_err().code(),
        Code::NotFound
    );
    let request = WatchRunsRequest {
        project: String::new(),
        id: "x".into(),
    };
    assert_eq!(field(&runs.watch_runs(request).await.unwrap_err()), "id");

    let cancel = |reason: &str, key: &str| CancelRunRequest {
        id: id.clone(),
        reason: reason.into(),
        idempotency_key: key.into(),
    };
    for (name, request) in [
        ("reason", cancel(&long, "")),
        ("reason", cancel("a\u{0}b", "")),
        ("idempotency_key", cancel("", "a b")),
        ("idempotency_key", cancel("", &long)),
    ] {
        assert_eq!(field(&runs.cancel_run(request).await.unwrap_err()), name);
    }
    let retry = |reason: &str, key: &str| RetryRunRequest {
        id: id.clone(),
        reason: reason.into(),
        idempotency_key: key.into(),
    };
    for (name, request) in [
        ("reason", retry(&long, "")),
        ("idempotency_key", retry("", "a b")),
    ] {
        assert_eq!(field(&runs.retry_run(request).await.unwrap_err()), name);
    }
    let mut deliveries = DeliveryServiceClient::new(world.operator());
    let request = ListDeliveriesRequest {
        outcome: 77,
        ..Default::default()
    };
    assert_eq!(
        field(&deliveries.list_deliveries(request).await.unwrap_err()),
        "outcome"
    );
}

#[tokio::test]
async fn every_wrong_field_of_a_pool_command_is_named() {
    let world = World::start().await;
    let mut slots = SlotServiceClient::new(world.operator());
    let long = "x".repeat(3_000);
    let wrong = [
        ("project", "", "default", "", ""),
        ("project", "Not A Slug", "default", "", ""),
        ("project", long.as_str(), "default", "", ""),
        ("pool", "shop", "", "", ""),
        ("pool", "shop", "a.b", "", ""),
        ("pool", "shop", "'; drop table runs; --", "", ""),
        ("reason", "shop", "default", long.as_str(), ""),
        ("reason", "shop", "default", "a\u{0}b", ""),
        ("idempotency_key", "shop", "default", "", "a b"),
    ];
    for (name, project, pool, reason, key) in wrong {
        let pause = PausePoolRequest {
            project: project.into(),
            pool: pool.into(),
            reason: reason.into(),
            idempotency_key: key.into(),
        };
        let resume = ResumePoolRequest {
            project: project.into(),
            pool: pool.into(),
            reason: reason.into(),
            idempotency_key: key.into(),
        };
        let resize = ResizePoolRequest {
            project: project.into(),
            pool: pool.into(),
            size: 1,
            reason: reason.into(),
            idempotency_key: key.into(),
        };
        assert_eq!(field(&slots.pause_pool(pause).await.unwrap_err()), name);
        assert_eq!(field(&slots.resume_pool(resume).await.unwrap_err()), name);
        assert_eq!(field(&slots.resize_pool(resize).await.unwrap_err()), name);
    }
    let stranger = SlotServiceClient::new(world.channel())
        .pause_pool(PausePoolRequest::default())
        .await;
    assert_eq!(stranger.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn oversized_and_malformed_requests_are_refused_and_harm_nobody() {
    let world = World::start().await;
    let browser = world.browser().await;
    let method = "maestro.v1.RunService/ListRuns";
    let request = ListRunsRequest {
        repository: "x".repeat(100_000),
        ..Default::default()
    };
    let refused = world.runs().list_runs(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    for garbage in [&[0xff; 40][..], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
        let answer = browser.call_raw(method, garbage, &[]).await;
        let status = answer
            .headers()
            .get("grpc-status")
            .map(|status| status.to_str().unwrap());
        assert!(!matches!(status, None | Some("0")), "{status:?}");
    }
    let unknown = browser
        .call_raw("maestro.v1.RunService/Nothing", &[], &[])
        .await;
    assert_eq!(unknown.headers()["grpc-status"], "12");
    let unknown = browser
        .call_raw("maestro.v9.NoService/Nothing", &[], &[])
        .await;
    assert_eq!(unknown.headers()["grpc-status"], "12");
    assert_eq!(browser.get("/api/v1/login").await.status(), 405);
    assert!(world.list(0).await.is_empty());
}
