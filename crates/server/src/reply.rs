//! What comes back by the media that messages go out by: buttons, texts and keys by which people answer, and what
//! providers report of messages and of addresses.
//!
//! Each call is checked for whom it is from before anything of it is believed. What people want is done by the same
//! actions as on pages, under the same rules; this module decides nothing about incidents. How a vendor's calls look
//! and are signed is `channels`' to know.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use opsknight_channels::DeliveryError;
use opsknight_store::{Store, db::DbError, directory::Picture};
use opsknight_web::state::AppState;
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::{
    engine::{
        deliver::{self, Report},
        outbox::Outbox,
    },
    receive::{Denied, Door},
};

mod mail;
mod slack;
mod telegram;
mod twilio;
mod whatsapp;
mod who;

/// Longest body of such a call, in bytes: batches of mail events are the longest.
const BODY_BYTES_MAX: usize = 2 << 20;
/// The source of a call in the memory of those that were heard.
type Source = &'static str;

/// What the handlers work with.
pub struct Desk {
    state: AppState,
    outbox: Arc<Outbox>,
    /// Checks signatures of Amazon SNS.
    door: Arc<Door>,
    /// Answers that are given after the call was answered: they are waited for when the program ends.
    tasks: TaskTracker,
}

impl Desk {
    /// A desk for this program.
    #[must_use]
    pub fn new(state: AppState, outbox: Arc<Outbox>, door: Arc<Door>) -> Self {
        Self {
            state,
            outbox,
            door,
            tasks: TaskTracker::new(),
        }
    }

    /// Waits for the answers that are still being given.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn store(&self) -> &Store {
        &self.state.store
    }

    fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    async fn picture(&self) -> Result<Arc<Picture>, Refused> {
        let (pictures, now) = (self.store().pictures.clone(), self.now());
        let unit = async move |tx: &mut opsknight_store::db::Tx<'_>| pictures.current(tx, now).await;
        Ok(self.store().db.read(unit).await.map_err(unavailable)?)
    }

    /// Takes in what a provider reports.
    async fn report(&self, reports: Vec<Report>) -> Result<usize, Refused> {
        let taken = deliver::report(self.store(), &self.state.clock, reports).await;
        Ok(taken.map_err(unavailable)?)
    }

    /// Whether a call was worked on before. For what is safe to be done twice: it is remembered only once it was done, so
    /// that nothing is lost that fails on the way and is sent again.
    async fn was_heard(&self, source: Source, id: &str) -> Result<bool, Refused> {
        let id = id.to_owned();
        let unit =
            async move |tx: &mut opsknight_store::db::Tx<'_>| opsknight_store::heard::before(tx, source, &id).await;
        Ok(self.store().db.read(unit).await.map_err(unavailable)?)
    }

    /// Whether a call comes for the first time.
    async fn is_first(&self, source: Source, id: &str) -> Result<bool, Refused> {
        let (id, now) = (id.to_owned(), self.now());
        let unit =
            async move |tx: &mut opsknight_store::db::Tx<'_>| opsknight_store::heard::first(tx, source, &id, now).await;
        Ok(self.store().db.write(unit).await.map_err(unavailable)?)
    }
}

/// A call that is not taken.
#[derive(Debug)]
struct Refused(Denied);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.respond()
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self(denied)
    }
}

fn unavailable(error: DbError) -> Denied {
    tracing::error!(error = %error, "what came back cannot be stored");
    Denied::Unavailable("it cannot be stored now".into())
}

/// Credentials could not be read: whoever calls is to come back.
fn unready(error: &DeliveryError) -> Denied {
    tracing::error!(error = %error, "whether a call is authentic cannot be told");
    Denied::Unavailable("whether this is authentic cannot be told now".into())
}

fn invalid(why: impl Into<String>) -> Denied {
    Denied::Invalid {
        field: "body".into(),
        message: why.into(),
        errors: Vec::new(),
    }
}

/// A header as text; empty where there is none.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// XML of Twilio's.
fn twiml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response()
}

/// Taken, with nothing to say.
fn taken() -> Response {
    (StatusCode::OK, axum::Json(json!({ "status": "ok" }))).into_response()
}

/// The routes.
pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/api/slack/actions", post(slack::actions))
        .route("/api/slack/commands", post(slack::commands))
        .route("/api/slack/events", post(slack::events))
        .route("/api/twilio/sms", post(twilio::message))
        .route("/api/twilio/status", post(twilio::status))
        .route("/api/twilio/voice", post(twilio::voice))
        .route("/api/twilio/call-status", post(twilio::call_status))
        .route("/api/whatsapp/webhook", get(whatsapp::handshake).post(whatsapp::take))
        .route("/api/telegram/{webhook}", post(telegram::take))
        .route("/api/email/sendgrid", post(mail::sendgrid))
        .route("/api/email/resend", post(mail::resend))
        .route("/api/email/ses", post(mail::ses))
        .method_not_allowed_fallback(async || {
            Denied::Method {
                allow: "POST".to_owned(),
            }
            .respond()
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

/// The path and query of a request, as whoever signed its address had it.
fn path_and_query(request: &Request) -> String {
    request
        .uri()
        .path_and_query()
        .map_or_else(String::new, |path| path.as_str().to_owned())
}

/// The whole body, within its limit.
async fn body(request: Request) -> Result<Bytes, Refused> {
    Ok(Door::read(request.into_body(), BODY_BYTES_MAX).await?)
}

/// The fields of a form.
fn form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}
