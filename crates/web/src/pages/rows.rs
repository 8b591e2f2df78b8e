//! Rows that several pages show: incidents, messages, what came in; and where in a list a page stands.

use std::collections::HashMap;

use http::Uri;
use opsknight_domain::{directory::Channel, id::IncidentId, incident::Status};
use opsknight_store::{
    changes::ChangeEvent,
    db::{DbError, Tx},
    deliveries, incidents, receipts,
};
use serde_json::Value;

use super::viewer::Viewer;
use crate::{
    api::{address::label_of_word, page::Page},
    views::{Badge, ChangeRow, DeliveryRow, Due, EventRow, IncidentRow, Link, Pager, Person, Tone, passed},
};

/// Longest text of a cell, in characters.
const CELL_CHARS_MAX: usize = 300;

/// A change of a service.
pub(super) fn change_row(viewer: &Viewer, change: ChangeEvent) -> ChangeRow {
    let links = change.links.into_iter();
    ChangeRow {
        summary: shorten(&change.summary),
        source: change.source.as_deref().map(shorten),
        at: viewer.times(change.occurred_at.unwrap_or(change.created_at)),
        links: links
            .map(|link| Link::new(&link.href, link.text.as_deref().unwrap_or(&link.href)))
            .collect(),
    }
}

/// An incident in a list.
pub(super) fn incident_row(viewer: &Viewer, listed: incidents::Listed) -> IncidentRow {
    let incident = listed.incident;
    let clocks = incident.clocks;
    let acknowledge = ("Acknowledge", clocks.ack_due);
    let resolve = ("Resolve", clocks.resolve_due);
    let due = match incident.status {
        Status::Open => vec![acknowledge, resolve],
        Status::Acknowledged => vec![resolve],
        Status::Snoozed => vec![("Opens again", incident.snoozed_until)],
        Status::Suppressed | Status::Resolved => Vec::new(),
    };
    let due = due.into_iter().filter_map(|(what, at)| {
        let at = at?;
        Some(Due {
            what,
            at: viewer.times(at),
            overdue: passed(at, viewer.now),
        })
    });
    let assignee = incident.assignee.map(|id| {
        let name = listed.assignee_name.unwrap_or_else(|| "(removed)".to_owned());
        Person::new(id.to_string(), name)
    });
    IncidentRow {
        id: incident.id.to_string(),
        number: incident.number,
        title: incident.title,
        status: incident.status,
        urgency: incident.urgency,
        is_test: incident.is_test,
        service: Link::new(format!("/services/{}", incident.service), listed.service_name),
        assignee,
        alerts: incident.alert_count,
        created: viewer.times(incident.created_at),
        due: due.collect(),
    }
}

/// What people call a channel, also that of webhooks.
pub(super) fn channel_name(word: &str) -> String {
    match Channel::from_word(word) {
        Some(Channel::Email) => "Email".to_owned(),
        Some(Channel::Push) => "Push".to_owned(),
        Some(Channel::Voice) => "Voice call".to_owned(),
        Some(channel) => channel.name().to_owned(),
        None => "Webhook".to_owned(),
    }
}

/// What became of a message. That it has arrived is said where it is asked for.
pub(super) fn outcome_of_page(state: &str, delivered: bool, tries: i64) -> Badge {
    match state {
        "SENT" if delivered => Badge::new(Tone::Good, "Delivered"),
        "SENT" => Badge::new(Tone::Good, "Sent"),
        "FAILED" => Badge::new(Tone::Bad, "Failed"),
        "SKIPPED" => Badge::new(Tone::Quiet, "Called off"),
        "SENDING" => Badge::new(Tone::Waiting, "Sending"),
        _ if tries > 0 => Badge::new(Tone::Waiting, "Trying again"),
        _ => Badge::new(Tone::Waiting, "Waiting"),
    }
}

/// A message and how it ended.
pub(super) fn delivery_row(viewer: &Viewer, row: deliveries::Listed) -> DeliveryRow {
    let outcome = outcome_of_page(&row.state, false, row.tries);
    let purpose = match row.purpose.as_str() {
        "PAGE" => "Page",
        "NOTICE" => "Notice",
        "WEBHOOK" => "Webhook",
        _ => "Account",
    };
    let incident = row.incident.map(|id| {
        let number = row.incident_number.unwrap_or_default();
        Link::new(format!("/incidents/{id}"), format!("#{number}"))
    });
    DeliveryRow {
        id: row.id.to_string(),
        to: row
            .user_name
            .or(row.webhook_name)
            .unwrap_or_else(|| "(removed)".to_owned()),
        address: row
            .address
            .map_or_else(String::new, |address| label_of_word(&row.channel, address)),
        channel: channel_name(&row.channel),
        purpose: purpose.to_owned(),
        outcome,
        words: row.outcome.unwrap_or(row.reason),
        tries: u32::try_from(row.tries).unwrap_or_default(),
        at: viewer.times(row.finished_at.unwrap_or(row.due_at)),
        incident,
    }
}

/// Incidents by their identity: the number and the title.
pub(super) type Names = HashMap<IncidentId, (i64, String)>;

/// The incidents that these results speak of.
pub(super) async fn names(tx: &mut Tx<'_>, all: impl Iterator<Item = &Value>) -> Result<Names, DbError> {
    let of_each = all.flat_map(results);
    let mut ids: Vec<IncidentId> = of_each.filter_map(incident_of).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = incidents::names(tx, &ids).await?;
    let named = ids.into_iter().zip(found);
    Ok(named.filter_map(|(id, name)| Some((id, name?))).collect())
}

fn incident_of(result: &Value) -> Option<IncidentId> {
    result["incidentId"].as_str()?.parse().ok()
}

/// The incident to which an alert went.
pub(super) fn incident_link(result: &Value, names: &Names) -> Option<Link> {
    let id = incident_of(result)?;
    let text = names.get(&id).map_or_else(
        || "Incident".to_owned(),
        |(number, title)| shorten(&format!("#{number} {title}")),
    );
    Some(Link::new(format!("/incidents/{id}"), text))
}

/// What came of an alert.
pub(super) fn outcome_badge(action: &str) -> Badge {
    match action {
        "triggered" => Badge::new(Tone::Bad, "Triggered"),
        "deduplicated" => Badge::new(Tone::Waiting, "Deduplicated"),
        "acknowledged" => Badge::new(Tone::Waiting, "Acknowledged"),
        "resolved" => Badge::new(Tone::Good, "Resolved"),
        "ignored" => Badge::new(Tone::Quiet, "Ignored"),
        "rejected" => Badge::new(Tone::Bad, "Refused"),
        _ => Badge::new(Tone::Quiet, "Received"),
    }
}

/// What would come of an alert.
pub(super) fn outlook_badge(action: &str) -> Badge {
    let text = match action {
        "triggered" => "Opens",
        "deduplicated" => "Joins",
        "acknowledged" => "Acknowledges",
        "resolved" => "Resolves",
        _ => "Ignored",
    };
    Badge::new(outcome_badge(action).tone, text)
}

/// A request that came in, in one line.
pub(super) fn event_row(viewer: &Viewer, row: receipts::Summary, names: &Names) -> EventRow {
    let results = results(&row.results);
    let first = results.first().copied().unwrap_or(&Value::Null);
    let outcome = match (row.status, first["action"].as_str().unwrap_or_default()) {
        (400.., _) => outcome_badge("rejected"),
        (_, action) => outcome_badge(action),
    };
    let said = |name: &str| first[name].as_str().filter(|text| !text.is_empty());
    let title = said("summary").or(said("dedupKey")).map_or_else(
        || {
            let source = opsknight_sources::by_type(&row.kind);
            format!(
                "Request of {}",
                source.map_or(row.kind.as_str(), |source| source.title())
            )
        },
        str::to_owned,
    );
    let more = match results.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let integration = row.integration.zip(row.service);
    let integrations = integration.map(|(_, service)| format!("/services/{service}/integrations"));
    EventRow {
        id: row.id.to_string(),
        at: viewer.times(row.at),
        outcome,
        note: match (row.replay_of.is_some(), row.is_test) {
            (true, _) => "Run again",
            (false, true) => "Test",
            (false, false) => "",
        },
        summary: shorten(&format!("{title}{more}")),
        why: shorten(first["reason"].as_str().unwrap_or_default()),
        incident: incident_of(first).map(|id| {
            let text = names
                .get(&id)
                .map_or_else(|| "Incident".to_owned(), |(number, _)| format!("#{number}"));
            Link::new(format!("/incidents/{id}"), text)
        }),
        integration: Link::new(
            integrations.unwrap_or_default(),
            row.integration_name.unwrap_or_else(|| "API".to_owned()),
        ),
        service: Link::new(
            row.service.map(|id| format!("/services/{id}")).unwrap_or_default(),
            row.service_name.unwrap_or_default(),
        ),
        status: row.status,
    }
}

/// What came of each alert of a request.
pub(super) fn results(results: &Value) -> Vec<&Value> {
    results.as_array().into_iter().flatten().collect()
}

/// The beginning of a text that may be long.
pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= CELL_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CELL_CHARS_MAX).chain(['…']).collect()
}

/// Where in a short list this page stands, with the addresses of its neighbours.
pub(super) fn pager(uri: &Uri, page: Page, shown: usize, total: i64) -> Pager {
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let shown = i64::try_from(shown).unwrap_or_default();
    let last = page.offset + shown;
    let at = |offset: i64| match offset {
        ..=0 => at_place(uri, None),
        offset => at_place(uri, Some(("offset", &offset.to_string()))),
    };
    Pager {
        first: number(if shown == 0 { 0 } else { page.offset + 1 }),
        last: number(last),
        total: number(total),
        previous: (page.offset > 0).then(|| at(page.offset - page.limit)),
        next: (last < total && shown > 0).then(|| at(last)),
    }
}

/// The same address at another place in the list.
pub(super) fn at_place(uri: &Uri, place: Option<(&str, &str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if !matches!(name.as_ref(), "after" | "before" | "offset") && !value.is_empty() {
            query.append_pair(&name, &value);
        }
    }
    if let Some((name, value)) = place {
        query.append_pair(name, value);
    }
    match query.finish().as_str() {
        "" => uri.path().to_owned(),
        query => format!("{}?{query}", uri.path()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_keep_the_filters() {
        let uri: Uri = "/events?offset=50".parse().unwrap();
        assert_eq!(at_place(&uri, None), "/events");
        let pager = pager(&uri, Page { limit: 50, offset: 50 }, 50, 120);
        assert_eq!((pager.first, pager.last, pager.total), (51, 100, 120));
        assert_eq!(pager.previous.as_deref(), Some("/events"));
        assert_eq!(pager.next.as_deref(), Some("/events?offset=100"));
    }
}
