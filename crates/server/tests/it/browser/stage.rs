//! What is around a journey: the program on an embedded database, a mail server, and a browser.

use std::path::Path;

use serde_json::{Value, json};

use super::window::{Size, Window};
use crate::{
    both::Place, certificates::Certificates, mail_server::MailServer, peers::word, process::Server,
};

/// A running program with a mail server, and nobody in it yet.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) mail: MailServer,
    _certificates: Certificates,
}

impl Stage {
    pub(super) async fn set(place: &Place) -> Self {
        let certificates = Certificates::new();
        let mail = MailServer::start(&certificates).await;
        let (port, authority) = (mail.port.to_string(), certificates.authority());
        let variables = mail.variables(&port, word(Path::new(&authority)));
        let server = Server::start(place, &variables).await;
        Self { server, mail, _certificates: certificates }
    }

    pub(super) async fn window(&self, size: Size) -> Window {
        Window::open(&self.server.url, size).await
    }
}

/// What Alertmanager sends for one alert (its webhook payload, version 4).
pub(super) fn alertmanager(status: &str, name: &str, summary: &str) -> Value {
    let ended = if status == "resolved" { "2026-06-01T12:10:00Z" } else { "0001-01-01T00:00:00Z" };
    let labels = json!({ "alertname": name, "severity": "critical", "instance": "web-01" });
    let annotations = json!({ "summary": summary });
    json!({
        "version": "4", "groupKey": format!("{{}}:{{alertname=\"{name}\"}}"), "truncatedAlerts": 0, "status": status,
        "receiver": "opsknight", "groupLabels": { "alertname": name }, "commonLabels": labels,
        "commonAnnotations": annotations, "externalURL": "http://alertmanager.example.com:9093",
        "alerts": [{
            "status": status, "labels": labels, "annotations": annotations, "startsAt": "2026-06-01T12:00:00Z",
            "endsAt": ended, "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=up",
            "fingerprint": "6ccd1a9d2f1cbd02",
        }],
    })
}
