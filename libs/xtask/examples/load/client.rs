//! One connection that is kept.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Failure, options::Options, payload::Signed};

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    path: String,
}

impl Client {
    pub(crate) async fn connect(options: &Options) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&options.host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Whoever waits for an answer hears of it.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            host: options.host.clone(),
            path: options.path.clone(),
        })
    }

    /// Posts one webhook and reads the answer to its end; anything but success is an error.
    pub(crate) async fn post(&mut self, delivery: &str, signed: &Signed) -> Result<(), Failure> {
        let request = Request::post(&self.path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/bench")
            .header("x-github-event", "issues")
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", &signed.signature)
            .body(Full::new(signed.body.clone()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        if status.is_success() {
            return Ok(());
        }
        Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into())
    }
}
