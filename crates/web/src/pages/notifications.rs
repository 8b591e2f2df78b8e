//! `/notifications`: what went out, how it ended and why.

use axum::{extract::State, response::Response};
use http::Uri;
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, UserId},
};
use opsknight_store::{
    db::{DbError, Tx},
    deliveries::{self, Attempt, Listed, LogFilter},
};

use super::{
    PageError, choices, log,
    records::select,
    rows::{channel_name, delivery_row},
    viewer::{Viewer, done, refused},
};
use crate::{
    api::{
        deliveries::{STATES, send_again},
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    state::AppState,
    views::{AttemptRow, Badge, Choice, Link, NotificationPage, Notifications, Section, Tone},
};

/// The word for messages to webhooks, where those to people have their channel.
const WEBHOOK: &str = "WEBHOOK";

/// `GET /notifications`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = log::asked::<DeliveryId>(&uri, &viewer);
    let user = asked.id::<UserId>("user");
    let outcome = asked.word("outcome", &STATES);
    let channels = Channel::ALL.map(Channel::word);
    let channel = asked.word("channel", &[channels.as_slice(), &[WEBHOOK]].concat());
    asked.check()?;
    let filter = LogFilter {
        user,
        channel: channel.map(str::to_owned),
        state: outcome.map(str::to_owned),
        after: asked.after,
        before: asked.before,
        q: asked.q.clone(),
        edge: asked.edge.clone(),
        limit: log::LEAF_ROWS,
    };
    let unit = async move |tx: &mut Tx<'_>| deliveries::log(tx, &filter).await;
    let leaf = state.store.db.read(unit).await?;
    let names = ["Waiting", "Sending", "Sent", "Failed", "Called off"];
    let states = STATES
        .into_iter()
        .zip(names)
        .map(|(word, name)| Choice::new(word, name));
    let by = channels.into_iter().chain([WEBHOOK]);
    let by = by.map(|word| Choice::new(word, channel_name(word)));
    let people = choices::people(viewer.directory());
    let page = Notifications {
        shell: viewer.shell("Notifications log", Section::Notifications),
        filtered: user.is_some() || outcome.is_some() || channel.is_some() || asked.is_filtered(),
        outcome: select("outcome", outcome.map(str::to_owned), "Any", states.collect()),
        channel: select("channel", channel.map(str::to_owned), "Any", by.collect()),
        user: select("user", user.map(|id| id.to_string()), "Anybody", people),
        filters: asked.filters(),
        pager: log::pager(&uri, &leaf, |row| row.id.to_string()),
        deliveries: leaf.rows.into_iter().map(|row| delivery_row(&viewer, row)).collect(),
    };
    viewer.page(&page)
}

/// `GET /notifications/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Delivery>,
) -> Result<Response, PageError> {
    let unit = async move |tx: &mut Tx<'_>| {
        let found = deliveries::get(tx, id).await?;
        let attempts = deliveries::attempts(tx, &[id]).await?;
        Ok::<_, DbError>((found, attempts.into_iter().flatten().collect::<Vec<_>>()))
    };
    let (found, attempts) = state.store.db.read(unit).await?;
    let row = found.ok_or_else(|| ApiError::not_found("notification"))?;
    viewer.page(&page(&viewer, row, attempts))
}

fn page(viewer: &Viewer, row: Listed, attempts: Vec<Attempt>) -> NotificationPage {
    let shell = viewer.shell("Notification", Section::Notifications);
    let is_webhook = row.purpose == WEBHOOK;
    let may = if is_webhook {
        shell.can_admin()
    } else {
        shell.can_respond()
    };
    let again = may && row.state == "FAILED" && crate::api::deliveries::can_be_sent_again(&row.purpose);
    let receiver = match (row.user, row.webhook) {
        (Some(id), _) => format!("/users/{id}"),
        (None, Some(id)) if shell.can_admin() => format!("/settings/webhooks/{id}"),
        (None, _) => String::new(),
    };
    let incident = row.incident.map(|id| {
        let (number, title) = (
            row.incident_number.unwrap_or_default(),
            row.incident_title.clone().unwrap_or_default(),
        );
        Link::new(format!("/incidents/{id}"), format!("#{number} {title}"))
    });
    NotificationPage {
        shell,
        reason: row.reason.clone(),
        event: row.happening.clone().unwrap_or_default(),
        created: viewer.times(row.created_at),
        due: viewer.times(row.due_at),
        finished: row.finished_at.map(|at| viewer.times(at)),
        delivered: row.delivered_at.map(|at| viewer.times(at)),
        provider: row.provider.clone().unwrap_or_default(),
        provider_id: row.provider_id.clone().unwrap_or_default(),
        sent_with: row
            .bundle
            .map(|id| Link::new(format!("/notifications/{id}"), "another message")),
        attempts: attempts
            .into_iter()
            .map(|attempt| attempt_row(viewer, attempt))
            .collect(),
        again: again.then(|| format!("/notifications/{}/retry", row.id)),
        receiver: Link::new(receiver, ""),
        incident,
        delivery: delivery_row(viewer, row),
    }
}

fn attempt_row(viewer: &Viewer, attempt: Attempt) -> AttemptRow {
    let outcome = match attempt.outcome.as_str() {
        "ACCEPTED" => Badge::new(Tone::Good, "Taken"),
        "RETRY" => Badge::new(Tone::Waiting, "To be tried again"),
        "REFUSED" => Badge::new(Tone::Bad, "Refused"),
        "MISCONFIGURED" => Badge::new(Tone::Bad, "Wrong settings"),
        _ => Badge::new(Tone::Waiting, "Not known"),
    };
    let took = attempt.ended_at.duration_since(attempt.started_at).as_millis();
    AttemptRow {
        n: attempt.n,
        provider: attempt.provider,
        outcome,
        words: attempt.detail,
        started: viewer.times(attempt.started_at),
        took: format!("{took} ms"),
    }
}

/// `POST /notifications/{id}/retry`
pub(super) async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Delivery>,
) -> Result<Response, PageError> {
    let path = format!("/notifications/{id}");
    match send_again(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done(&path, "It is sent again.")),
        Err(error) => refused(&path, error),
    }
}
