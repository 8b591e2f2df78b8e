//! What was decided, written down: incidents, their alerts and timelines, and the messages that follow.
//!
//! A [`Batch`] gathers any number of decisions and writes each table once, so that a hundred events cost hardly more
//! statements than one.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::{
    delivery::Purpose,
    event::Event,
    id::{AlertId, DeliveryId, EntryId, Fresh, IncidentId, IntegrationId, ReceiptId},
    incident::{Change, Entry, Incident, NewDelivery, NewResponder, Route},
};
use serde_json::json;

use crate::{
    db::{DbError, Insert, Kind, Tx, Val, Wake},
    incidents, json,
};

static ENTRIES: Insert = Insert {
    table: "entry",
    columns: &[
        ("incident_id", Kind::Text),
        ("id", Kind::Text),
        ("at", Kind::Int),
        ("kind", Kind::Text),
        ("actor_kind", Kind::Text),
        ("actor_id", Kind::Text),
        ("actor_name", Kind::Text),
        ("text", Kind::Text),
        ("data", Kind::Text),
    ],
    tail: "",
};

static ALERTS: Insert = Insert {
    table: "alert",
    columns: &[
        ("incident_id", Kind::Text),
        ("id", Kind::Text),
        ("receipt_id", Kind::Text),
        ("action", Kind::Text),
        ("severity", Kind::Text),
        ("summary", Kind::Text),
        ("source", Kind::Text),
        ("component", Kind::Text),
        ("grouping", Kind::Text),
        ("class", Kind::Text),
        ("details", Kind::Text),
        ("occurred_at", Kind::Int),
        ("created_at", Kind::Int),
    ],
    tail: "",
};

static TAGS: Insert = Insert {
    table: "incident_tag",
    columns: &[("tag", Kind::Text), ("incident_id", Kind::Text)],
    tail: "ON CONFLICT (tag, incident_id) DO NOTHING",
};

static RESPONDERS: Insert = Insert {
    table: "incident_responder",
    columns: &[
        ("incident_id", Kind::Text),
        ("user_id", Kind::Text),
        ("asked_at", Kind::Int),
        ("asked_by", Kind::Text),
        ("why", Kind::Text),
        ("message", Kind::Text),
    ],
    tail: "ON CONFLICT (incident_id, user_id) DO UPDATE SET asked_at = excluded.asked_at, \
           asked_by = excluded.asked_by, why = excluded.why, message = excluded.message",
};

static DELIVERIES: Insert = Insert {
    table: "delivery",
    columns: &[
        ("id", Kind::Text),
        ("purpose", Kind::Text),
        ("channel", Kind::Text),
        ("incident_id", Kind::Text),
        ("user_id", Kind::Text),
        ("webhook_id", Kind::Text),
        ("address", Kind::Text),
        ("happening", Kind::Text),
        ("urgency", Kind::Text),
        ("snapshot", Kind::Text),
        ("reason", Kind::Text),
        ("escalation", Kind::Int),
        ("step_round", Kind::Int),
        ("step_index", Kind::Int),
        ("state", Kind::Text),
        ("in_order", Kind::Bool),
        ("due_at", Kind::Int),
        ("tries", Kind::Int),
        ("refusals", Kind::Int),
        ("provider_id", Kind::Text),
        ("created_at", Kind::Int),
    ],
    tail: "",
};

/// What an edit has of the page that it changes, in the order of [`DELIVERIES`].
const EDITED: [&str; 9] = [
    "channel",
    "incident_id",
    "user_id",
    "webhook_id",
    "address",
    "happening",
    "urgency",
    "snapshot",
    "reason",
];

/// The pages in Slack that were sent for an incident which is not open, as messages of their own: one that tells of
/// several incidents stands for all of them and stays as it is.
fn sent_pages(which: &str) -> String {
    format!(
        "SELECT {}, d.provider_id FROM delivery d JOIN incident i ON i.id = d.incident_id \
         WHERE d.incident_id = $1 {which} AND i.status <> 'OPEN' AND d.purpose = 'PAGE' AND d.channel = 'SLACK' \
         AND d.state = 'SENT' AND d.bundle_id IS NULL AND d.provider_id IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.bundle_id = d.id AND e.bundle_id IS NOT NULL \
             AND e.state = 'SENT' AND e.incident_id <> d.incident_id) ORDER BY d.id",
        EDITED.map(|column| format!("d.{column}")).join(", ")
    )
}

/// Most incidents of one batch that are woken by name: pages of more than these hear that the list has changed.
const WAKES_MAX: usize = 32;

/// Decisions that are committed together.
#[derive(Debug, Default)]
pub struct Batch {
    incidents: Vec<Incident>,
    places: HashMap<IncidentId, usize>,
    entries: Vec<Vec<Val>>,
    alerts: Vec<Vec<Val>>,
    deliveries: Vec<Vec<Val>>,
    call_offs: Vec<(IncidentId, &'static str)>,
    /// Pages of these that were just sent, to incidents that may not be open any more.
    late: Vec<(IncidentId, DeliveryId)>,
    /// Incidents whose tags are others than before.
    retagged: Vec<IncidentId>,
    responders: Vec<(IncidentId, NewResponder)>,
    told: Vec<IncidentId>,
    openers: HashMap<IncidentId, IntegrationId>,
}

impl Batch {
    /// Takes a decision. Later decisions about the same incident must start from the incident of the earlier.
    pub fn take(&mut self, change: Change, fresh: &mut impl Fresh, now: Timestamp) {
        let Change {
            incident,
            entries,
            deliveries,
            call_off_pages,
            responders,
            retagged,
        } = change;
        let id = incident.id;
        self.retagged.extend(retagged.then_some(id));
        for responder in responders {
            // Whoever is asked twice was asked last.
            self.responders
                .retain(|(other, known)| (*other, known.user) != (id, responder.user));
            self.responders.push((id, responder));
        }
        for entry in entries {
            self.tell(id, entry, fresh, now);
        }
        if let Some(why) = call_off_pages {
            self.call_off(id, why);
        }
        for delivery in deliveries {
            self.deliver(&incident, delivery, fresh, now);
        }
        if let Some(place) = self.places.get(&id) {
            self.incidents[*place] = incident;
        } else {
            self.places.insert(id, self.incidents.len());
            self.incidents.push(incident);
        }
    }

    /// Adds a sentence to an incident's story without changing the incident.
    pub fn tell(&mut self, incident: IncidentId, entry: Entry, fresh: &mut impl Fresh, now: Timestamp) {
        self.entries.push(vec![
            incident.into(),
            EntryId::new(fresh.uuid()).into(),
            now.into(),
            entry.kind.word().into(),
            entry.actor.kind().into(),
            entry.actor.user().into(),
            entry.actor.name().into(),
            entry.text.into(),
            json::value(&entry.data),
        ]);
        self.told.push(incident);
    }

    /// Keeps an event against its incident.
    pub fn alert(
        &mut self,
        incident: IncidentId,
        receipt: Option<ReceiptId>,
        event: &Event,
        fresh: &mut impl Fresh,
        now: Timestamp,
    ) {
        self.alerts.push(vec![
            incident.into(),
            AlertId::new(fresh.uuid()).into(),
            receipt.into(),
            event.action.word().into(),
            event.severity.word().into(),
            event.summary.as_str().into(),
            event.source.as_deref().into(),
            event.component.as_deref().into(),
            event.group.as_deref().into(),
            event.class.as_deref().into(),
            json::value(&event.details),
            event.occurred_at.into(),
            now.into(),
        ]);
    }

    /// A new incident was opened by an alert that came through this integration: it counts as its source.
    pub fn opened_by(&mut self, incident: IncidentId, integration: IntegrationId) {
        self.openers.insert(incident, integration);
    }

    /// A page was taken by its provider: where its incident is not open any more, it is to show that.
    pub fn page_was_sent(&mut self, incident: IncidentId, page: DeliveryId) {
        self.late.push((incident, page));
    }

    /// The incident as the decisions so far have left it.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.places.get(&id).map(|place| &self.incidents[*place])
    }

    /// Writes everything and wakes whoever waits for it.
    ///
    /// # Errors
    /// When the database does not take it; [`DbError::Unique`] on `incident_live` means that another incident is live
    /// under the same key.
    pub async fn write(
        mut self,
        tx: &mut Tx<'_>,
        fresh: &mut impl Fresh,
        now: Timestamp,
    ) -> Result<Vec<Incident>, DbError> {
        let first_new = self.number(tx).await?;
        incidents::write(tx, &self.incidents, &self.openers, first_new).await?;
        tx.insert_many(&ALERTS, std::mem::take(&mut self.alerts)).await?;
        tx.insert_many(&ENTRIES, std::mem::take(&mut self.entries)).await?;
        self.write_tags(tx).await?;
        self.write_responders(tx, now).await?;
        for (incident, why) in &self.call_offs {
            let sql = "UPDATE delivery SET state = 'SKIPPED', outcome = $1, finished_at = $2 \
                 WHERE incident_id = $3 AND purpose = 'PAGE' AND state = 'PENDING'";
            tx.execute(sql, &[(*why).into(), now.into(), (*incident).into()])
                .await?;
        }
        self.edit_pages(tx, fresh, now).await?;
        if !self.deliveries.is_empty() {
            tx.insert_many(&DELIVERIES, self.deliveries).await?;
            tx.wake(Wake::Deliveries);
        }
        if !self.incidents.is_empty() {
            tx.wake(Wake::Incidents);
        }
        self.told.extend(self.incidents.iter().map(|incident| incident.id));
        self.told.sort_unstable();
        self.told.dedup();
        for id in self.told.iter().take(WAKES_MAX) {
            tx.wake(Wake::Incident(id.to_string()));
        }
        Ok(self.incidents)
    }

    /// Writes the tags of those incidents whose tags are others than before, so that they can be searched.
    async fn write_tags(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        let mut rows = Vec::new();
        for id in &self.retagged {
            tx.execute("DELETE FROM incident_tag WHERE incident_id = $1", &[(*id).into()])
                .await?;
            let tags = self.incident(*id).map_or(&[][..], |incident| &incident.tags);
            rows.extend(tags.iter().map(|tag| vec![Val::from(tag.as_str()), (*id).into()]));
        }
        tx.insert_many(&TAGS, rows).await.map(drop)
    }

    async fn write_responders(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
        let row = |(incident, responder): &(IncidentId, NewResponder)| {
            vec![
                (*incident).into(),
                responder.user.into(),
                now.into(),
                responder.asked_by.as_str().into(),
                responder.why.as_str().into(),
                responder.message.as_deref().into(),
            ]
        };
        tx.insert_many(&RESPONDERS, self.responders.iter().map(row).collect())
            .await
            .map(drop)
    }

    /// Has the pages that people may still look at show where their incidents stand now, where a medium can do that:
    /// all that were sent for an incident that has left the open state, and those that were on their way meanwhile.
    async fn edit_pages(&mut self, tx: &mut Tx<'_>, fresh: &mut impl Fresh, now: Timestamp) -> Result<(), DbError> {
        let mut left: Vec<IncidentId> = self.call_offs.iter().map(|(id, _)| *id).collect();
        left.sort_unstable();
        left.dedup();
        let of_incident = left.into_iter().map(|id| vec![id.into()]).collect();
        let of_page = self.late.iter().map(|(id, page)| vec![(*id).into(), (*page).into()]);
        let mut rows = tx.query_each(&sent_pages(""), of_incident).await?;
        rows.extend(tx.query_each(&sent_pages("AND d.id = $2"), of_page.collect()).await?);
        for mut row in rows.into_iter().flatten() {
            // Everything else is that of the page; what is shown is read when it is sent.
            let mut values = vec![DeliveryId::new(fresh.uuid()).into(), Purpose::Edit.word().into()];
            for _ in EDITED {
                values.push(Val::from(row.take::<Option<String>>()?));
            }
            let message = Val::from(row.take::<Option<String>>()?);
            values.extend([Val::Null, Val::Null, Val::Null]);
            values.extend(["PENDING".into(), false.into(), now.into()]);
            values.extend([0_i64.into(), 0_i64.into(), message, now.into()]);
            self.deliveries.push(values);
        }
        Ok(())
    }

    /// Gives new incidents their numbers, and gives back the first of these.
    async fn number(&mut self, tx: &mut Tx<'_>) -> Result<i64, DbError> {
        let unnumbered = self
            .incidents
            .iter_mut()
            .filter(|incident| incident.number == 0)
            .collect::<Vec<_>>();
        let count = i64::try_from(unnumbered.len()).unwrap_or(i64::MAX);
        if count == 0 {
            return Ok(i64::MAX);
        }
        let first = incidents::take_numbers(tx, count).await?;
        unnumbered
            .into_iter()
            .zip(first..)
            .for_each(|(incident, number)| incident.number = number);
        Ok(first)
    }

    /// Calls off the pages that have not been sent: those that are stored, and those of this batch.
    fn call_off(&mut self, id: IncidentId, why: &'static str) {
        self.call_offs.push((id, why));
        let (incident, page) = (Val::from(id), Val::from(Purpose::Page.word()));
        self.deliveries.retain(|row| row[1] != page || row[3] != incident);
    }

    fn deliver(&mut self, incident: &Incident, delivery: NewDelivery, fresh: &mut impl Fresh, now: Timestamp) {
        let (channel, user, webhook, address) = match delivery.route {
            Route::Person { user, channel, address } => (channel.word(), Some(user), None, Some(address)),
            Route::Room { channel, address } => (channel.word(), None, None, Some(address)),
            Route::Webhook(webhook) => ("WEBHOOK", None, Some(webhook), None),
        };
        let snapshot = json!({
            "status": incident.status.word(),
            "urgency": incident.urgency.word(),
            "assigneeId": incident.assignee.map(|id| id.to_string()),
        });
        let is_page = delivery.purpose == Purpose::Page;
        self.deliveries.push(vec![
            DeliveryId::new(fresh.uuid()).into(),
            delivery.purpose.word().into(),
            channel.into(),
            incident.id.into(),
            user.into(),
            webhook.into(),
            address.into(),
            delivery.happening.word().into(),
            incident.urgency.word().into(),
            snapshot.to_string().into(),
            delivery.reason.into(),
            is_page.then_some(incident.escalations).into(),
            delivery.step.map(|(round, _)| round).into(),
            delivery.step.map(|(_, step)| step).into(),
            "PENDING".into(),
            delivery.in_order.into(),
            delivery.due_at.into(),
            0_i64.into(),
            0_i64.into(),
            Val::Null,
            now.into(),
        ]);
    }
}
