use bytes::Bytes;
use prost::Message;
use reqwest::{Client, Response, header::HeaderMap};

/// What a browser does: HTTP and gRPC-web.
#[derive(Clone)]
pub struct Web {
    client: Client,
    base: String,
}

impl Web {
    pub fn new(base: String, headers: HeaderMap) -> Self {
        let client = Client::builder()
            .default_headers(headers)
            .no_proxy()
            .build()
            .unwrap();
        Self { client, base }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
    }

    pub async fn get_with(&self, path: &str, header: (&str, &str)) -> Response {
        let request = self
            .client
            .get(format!("{}{path}", self.base))
            .header(header.0, header.1);
        request.send().await.unwrap()
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: String) -> Response {
        let mut request = self.client.post(format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub async fn login(&self, code: &str) -> Response {
        let body = serde_json::json!({ "code": code }).to_string();
        self.post(
            "/api/v1/login",
            &[("content-type", "application/json")],
            body,
        )
        .await
    }

    /// A gRPC-web call; the answer streams.
    pub async fn call(&self, method: &str, request: &impl Message) -> Response {
        self.call_raw(method, &request.encode_to_vec(), &[]).await
    }

    pub async fn call_raw(
        &self,
        method: &str,
        message: &[u8],
        headers: &[(&str, &str)],
    ) -> Response {
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend(message);
        let mut request = self
            .client
            .post(format!("{}/{method}", self.base))
            .header("content-type", "application/grpc-web+proto")
            .header("x-grpc-web", "1")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

/// The messages and the trailers in the body of a gRPC-web answer.
pub fn frames(mut body: Bytes) -> (Vec<Bytes>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while body.len() >= 5 {
        let flag = body[0];
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        let frame = body.slice(5..5 + length);
        body = body.slice(5 + length..);
        if flag & 0x80 == 0 {
            messages.push(frame);
        } else {
            trailers = String::from_utf8(frame.to_vec()).unwrap();
        }
    }
    (messages, trailers)
}
