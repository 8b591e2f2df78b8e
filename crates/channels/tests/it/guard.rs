//! The guard in the way of real calls.

use opsknight_channels::{DeliveryError, Endpoint, Hook as _, tls::Roots, webhook::Webhooks};

use crate::{
    samples::{now, page},
    web_server::{WebServer, answer},
};

async fn try_url(url: String, allow_private: bool) -> Result<String, DeliveryError> {
    let hooks = Webhooks::new(allow_private, &Roots::of(Vec::new())).unwrap();
    let endpoint = Endpoint {
        url,
        secret: None,
        channel: None,
    };
    hooks
        .post(&endpoint, &page(), now())
        .await
        .map(|receipt| receipt.answer)
}

#[tokio::test]
async fn a_private_target_is_never_connected_to() {
    let server = WebServer::start(|| answer(200, &[], "in")).await;
    let by_name = server.url.replace("127.0.0.1", "localhost");
    for url in [server.url.clone(), by_name, server.url.replace("127.0.0.1", "0x7f.1")] {
        match try_url(url, false).await {
            Err(DeliveryError::Misconfigured { field: "url", why }) => {
                assert!(why.contains("OPSKNIGHT_ALLOW_PRIVATE_TARGETS"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn private_targets_are_reached_where_they_are_allowed() {
    let server = WebServer::start(|| answer(200, &[], "in")).await;
    assert_eq!(try_url(server.url.clone(), true).await.unwrap(), "200 OK: in");
    let by_name = server.url.replace("127.0.0.1", "localhost");
    assert_eq!(try_url(by_name, true).await.unwrap(), "200 OK: in");
}
