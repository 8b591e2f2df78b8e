//! `/notifications`, `/audit`: what went out, who changed what. What came in is in `events`.

use axum::{extract::State, response::Response};
use http::Uri;
use opsknight_domain::id::{AuditId, DeliveryId, UserId};
use opsknight_store::{
    audit::{self, AuditFilter, AuditRow as StoredLine},
    db::Tx,
    deliveries,
    listing::{Edge, Part},
};
use serde_json::Value;

use super::{
    PageError, choices,
    rows::{delivery_row, shorten, steps},
    viewer::Viewer,
};
use crate::{
    api::{
        deliveries::STATES,
        error::Problems,
        extract::Params,
        page::LIMIT_DEFAULT,
        wire::{Id, Identity},
    },
    state::AppState,
    views::{Audit, AuditRow, Choice, Field, Link, Notifications, Section, Select},
};

/// The parameters of a log, and what is wrong with them.
pub(super) struct Asked {
    pub(super) params: Params,
    pub(super) problems: Problems,
    /// From where the log is read.
    pub(super) edge: Edge,
}

/// Reads them; rows are named by identities of the kind `T`.
pub(super) fn asked<T: Identity>(uri: &Uri) -> Asked {
    let mut problems = Problems::default();
    let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    let mut place = |name: &str| params.one::<Id<T>>(name, &mut problems).map(|id| id.0.to_string());
    let edge = match (place("after"), place("before")) {
        (Some(id), _) => Edge::After(id),
        (None, Some(id)) => Edge::Before(id),
        (None, None) => Edge::Start,
    };
    Asked { params, problems, edge }
}

impl Asked {
    pub(super) fn id<T: Identity>(&mut self, name: &str) -> Option<T> {
        self.params.one::<Id<T>>(name, &mut self.problems).map(|id| id.0)
    }
}

pub(super) fn select(name: &str, value: Option<String>, none: &str, options: Vec<Choice>) -> Select {
    let field = Field::new(name).with(value.unwrap_or_default());
    Select::new(field, choices::or_none(none, options))
}

/// `GET /notifications`
pub(super) async fn notifications(
    State(state): State<AppState>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response, PageError> {
    let mut asked = asked::<DeliveryId>(&uri);
    let user = asked.id::<UserId>("user");
    let outcome = asked
        .params
        .text("outcome")
        .filter(|word| STATES.contains(&word.as_str()));
    asked.problems.check()?;
    let edge = asked.edge;
    let filter = deliveries::Filter {
        user,
        state: outcome.clone(),
        limit: LIMIT_DEFAULT,
        ..deliveries::Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| deliveries::page(tx, &filter, &edge).await;
    let window = state.store.db.read(unit).await?;
    let pager = steps(&uri, &window);
    let names = ["Waiting", "Sending", "Sent", "Failed", "Called off"];
    let states = STATES
        .into_iter()
        .zip(names)
        .map(|(word, name)| Choice::new(word, name));
    let people = choices::people(viewer.directory());
    let page = Notifications {
        shell: viewer.shell("Notifications log", Section::Notifications),
        filtered: user.is_some() || outcome.is_some(),
        outcome: select("outcome", outcome, "Any", states.collect()),
        user: select("user", user.map(|id| id.to_string()), "Anybody", people),
        deliveries: window.rows.into_iter().map(|row| delivery_row(&viewer, row)).collect(),
        pager,
    };
    viewer.page(&page)
}

/// `GET /audit`
pub(super) async fn audit(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut asked = asked::<AuditId>(&uri);
    let actor = asked.id::<UserId>("actor");
    asked.problems.check()?;
    let edge = asked.edge;
    let actor_id = actor.map(|id| id.to_string());
    let wanted = actor_id.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let part = Part {
            limit: LIMIT_DEFAULT,
            offset: 0,
            q: None,
        };
        let filter = AuditFilter {
            actor_id: wanted.as_deref(),
            ..AuditFilter::all(part)
        };
        audit::page(tx, &filter, &edge).await
    };
    let window = state.store.db.read(unit).await?;
    let pager = steps(&uri, &window);
    let page = Audit {
        shell: viewer.shell("Audit log", Section::Audit),
        filtered: actor.is_some(),
        actor: select("actor", actor_id, "Anybody", choices::people(viewer.directory())),
        rows: window.rows.into_iter().map(|row| audit_row(&viewer, row)).collect(),
        pager,
    };
    viewer.page(&page)
}

fn audit_row(viewer: &Viewer, line: StoredLine) -> AuditRow {
    let verb = line.action.rsplit('.').next().unwrap_or_default().replace('_', " ");
    let kind = line.object_kind.replace('_', " ");
    let folder = match line.object_kind.as_str() {
        "user" => Some("users"),
        "team" => Some("teams"),
        "service" => Some("services"),
        "schedule" => Some("schedules"),
        "event" => Some("events"),
        "webhook" => Some("settings/webhooks"),
        "policy" | "escalation_policy" => Some("policies"),
        _ => None,
    };
    let text = |value: &Value| match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => shorten(text),
        other => shorten(&other.to_string()),
    };
    let changes = line.changes.as_object().into_iter().flatten();
    AuditRow {
        id: line.id.to_string(),
        at: viewer.times(line.at),
        actor: line.actor_name,
        address: line.ip.unwrap_or_default(),
        what: format!("{verb} the {kind}"),
        target: Link::new(
            folder
                .map(|folder| format!("/{folder}/{}", line.object_id))
                .unwrap_or_default(),
            line.object_name,
        ),
        changes: changes
            .map(|(name, change)| (name.clone(), text(&change["from"]), text(&change["to"])))
            .collect(),
    }
}
