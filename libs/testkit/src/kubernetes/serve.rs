//! The server: connections, authentication, dispatch.

use std::{collections::BTreeMap, convert::Infallible, io, sync::Arc};

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    cluster::Cluster,
    discovery,
    faults::Fate,
    kubelet, log_request,
    refusal::Refusal,
    request::{self, Request, Target},
    rights::{self, Need},
    watching::{Piece, Watch},
};

type Body = UnsyncBoxBody<Bytes, io::Error>;
type Answer = Response<Body>;

const PIECES: usize = 64;

/// Accepts connections until the cluster stops.
pub(crate) async fn run(cluster: Arc<Cluster>, listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let accepted = tokio::select! {
            () = cluster.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            continue;
        };
        let (cluster, acceptor) = (Arc::clone(&cluster), acceptor.clone());
        tokio::spawn(async move {
            let stop = cluster.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(cluster, stream, acceptor) => {}
            }
        });
    }
}

async fn connection(cluster: Arc<Cluster>, stream: tokio::net::TcpStream, acceptor: TlsAcceptor) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| answer(Arc::clone(&cluster), request));
    let builder = Builder::new(TokioExecutor::new());
    // Clients come and go as they like.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An error drops the connection.
async fn answer(cluster: Arc<Cluster>, incoming: http::Request<Incoming>) -> io::Result<Answer> {
    let (parts, body) = incoming.into_parts();
    let body = body
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes()
        .to_vec();
    let query = parts.uri.query().unwrap_or_default();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        body,
    };
    let fate = cluster.lock().steering.faults.fate();
    match fate {
        Fate::Dropped => return Err(io::ErrorKind::ConnectionReset.into()),
        Fate::Refused(refusal) => return Ok(refused(&refusal)),
        Fate::Slow(time) => tokio::time::sleep(time).await,
        Fate::AnswerLost | Fate::Served => {}
    }
    let done = dispatch(&cluster, &request).unwrap_or_else(|refusal| refused(&refusal));
    if matches!(fate, Fate::AnswerLost) {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok(done)
}

fn dispatch(cluster: &Arc<Cluster>, request: &Request) -> Result<Answer, Refusal> {
    if ["/readyz", "/livez", "/healthz"].contains(&request.path.as_str()) {
        return Ok(plain(
            StatusCode::OK,
            "text/plain",
            Full::new(Bytes::from_static(b"ok")),
        ));
    }
    let token = request
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if token.and_then(|value| value.strip_prefix("Bearer ")) != Some(cluster.token.as_str()) {
        return Err(Refusal::unauthorized());
    }
    if let Some(found) = discovery::answer(&request.path) {
        return Ok(json_answer(StatusCode::OK, &found));
    }
    if request.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        && request.method == Method::POST
    {
        let asked = request.json()?;
        let review = rights::review(asked, cluster.lock().steering.rights.as_deref());
        return Ok(json_answer(StatusCode::CREATED, &review));
    }
    let target = request::target(&request.path).ok_or_else(Refusal::path_not_found)?;
    let verb = verb(&target, request).ok_or_else(Refusal::method)?;
    authorize(cluster, &target, verb)?;
    match (target.subresource.as_deref(), verb) {
        (None, _) => {}
        (Some("log"), "get") if target.kind == super::kind::Kind::Pod => {
            return log(cluster, &target, request);
        }
        (Some("status"), "get" | "update" | "patch") if target.kind.info().has_status => {}
        _ => return Err(Refusal::path_not_found()),
    }
    perform(cluster, target, request, verb)
}

fn perform(
    cluster: &Arc<Cluster>,
    target: Target,
    request: &Request,
    verb: &str,
) -> Result<Answer, Refusal> {
    if verb == "watch" {
        let watch = Watch::open(cluster, target, request)?;
        let cluster = Arc::clone(cluster);
        return Ok(streamed("application/json", |out| {
            tokio::spawn(watch.run(cluster, out))
        }));
    }
    let mut state = cluster.lock();
    let mut warning = None;
    let (code, value) = match verb {
        "get" => (
            StatusCode::OK,
            Value::clone(&*state.read(&target, request)?),
        ),
        "list" => (StatusCode::OK, state.page(&target, request)?),
        "create" => (
            StatusCode::CREATED,
            Value::clone(&*state.create(&target, request)?),
        ),
        "update" => (
            StatusCode::OK,
            Value::clone(&*state.update(&target, request)?),
        ),
        "patch" => {
            let name = target.name.as_deref().unwrap_or_default();
            let known = state.get(target.kind, &target.namespace, name).is_some();
            let code = if known {
                StatusCode::OK
            } else {
                StatusCode::CREATED
            };
            (code, Value::clone(&*state.patch(&target, request)?))
        }
        "delete" => {
            let job = target.kind == super::kind::Kind::Job;
            let policy = String::from_utf8_lossy(&request.body).contains("ropagationPolicy")
                || !request.param("propagationPolicy").is_empty();
            warning = (job && !policy).then_some("299 - \"child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning\"");
            (StatusCode::OK, state.delete(&target, request)?)
        }
        _ => (StatusCode::OK, state.delete_collection(&target, request)?),
    };
    drop(state);
    let mut answer = json_answer(code, &value);
    if let Some(warning) = warning {
        answer
            .headers_mut()
            .insert(header::WARNING, header::HeaderValue::from_static(warning));
    }
    Ok(answer)
}

fn verb(target: &Target, request: &Request) -> Option<&'static str> {
    let named = target.name.is_some();
    Some(match request.method {
        Method::GET if request.flag("watch") && target.subresource.is_none() => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST
            if !named && (!target.kind.info().namespaced || !target.namespace.is_empty()) =>
        {
            "create"
        }
        Method::PUT if named => "update",
        Method::PATCH if named => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE if !target.namespace.is_empty() => "deletecollection",
        _ => return None,
    })
}

fn authorize(cluster: &Cluster, target: &Target, verb: &str) -> Result<(), Refusal> {
    let mut need = Need::of(target, verb);
    if target.kind == super::kind::Kind::Namespace {
        need.namespace = target.name.clone().unwrap_or_default();
    }
    let steering = &mut cluster.lock().steering;
    let covered = need.is_covered(steering.rights.as_deref());
    steering.needed.insert(need.clone());
    if covered {
        Ok(())
    } else {
        Err(need.refusal(target))
    }
}

fn log(cluster: &Arc<Cluster>, target: &Target, request: &Request) -> Result<Answer, Refusal> {
    let (log, options) = log_request::find(&cluster.lock(), target, request)?;
    Ok(streamed("text/plain", |out| {
        tokio::spawn(kubelet::serve(log, options, out))
    }))
}

fn streamed<T>(kind: &'static str, start: impl FnOnce(mpsc::Sender<Piece>) -> T) -> Answer {
    let (out, pieces) = mpsc::channel(PIECES);
    start(out);
    let frames = ReceiverStream::new(pieces).map(|piece| piece.map(Frame::data));
    let mut answer = Response::new(StreamBody::new(frames).boxed_unsync());
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

fn json_answer(code: StatusCode, value: &Value) -> Answer {
    plain(
        code,
        "application/json",
        Full::new(Bytes::from(value.to_string())),
    )
}

fn plain(code: StatusCode, kind: &'static str, body: Full<Bytes>) -> Answer {
    let mut answer = Response::new(
        body.map_err(|never: Infallible| match never {})
            .boxed_unsync(),
    );
    *answer.status_mut() = code;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

fn refused(refusal: &Refusal) -> Answer {
    let code = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json_answer(code, &refusal.status());
    if let Some(seconds) = refusal.retry_after {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}
