//! The first steps of a newcomer on the dashboard, and the test page that is the last of them.
//!
//! A step is done when the data says so; nothing is kept of who clicked what, but that an administrator wants to see the
//! steps no more.

use axum::{extract::State, response::Response};
use opsknight_domain::{
    directory::Directory,
    id::{IncidentId, ServiceId},
    incident::{EntryKind, Status},
    metrics::seconds,
    paging,
    urgency::Urgency,
};
use opsknight_store::{
    db::Tx,
    deliveries::{self, Listed as Message},
    incidents::{self, Listed},
    settings,
    timeline::{self, StoredEntry},
};
use serde_json::json;

use super::{
    PageError,
    rows::{channel_name, delivery_row},
    viewer::{Viewer, done, refused},
};
use crate::{
    actions::test_page,
    api::{
        address::label,
        change::{Change, Object},
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    state::AppState,
    views::{FirstStep, FirstSteps, Link, Section, TestMessage, TestPageNew, TestPageShow, lasting},
};

/// Under which name it is kept that the steps are not to be seen any more.
const DISMISSED: &str = "first_steps.dismissed";
/// Most messages and most entries of a test page that are shown.
const SHOWN_MAX: i64 = 50;

/// What is left to do before a first alert can page anybody; nothing for those who cannot do it, once all of it is done,
/// or when an administrator wants to see it no more.
pub(super) async fn of(state: &AppState, viewer: &Viewer) -> Result<Option<FirstSteps>, ApiError> {
    if !viewer.caller.is_admin() {
        return Ok(None);
    }
    let sealer = state.store.sealer.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        let dismissed = settings::get(tx, &sealer, DISMISSED).await?.is_some();
        Ok::<_, ApiError>((dismissed, deliveries::any_page_sent(tx).await?))
    };
    let (dismissed, paged) = state.store.db.read(unit).await?;
    let steps = steps(viewer.directory(), !viewer.picture.integrations.is_empty(), paged);
    let current = steps.iter().position(|step| !step.done);
    Ok(current
        .filter(|_| !dismissed)
        .map(|current| FirstSteps { steps, current }))
}

fn steps(directory: &Directory, connected: bool, paged: bool) -> Vec<FirstStep> {
    let step = |name: &str, why: &str, link: Link, done: bool| FirstStep {
        name: name.to_owned(),
        why: why.to_owned(),
        link,
        done,
    };
    let service = test_page::service(directory);
    let connect = |service: ServiceId| format!("/services/{service}/integrations/new");
    vec![
        step(
            "Set up how messages go out",
            "Without a mail server or another provider nobody can be paged. Email is enough to begin with.",
            Link::new("/settings/notifications", "Set up a provider"),
            !directory.channels.is_empty(),
        ),
        step(
            "Make a team",
            "A team owns services, is told of their incidents, and can be paged as a whole.",
            Link::new("/teams", "Make a team"),
            !directory.teams.is_empty(),
        ),
        step(
            "Make a schedule",
            "It says who is on call at which hour, so that a page finds the right person without anybody looking it up.",
            Link::new("/schedules/new", "New schedule"),
            !directory.schedules.is_empty(),
        ),
        step(
            "Write an escalation policy",
            "It says who is paged, in which order, until somebody acknowledges.",
            Link::new("/policies/new", "New policy"),
            !directory.policies.is_empty(),
        ),
        step(
            "Add a service",
            "Alerts are about a service, and its escalation policy says who is paged for it.",
            Link::new("/services/new", "Add a service"),
            directory.services.values().any(|service| service.policy.is_some()),
        ),
        step(
            "Connect a monitoring tool",
            "A service has an integration for each tool that sends alerts about it, with an address of its own.",
            Link::new(
                service.map_or_else(|| "/services".to_owned(), |service| connect(service.id)),
                "Add integration",
            ),
            connected,
        ),
        step(
            "Page yourself",
            "A test page goes the whole way to you alone: by your rules, through the provider, and back when you acknowledge it.",
            Link::new("/test-page", "Send a test page"),
            paged,
        ),
    ]
}

/// `POST /first-steps/dismiss`
pub(super) async fn dismiss(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let (change, sealer) = (Change::new(&state, &viewer.caller), state.store.sealer.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        change.begin(tx).await?;
        settings::put(tx, &sealer, DISMISSED, &json!(true), change.now).await?;
        let object = Object {
            kind: "setting",
            id: &DISMISSED,
            name: "First steps",
        };
        change.created(tx, object, &json!({ "dismissed": true })).await?;
        Ok::<_, ApiError>(())
    };
    state.store.db.write(unit).await?;
    Ok(done("/", "The first steps are put away. The guide has them too."))
}

/// `GET /test-page`
pub(super) async fn new(viewer: Viewer) -> Result<Response, PageError> {
    let directory = viewer.directory();
    let plan = paging::plan(directory, viewer.person.id, Urgency::High, &[], viewer.now);
    let refusal = match (plan.sends.is_empty(), test_page::service(directory)) {
        (true, _) => Some("There is no way to reach you yet. What is missing stands below."),
        (false, None) => Some("A page is about an incident, and an incident about a service: add a service first."),
        (false, Some(_)) => None,
    };
    let page = TestPageNew {
        sends: plan
            .sends
            .iter()
            .map(|send| {
                let minutes = send.due_at.duration_since(viewer.now).as_mins();
                let when = if minutes > 0 {
                    format!("in {minutes} min")
                } else {
                    "at once".to_owned()
                };
                let name = channel_name(send.channel.word());
                (format!("{name}, {when}"), label(send.channel, &send.address))
            })
            .collect(),
        skipped: plan
            .skipped
            .iter()
            .map(|skipped| match skipped.channel {
                Some(channel) => format!("{}: {}", channel_name(channel.word()), skipped.why),
                None => skipped.why.clone(),
            })
            .collect(),
        refusal: refusal.map(str::to_owned),
        shell: viewer.shell("Test page", Section::Elsewhere),
    };
    viewer.page(&page)
}

/// `POST /test-page`
pub(super) async fn send(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    match test_page::send(&state, viewer.person.id, viewer.actor()).await {
        Ok(listed) => Ok(done(
            &format!("/test-page/{}", listed.incident.id),
            "The test page is on its way.",
        )),
        Err(error) => refused("/test-page", error),
    }
}

/// `GET /test-page/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::Incident>,
) -> Result<Response, PageError> {
    let unit = async move |tx: &mut Tx<'_>| read(tx, id).await;
    let (listed, messages, entries) = state.store.db.read(unit).await?;
    let incident = &listed.incident;
    let of = |kind: EntryKind| entries.iter().filter(move |entry| entry.kind == kind);
    let answered = of(EntryKind::Acknowledged).next();
    let answered = answered.map(|entry| {
        let took = lasting(seconds(incident.created_at, entry.at));
        (entry.actor_name.clone(), took)
    });
    let mut messages: Vec<TestMessage> = messages.into_iter().map(|row| message(&viewer, row)).collect();
    messages.reverse();
    let page = TestPageShow {
        shell: viewer.shell(format!("Test page #{}", incident.number), Section::Elsewhere),
        id: incident.id.to_string(),
        number: incident.number,
        at: viewer.times(incident.created_at),
        messages,
        skipped: of(EntryKind::NotPaged).map(|entry| entry.text.clone()).collect(),
        over: incident.status == Status::Resolved && answered.is_none(),
        answered,
    };
    viewer.page(&page)
}

async fn read(tx: &mut Tx<'_>, id: IncidentId) -> Result<(Listed, Vec<Message>, Vec<StoredEntry>), ApiError> {
    let found = incidents::get(tx, id).await?.filter(|listed| listed.incident.is_test);
    let listed = found.ok_or_else(|| ApiError::not_found("test page"))?;
    let filter = deliveries::Filter {
        incident: Some(id),
        limit: SHOWN_MAX,
        ..deliveries::Filter::default()
    };
    let (messages, _) = deliveries::list(tx, &filter).await?;
    let (entries, _) = timeline::entries(tx, id, None, SHOWN_MAX, 0).await?;
    Ok((listed, messages, entries))
}

fn message(viewer: &Viewer, row: Message) -> TestMessage {
    let provider = row.provider.clone().unwrap_or_default();
    let words = row.outcome.clone().unwrap_or_default();
    let row = delivery_row(viewer, row);
    TestMessage {
        channel: row.channel,
        address: row.address,
        outcome: row.outcome,
        provider,
        words,
        at: row.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_organisation_begins_at_the_beginning() {
        let steps = steps(&Directory::default(), false, false);
        assert!(steps.iter().all(|step| !step.done));
        let hrefs: Vec<&str> = steps.iter().map(|step| step.link.href.as_str()).collect();
        assert_eq!(
            hrefs,
            [
                "/settings/notifications",
                "/teams",
                "/schedules/new",
                "/policies/new",
                "/services/new",
                "/services",
                "/test-page",
            ]
        );
    }
}
