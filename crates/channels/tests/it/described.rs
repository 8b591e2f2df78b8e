//! Requests held against what their vendor has published: Prism, the validator of OpenAPI descriptions, says whether a
//! request is what the description asks for.
//!
//! The descriptions are the vendors' and not part of this repository; where their folder is not found beside it,
//! nothing is held against them.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

use crate::web_server::Request;

/// A description, served by Prism.
pub(crate) struct Description {
    base: String,
    _prism: Child,
}

/// The file of a description, where the folder is found.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vendor-apis");
    folder.is_dir().then(|| folder.join(name))
}

impl Description {
    /// Serves the description in this file; none where the folder is not found.
    pub(crate) async fn of(name: &str) -> Option<Self> {
        let file = file(name)?;
        let variable =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by `cargo xtask test`"));
        let peers = PathBuf::from(variable("OPSKNIGHT_TEST_NODE_PEERS"));
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut prism = Command::new(variable("OPSKNIGHT_TEST_NODE"))
            .arg(peers.join("node_modules/@stoplight/prism-cli/dist/index.js"))
            .args(["mock", "-h", "127.0.0.1", "-p", &port, "--errors"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(prism.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("Prism is listening") {
                // What it says of each request is not needed, and must not fill its pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Some(Self {
                    base: format!("http://127.0.0.1:{port}"),
                    _prism: prism,
                });
            }
        }
        panic!("Prism cannot serve {name}");
    }

    /// Whether the description lets this request be made, and if not, why.
    pub(crate) async fn judge(&self, request: &Request) -> Result<(), String> {
        self.judge_changed(request, request.bytes.to_vec()).await
    }

    /// The same with another body.
    pub(crate) async fn judge_changed(&self, request: &Request, body: Vec<u8>) -> Result<(), String> {
        let mut call = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(client_config())
            .build()
            .unwrap()
            .request(request.method.clone(), format!("{}{}", self.base, request.uri));
        for name in ["authorization", "content-type"] {
            if let Some(value) = request.header(name) {
                call = call.header(name, value);
            }
        }
        let answer = call.body(body).send().await.unwrap();
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(format!("{status}: {}", answer.text().await.unwrap()))
    }
}

/// No encrypted line is opened, but the client asks for one to be set up.
fn client_config() -> rustls::ClientConfig {
    let provider = rustls::crypto::ring::default_provider();
    rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
