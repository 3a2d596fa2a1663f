//! Everything that anybody publishes on a broker, heard without its client library.

use std::collections::BTreeSet;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

const MARKER: &str = "end.of.the.test";

/// A subscription to everything.
pub(crate) struct Wire {
    reading: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
}

impl Wire {
    /// Hears everything from now on. `url` is `nats://user:password@host:port`.
    pub(crate) async fn tap(url: &str) -> Self {
        let rest = url.strip_prefix("nats://").unwrap();
        let (login, address) = rest.split_once('@').unwrap();
        let (user, pass) = login.split_once(':').unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (reading, mut writing) = stream.into_split();
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"user\":\"{user}\",\"pass\":\"{pass}\"}}\r\n\
             SUB > 1\r\nPING\r\n"
        );
        writing.write_all(hello.as_bytes()).await.unwrap();
        let mut wire = Self {
            reading: BufReader::new(reading),
            writing,
        };
        while wire.line().await != "PONG" {}
        wire
    }

    /// The subjects that somebody published on so far. What a stream delivers to a consumer is no
    /// publish: it is heard with the subject it was stored under and asks for an acknowledgement.
    pub(crate) async fn until_marker(mut self) -> BTreeSet<String> {
        let marker = format!("PUB {MARKER} 0\r\n\r\n");
        self.writing.write_all(marker.as_bytes()).await.unwrap();
        let mut heard = BTreeSet::new();
        loop {
            let line = self.line().await;
            let mut words = line.split(' ');
            match words.next() {
                Some("MSG" | "HMSG") => {}
                Some("PING") => {
                    self.writing.write_all(b"PONG\r\n").await.unwrap();
                    continue;
                }
                _ => continue,
            }
            let subject = words.next().unwrap().to_owned();
            let delivered = words.clone().any(|word| word.starts_with("$JS.ACK."));
            let size: usize = words.next_back().unwrap().parse().unwrap();
            let mut payload = vec![0; size + 2];
            self.reading.read_exact(&mut payload).await.unwrap();
            if subject == MARKER {
                return heard;
            }
            if !delivered {
                heard.insert(subject);
            }
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.reading.read_line(&mut line).await.unwrap();
        assert!(read > 0, "the broker hung up");
        line.trim_end().to_owned()
    }
}
