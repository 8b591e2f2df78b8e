//! What a leased message says: its facts, read in the transaction that leased it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use opsknight_domain::{
    delivery::{self, Purpose},
    id::{IncidentId, WebhookId},
    incident::Happening,
    message::{Content, IncidentFacts, IncidentMessage, Message, Named},
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{AccountText, Leased},
    directory::Picture,
    incidents::{self, Listed},
    webhooks::{self, WebhookRow},
};
use opsknight_web::{
    ack::{ACK_LINK_LASTS, ack_token},
    state::link,
};
use url::Url;

/// How links in messages are made.
#[derive(Clone)]
pub struct Links {
    /// Where people reach this server.
    pub public_url: Url,
    /// Signs the links that acknowledge.
    pub ack_key: [u8; 32],
}

/// A leased message with what it says, or why it is not to be sent any more.
pub(super) struct Letter {
    pub(super) leased: Leased,
    pub(super) webhook: Option<Arc<WebhookRow>>,
    pub(super) message: Result<Message, String>,
}

/// Writes the letters of these messages.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    store: &Store,
    links: &Links,
    leased: Vec<Leased>,
    now: Timestamp,
) -> Result<Vec<Letter>, DbError> {
    if leased.is_empty() {
        return Ok(Vec::new());
    }
    let picture = store.pictures.current(tx, now).await?;
    let mut ids: Vec<IncidentId> = leased.iter().filter_map(|one| one.incident).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = incidents::get_each(tx, &ids).await?;
    let listed: HashMap<IncidentId, Listed> = ids
        .into_iter()
        .zip(found)
        .filter_map(|(id, listed)| Some((id, listed?)))
        .collect();
    let webhooks = read_webhooks(tx, store, &leased).await?;
    let letters = leased.into_iter().map(|leased| {
        let webhook = leased.webhook.and_then(|id| webhooks.get(&id).cloned());
        let incident = leased.incident.and_then(|id| listed.get(&id));
        let message = message(store, links, &picture, &leased, webhook.as_deref(), incident, now);
        Letter {
            leased,
            webhook,
            message,
        }
    });
    Ok(letters.collect())
}

async fn read_webhooks(
    tx: &mut Tx<'_>,
    store: &Store,
    leased: &[Leased],
) -> Result<HashMap<WebhookId, Arc<WebhookRow>>, DbError> {
    let mut rows = HashMap::new();
    for id in leased.iter().filter_map(|one| one.webhook) {
        if !rows.contains_key(&id)
            && let Some(row) = webhooks::get(tx, &store.sealer, id).await?
        {
            rows.insert(id, Arc::new(row));
        }
    }
    Ok(rows)
}

fn message(
    store: &Store,
    links: &Links,
    picture: &Picture,
    leased: &Leased,
    webhook: Option<&WebhookRow>,
    listed: Option<&Listed>,
    now: Timestamp,
) -> Result<Message, String> {
    let status = listed.map(|listed| listed.incident.status);
    // Its age counts from when it was last due, so that one that somebody sends again is not too old at once.
    if let Some(why) = delivery::not_wanted(leased.purpose, leased.step.is_some(), status, leased.due_at, now) {
        return Err(why.to_owned());
    }
    let content = match (leased.purpose, listed) {
        (Purpose::Account, _) => note(store, leased)?,
        (Purpose::Webhook, _) if !webhook.is_some_and(|webhook| webhook.enabled) => {
            return Err("the webhook was removed or disabled".to_owned());
        }
        (Purpose::Page | Purpose::Notice | Purpose::Webhook, Some(listed)) => {
            Content::Incident(Box::new(news(links, picture, leased, listed)?))
        }
        (Purpose::Page | Purpose::Notice | Purpose::Webhook, None) => {
            return Err("the incident is not there any more".to_owned());
        }
    };
    Ok(Message {
        delivery: leased.id,
        content,
    })
}

fn note(store: &Store, leased: &Leased) -> Result<Content, String> {
    let AccountText { subject, text } = leased.account_text(&store.sealer).map_err(|error| {
        tracing::error!(delivery.id = %leased.id, error = %error, "an account message cannot be opened");
        "its text cannot be opened with this secret key".to_owned()
    })?;
    Ok(Content::Note { subject, text })
}

fn news(links: &Links, picture: &Picture, leased: &Leased, listed: &Listed) -> Result<IncidentMessage, String> {
    let snapshot = leased.snapshot().map_err(|error| {
        tracing::error!(delivery.id = %leased.id, error = %error, "a message cannot be read");
        "what it was to say cannot be read".to_owned()
    })?;
    let incident = &listed.incident;
    let assignee = snapshot.assignee.map(|id| Named {
        id,
        name: picture.directory.user_name(id).to_owned(),
    });
    let service = picture.directory.services.get(&incident.service);
    let facts = IncidentFacts {
        id: incident.id,
        number: incident.number,
        title: incident.title.clone(),
        description: incident.description.clone(),
        status: snapshot.status,
        urgency: snapshot.urgency,
        priority: incident.priority.clone(),
        is_test: incident.is_test,
        service: Named {
            id: incident.service,
            name: listed.service_name.clone(),
        },
        assignee,
        created_at: incident.created_at,
        url: link(&links.public_url, &format!("/incidents/{}", incident.id)),
        runbook_url: service.and_then(|service| service.runbook_url.clone()),
        links: incident.links.clone(),
        details: incident.custom_details.clone(),
    };
    let acknowledge_url = (leased.purpose == Purpose::Page)
        .then_some(leased.user)
        .flatten()
        .map(|user| {
            let expires = leased
                .created_at
                .saturating_add(ACK_LINK_LASTS)
                .unwrap_or(Timestamp::MAX);
            link(
                &links.public_url,
                &format!("/ack/{}", ack_token(&links.ack_key, incident.id, user, expires)),
            )
        });
    let to_people = matches!(leased.purpose, Purpose::Page | Purpose::Notice);
    Ok(IncidentMessage {
        happening: leased.happening.unwrap_or(Happening::Triggered),
        at: leased.created_at,
        incident: facts,
        reason: to_people.then(|| format!("Why you: {}.", leased.reason)),
        acknowledge_url,
    })
}
