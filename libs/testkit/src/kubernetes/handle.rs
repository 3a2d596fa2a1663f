//! Starting and stopping the fake cluster.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{cluster::Cluster, controllers, kubelet, rights::Right, serve, tls};

/// How the fake cluster is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What its one user may do; `None`: everything.
    pub rights: Option<Vec<Right>>,
}

/// A fake cluster on a free loopback port. It, its containers and its folder are gone when this
/// value is dropped.
pub struct Kubernetes {
    pub(crate) cluster: Arc<Cluster>,
    address: SocketAddr,
    ca: String,
    kubeconfig: PathBuf,
    // Last: the folder goes after everything else.
    _folder: TempDir,
}

impl Kubernetes {
    /// A cluster with two nodes and the namespaces `default` and `kube-system`, whose user may do
    /// everything.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// # Panics
    /// When there is no port or no temporary folder.
    pub async fn with(options: Options) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fake-kubernetes-")
            .tempdir()
            .expect("a temporary folder");
        let tls = tls::generate();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let cluster = Arc::new(Cluster::new(folder.path(), options.rights));
        tokio::spawn(serve::run(Arc::clone(&cluster), listener, tls.acceptor));
        tokio::spawn(controllers::run(Arc::clone(&cluster)));
        let kubeconfig = folder.path().join("kubeconfig");
        write_kubeconfig(&kubeconfig, address, &tls.ca, &cluster.token);
        Self {
            cluster,
            address,
            ca: tls.ca,
            kubeconfig,
            _folder: folder,
        }
    }

    /// A kubeconfig file with the authority's certificate and a bearer token.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// `https://127.0.0.1:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The bearer token of its user.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.cluster.token
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.cluster.stop.cancel();
        for pid in self.cluster.lock().kubelets.pids() {
            kubelet::kill_all(pid);
        }
    }
}

fn write_kubeconfig(path: &Path, address: SocketAddr, ca: &str, token: &str) {
    use std::io::Write as _;
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": format!("https://{address}"), "certificate-authority-data": STANDARD.encode(ca)}}],
        "users": [{"name": "fake", "user": {"token": token}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "default"}}],
    });
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let mut file = file.expect("a new file");
    file.write_all(config.to_string().as_bytes())
        .expect("room for the kubeconfig");
}
