//! TLS before a server that speaks plain HTTP, as a reverse proxy would be, for clients that insist on `https`.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificates;

/// A running front; it ends with this value.
pub(crate) struct TlsFront {
    pub(crate) url: String,
    _tasks: JoinSet<()>,
}

impl TlsFront {
    /// Passes everything on to the server at `url`.
    pub(crate) async fn start(certificates: &Certificates, url: &str) -> Self {
        let chain = CertificateDer::pem_file_iter(certificates.certificate())
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        let key = PrivateKeyDer::from_pem_file(certificates.key()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = url
            .strip_prefix("http://")
            .expect("the server speaks plain HTTP")
            .to_owned();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                lines.spawn(async move {
                    let mut server = TcpStream::connect(behind).await.unwrap();
                    if let Ok(mut client) = acceptor.accept(stream).await {
                        // Either side may hang up at any time.
                        drop(copy_bidirectional(&mut client, &mut server).await);
                    }
                });
            }
        });
        Self {
            url: format!("https://localhost:{port}"),
            _tasks: tasks,
        }
    }
}
