//! `/services/{id}/settings`.

use axum::{extract::State, response::Response};
use opsknight_domain::{event::Severity, id::ServiceId, incident::Happening};
use opsknight_store::{
    db::Tx,
    incidents::{self, Filter},
    services::ServiceRow as Stored,
};
use serde_json::{Value, json};

use super::head;
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::{Path, from_value},
        services as actions,
        settings::workspaces,
        wire::{Id, ids},
    },
    pages::{
        PageError, choices,
        form::{Form, Wrong},
        meanwhile::Editing,
        settings::rooms,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Checks, Choice, RoomField, Section, ServiceHead, ServiceSettings},
};

/// The names of fields as the API knows them, and as the form does.
const NAMES: [(&str, &str); 15] = [
    ("teamId", "team_id"),
    ("escalationPolicyId", "policy_id"),
    ("slaTier", "sla_tier"),
    ("slackChannel", "slack_channel"),
    ("targetAckMinutes", "target_ack_minutes"),
    ("targetResolveMinutes", "target_resolve_minutes"),
    ("runbookUrl", "runbook_url"),
    ("repositoryUrl", "repository_url"),
    ("dashboardUrl", "dashboard_url"),
    ("notificationChannels", "notification_channels"),
    ("notifyOnTriggered", "notify_on"),
    ("urgencyBySeverity.critical", "urgency_critical"),
    ("urgencyBySeverity.error", "urgency_error"),
    ("urgencyBySeverity.warning", "urgency_warning"),
    ("urgencyBySeverity.info", "urgency_info"),
];

/// What a service's people can be told of: the word of the form, the name of the API, and what it says.
const NOTICES: [(&str, &str, Happening, &str); 4] = [
    ("triggered", "notifyOnTriggered", Happening::Triggered, "Triggered"),
    (
        "acknowledged",
        "notifyOnAcknowledged",
        Happening::Acknowledged,
        "Acknowledged",
    ),
    ("resolved", "notifyOnResolved", Happening::Resolved, "Resolved"),
    (
        "sla_breach",
        "notifyOnSlaBreach",
        Happening::SlaBreached,
        "Late: a target was missed",
    ),
];

/// `GET /services/{id}/settings`
pub(in crate::pages) async fn settings(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Service>,
) -> Result<Response, PageError> {
    let (row, head) = head(&state, &viewer, id).await?;
    let count = incident_count(&state, id).await?;
    let form = known(&row);
    let viewer = viewer.editing(row.updated_at);
    let room = room(&state, &viewer, &form, &Wrong::default()).await?;
    viewer.page(&page(&viewer, (head, room), &form, &Wrong::default(), count))
}

/// The channel in Slack, with those that there are where a workspace is connected.
async fn room(state: &AppState, viewer: &Viewer, form: &Form, wrong: &Wrong) -> Result<RoomField, ApiError> {
    let field = form.field("slack_channel", wrong);
    if workspaces::workspaces(state).await?.is_empty() {
        return Ok(RoomField {
            field,
            ..RoomField::default()
        });
    }
    rooms::field(state, &viewer.caller, None, field).await
}

async fn incident_count(state: &AppState, id: ServiceId) -> Result<u64, ApiError> {
    let filter = Filter {
        services: vec![id],
        limit: 1,
        ..Filter::default()
    };
    let unit = async move |tx: &mut Tx<'_>| incidents::list(tx, &filter).await;
    let (_, total) = state.store.db.read(unit).await?;
    Ok(u64::try_from(total).unwrap_or_default())
}

/// The form as it is filled in for a service.
fn known(row: &Stored) -> Form {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
    let id = |value: Option<String>| value.unwrap_or_default();
    let urgencies = row.urgencies;
    let mut fields = vec![
        ("name", row.name.clone()),
        ("description", text(&row.description)),
        ("team_id", id(row.team.map(|id| id.to_string()))),
        ("policy_id", id(row.policy.map(|id| id.to_string()))),
        ("region", text(&row.region)),
        ("sla_tier", text(&row.sla_tier)),
        ("slack_channel", text(&row.slack_channel)),
        ("target_ack_minutes", number(row.target_ack_minutes)),
        ("target_resolve_minutes", number(row.target_resolve_minutes)),
        ("runbook_url", text(&row.runbook_url)),
        ("repository_url", text(&row.repository_url)),
        ("dashboard_url", text(&row.dashboard_url)),
        ("urgency_critical", urgencies.critical.word().to_owned()),
        ("urgency_error", urgencies.error.word().to_owned()),
        ("urgency_warning", urgencies.warning.word().to_owned()),
        ("urgency_info", urgencies.info.word().to_owned()),
    ];
    let channels = row.notification_channels.iter();
    fields.extend(channels.map(|channel| ("notification_channels", channel.word().to_owned())));
    let told = NOTICES
        .iter()
        .filter(|(_, _, happening, _)| row.notify_on.contains(happening));
    fields.extend(told.map(|(word, ..)| ("notify_on", (*word).to_owned())));
    Form::of(fields.into_iter().map(|(name, value)| (name.to_owned(), value)))
}

fn page(
    viewer: &Viewer,
    (head, slack_channel): (ServiceHead, RoomField),
    form: &Form,
    wrong: &Wrong,
    incident_count: u64,
) -> ServiceSettings {
    let directory = viewer.directory();
    let told = form.all("notify_on");
    let notices = NOTICES.map(|(word, _, _, says)| Choice::new(word, says).chosen(told.contains(&word)));
    let urgency = |severity: Severity| {
        let word = severity.word();
        let select = form.select(&format!("urgency_{word}"), wrong, choices::urgencies());
        (format!("{}{}", word[..1].to_uppercase(), &word[1..]), select)
    };
    let checks = |name: &str, options: Vec<Choice>| Checks::new(form.field(name, wrong).with(""), options);
    ServiceSettings {
        shell: viewer.shell(format!("{}: settings", head.name), Section::Services),
        name: form.field("name", wrong),
        description: form.field("description", wrong),
        team: form.select("team_id", wrong, choices::or_none("None", choices::teams(directory))),
        policy: form.select(
            "policy_id",
            wrong,
            choices::or_none("None", choices::policies(directory)),
        ),
        region: form.field("region", wrong),
        sla_tier: form.field("sla_tier", wrong),
        target_ack_minutes: form.field("target_ack_minutes", wrong),
        target_resolve_minutes: form.field("target_resolve_minutes", wrong),
        channels: checks(
            "notification_channels",
            choices::channels(&form.all("notification_channels")),
        ),
        notify_on: checks("notify_on", notices.to_vec()),
        slack_channel,
        urgencies: Severity::ALL.into_iter().rev().map(urgency).collect(),
        runbook_url: form.field("runbook_url", wrong),
        repository_url: form.field("repository_url", wrong),
        dashboard_url: form.field("dashboard_url", wrong),
        incident_count,
        head,
    }
}

/// What is typed, as the body of the API.
fn as_body(form: &Form) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    let ack: Option<u32> = form.number("target_ack_minutes", &mut problems);
    let resolve: Option<u32> = form.number("target_resolve_minutes", &mut problems);
    problems.check()?;
    let mut body = json!({
        "name": form.text("name"),
        "description": form.given("description"),
        "teamId": form.given("team_id"),
        "escalationPolicyId": form.given("policy_id"),
        "region": form.given("region"),
        "slaTier": form.given("sla_tier"),
        "slackChannel": form.given("slack_channel"),
        "runbookUrl": form.given("runbook_url"),
        "repositoryUrl": form.given("repository_url"),
        "dashboardUrl": form.given("dashboard_url"),
        "targetAckMinutes": ack,
        "targetResolveMinutes": resolve,
        "notificationChannels": form.all("notification_channels"),
        "urgencyBySeverity": {
            "critical": form.text("urgency_critical"),
            "error": form.text("urgency_error"),
            "warning": form.text("urgency_warning"),
            "info": form.text("urgency_info"),
        },
    });
    let told = form.all("notify_on");
    for (word, name, ..) in NOTICES {
        body[name] = told.contains(&word).into();
    }
    Ok(body)
}

/// `POST /services/{id}/settings`
pub(in crate::pages) async fn save_settings(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Service>,
    form: Form,
) -> Result<Response, PageError> {
    let saved = match as_body(&form).and_then(from_value) {
        Ok(wish) => actions::update(&state, &viewer.saving(&form), id, wish).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(done(&format!("/services/{id}/settings"), "The settings were saved.")),
        Err(error) => {
            let (row, head) = head(&state, &viewer, id).await?;
            let editing = Editing {
                object: &id,
                typed: form,
                current: known(&row),
                updated_at: row.updated_at,
                names: &NAMES,
                as_body: &|form| as_body(form).ok(),
            };
            let (viewer, form, wrong) = viewer
                .again(&state, error, editing, |error| Wrong::of_error(error, &NAMES))
                .await?;
            let count = incident_count(&state, id).await?;
            let room = room(&state, &viewer, &form, &wrong).await?;
            viewer.refused_page(&page(&viewer, (head, room), &form, &wrong, count))
        }
    }
}

/// `POST /services/{id}/delete`
pub(in crate::pages) async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Service>,
) -> Result<Response, PageError> {
    match actions::delete(&state, &viewer.caller, id).await {
        Ok(()) => Ok(done("/services", "The service was deleted.")),
        Err(error) => refused(&format!("/services/{id}/settings"), error),
    }
}
