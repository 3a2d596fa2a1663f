//! What an executor answers on its own listener.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use futures::TryStreamExt as _;
use maestro_contracts::v1::{
    Execution as Asked, ExecutionPhase, ExecutorServiceCancelRequest, ExecutorServiceDrainRequest,
    ExecutorServiceGetRequest, ExecutorServiceListRequest, ExecutorServiceStreamLogsRequest,
    ExecutorServiceSubmitRequest, executor_service_client::ExecutorServiceClient,
};
use maestro_domain::{
    Digest, Report,
    report::{End, Execution},
    run::Start,
};
use maestro_executor::GrpcConfig;
use maestro_testkit::wait_until;
use tonic::{
    Code, Request, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use crate::bench::{Bench, Running, SOON, shell};

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

type Interceptor = fn(Request<()>) -> Result<Request<()>, Status>;
type Client = ExecutorServiceClient<InterceptedService<Channel, Interceptor>>;

fn with_token(mut request: Request<()>) -> Result<Request<()>, Status> {
    let bearer = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    Ok(request)
}

fn without(request: Request<()>) -> Result<Request<()>, Status> {
    Ok(request)
}

/// An executor with a listener.
struct Front {
    bench: Bench,
    executor: Running,
    address: SocketAddr,
}

impl Front {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut config = bench.config.clone();
        config.grpc = Some(GrpcConfig {
            accepted: vec![Digest::of(TOKEN.as_bytes())],
            ..GrpcConfig::on(address)
        });
        let executor = bench.executor_with(config);
        let front = Self {
            bench,
            executor,
            address,
        };
        let takes_work = async || {
            let list = front.client().list(ExecutorServiceListRequest {}).await;
            list.is_ok_and(|list| list.into_inner().confirmed)
        };
        wait_until(SOON, takes_work).await;
        front
    }

    fn client(&self) -> Client {
        self.client_as(with_token)
    }

    fn client_as(&self, who: Interceptor) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        ExecutorServiceClient::with_interceptor(endpoint.connect_lazy(), who)
    }
}

fn asked(execution: Execution) -> Option<Asked> {
    Some(Asked {
        run_id: execution.run.to_string(),
        attempt: execution.attempt,
        token: execution.token,
    })
}

fn submission(start: &Start) -> ExecutorServiceSubmitRequest {
    let key = serde_json::to_value(&start.spec.key).unwrap();
    ExecutorServiceSubmitRequest {
        execution: asked(start.execution),
        spec_key: key.as_str().unwrap().to_owned(),
        spec_digest: start.spec.digest.to_string(),
        project_id: start.project.to_string(),
        project: start.slug.to_string(),
        pool: start.pool.to_string(),
        trigger: start.trigger.to_string(),
        delivery_id: start.delivery.to_string(),
        event: start.event.clone(),
        traceparent: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submitted_start_runs_once_and_is_seen_to_its_end() {
    let front = Front::new().await;
    let script = "echo one; while ! [ -e go ]; do sleep 0.02; done; echo two";
    let start = front.bench.sealed(shell(script)).await;
    let execution = start.execution;
    for _ in 0..3 {
        front.client().submit(submission(&start)).await.unwrap();
    }
    front.bench.started(execution).await;
    let request = ExecutorServiceGetRequest {
        execution: asked(execution),
    };
    let running = async || {
        let state = front.client().get(request.clone()).await.unwrap();
        state.into_inner().state.unwrap().phase() == ExecutionPhase::Running
    };
    wait_until(SOON, running).await;
    let logs = ExecutorServiceStreamLogsRequest {
        execution: asked(execution),
    };
    let logs = front.client().stream_logs(logs).await.unwrap();
    front.bench.touch(execution, "go");
    let chunks: Vec<_> = logs.into_inner().try_collect().await.unwrap();
    let text: Vec<u8> = chunks
        .into_iter()
        .flat_map(|chunk| chunk.chunk.unwrap().data)
        .collect();
    assert_eq!(String::from_utf8(text).unwrap(), "one\ntwo\n");
    let (end, _) = front.bench.finished(execution).await;
    assert_eq!(end, End::Exited { code: 0 });
    let claims = front
        .bench
        .conductor
        .count(|report| *report == Report::Claim(execution));
    assert_eq!(claims, 1);
    let gone = async || {
        let state = front.client().get(request.clone()).await;
        state.is_err_and(|status| status.code() == Code::NotFound)
    };
    wait_until(SOON, gone).await;
    front.executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_dispatched_is_refused() {
    let front = Front::new().await;
    front.bench.conductor.set(|policy| policy.refuse = true);
    let start = front.bench.sealed(shell("exit 0")).await;
    let refused = front.client().submit(submission(&start)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(!front.bench.folder(start.execution).exists());
    let mut another_secret = submission(&start);
    another_secret.spec_key = "keys.signing".to_owned();
    let mut another_pool = submission(&start);
    another_pool.pool = "gpu".to_owned();
    let mut nameless = submission(&start);
    nameless.execution = None;
    for (wrong, code) in [
        (another_secret, Code::InvalidArgument),
        (another_pool, Code::FailedPrecondition),
        (nameless, Code::InvalidArgument),
    ] {
        assert_eq!(front.client().submit(wrong).await.unwrap_err().code(), code);
    }
    let claims = front
        .bench
        .conductor
        .count(|report| matches!(report, Report::Claim(_)));
    assert_eq!(claims, 1);
    front.executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_what_is_here_and_nothing_else() {
    let front = Front::new().await;
    let execution = front.bench.shell("exec sleep 1000").await;
    front.bench.started(execution).await;
    let cancel = |execution| ExecutorServiceCancelRequest {
        execution: asked(execution),
    };
    let another = Execution {
        token: execution.token + 1,
        ..execution
    };
    let unknown = front.client().cancel(cancel(another)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let state = front.client().cancel(cancel(execution)).await.unwrap();
    assert!(state.into_inner().state.unwrap().cancel_requested);
    assert_eq!(front.bench.finished(execution).await.0, End::Canceled);
    front.executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_executor_takes_nothing_and_stops_when_it_is_done() {
    let front = Front::new().await;
    let execution = front
        .bench
        .shell("while ! [ -e go ]; do sleep 0.02; done; exit 3")
        .await;
    front.bench.started(execution).await;
    let drain = ExecutorServiceDrainRequest { then_stop: true };
    for _ in 0..2 {
        let answer = front.client().drain(drain).await.unwrap().into_inner();
        assert_eq!(answer.remaining, 1);
    }
    front
        .bench
        .conductor
        .report(|report| (*report == Report::Draining).then_some(()))
        .await;
    let ready = format!("http://{}/readyz", front.address);
    let answer = reqwest::get(ready).await.unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.text().await.unwrap().contains("draining"));
    let late = front.bench.sealed(shell("exit 0")).await;
    let refused = front.client().submit(submission(&late)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let queued = front.bench.shell("exit 0").await;
    front.bench.touch(execution, "go");
    let (end, _) = front.bench.finished(execution).await;
    assert_eq!(end, End::Exited { code: 3 });
    front.executor.ended().await;
    let claimed = |of: Execution| {
        front
            .bench
            .conductor
            .count(|report| *report == Report::Claim(of))
    };
    assert_eq!((claimed(late.execution), claimed(queued)), (0, 0));
    assert_eq!(
        front.bench.conductor.reports().last(),
        Some(&Report::Leaving)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_only_health_is_told() {
    let front = Front::new().await;
    let refused = front
        .client_as(without)
        .list(ExecutorServiceListRequest {})
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let drain = ExecutorServiceDrainRequest { then_stop: true };
    let refused = front.client_as(without).drain(drain).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let list = front.client().list(ExecutorServiceListRequest {}).await;
    assert!(!list.unwrap().into_inner().draining);
    for path in ["healthz", "readyz", "metrics"] {
        let answer = reqwest::get(format!("http://{}/{path}", front.address)).await;
        assert!(answer.unwrap().status().is_success(), "{path}");
    }
    let channel = Endpoint::from_shared(format!("http://{}", front.address)).unwrap();
    let health = tonic_health::pb::health_client::HealthClient::new(channel.connect_lazy());
    let serving = async || {
        let request = tonic_health::pb::HealthCheckRequest::default();
        let answer = health.clone().check(request).await;
        answer.is_ok_and(|answer| answer.into_inner().status == 1)
    };
    wait_until(SOON, serving).await;
    front.executor.stop().await;
}
