//! What a leased message says: its facts, read in the transaction that leased it.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use opsknight_domain::{
    delivery::{self, Purpose},
    directory::{Channel, Directory},
    id::{DeliveryId, IncidentId, UserId, WebhookId},
    incident::{Happening, Status},
    message::{Answer, Bundle, Content, IncidentFacts, IncidentMessage, Message, Named},
    paging,
};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, AccountText, Leased, Snapshot},
    directory::Picture,
    incidents::{self, Listed},
    webhooks::{self, WebhookKind, WebhookRow},
};
use opsknight_web::{
    ack::{ACK_LINK_LASTS, ack_token, news_token, reply_code},
    state::link,
};
use url::Url;

/// Most incidents that a message of many names.
const BUNDLE_NAMED_MAX: usize = 100;

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
    /// Pages that are told of in the same message.
    pub(super) along: Vec<Leased>,
    pub(super) webhook: Option<Arc<WebhookRow>>,
    /// Those that follow the default order of channels, and in whose place another one can be tried.
    pub(super) have_next: HashSet<DeliveryId>,
    pub(super) message: Result<Message, String>,
}

impl Letter {
    fn of(leased: Leased, message: Result<Message, String>) -> Self {
        Self {
            leased,
            along: Vec::new(),
            webhook: None,
            have_next: HashSet::new(),
            message,
        }
    }
}

/// What letters are written from.
struct Desk<'a> {
    store: &'a Store,
    links: &'a Links,
    picture: Arc<Picture>,
    listed: HashMap<IncidentId, Listed>,
    webhooks: HashMap<WebhookId, Arc<WebhookRow>>,
    now: Timestamp,
}

/// Writes the letters of these messages; those that stand together go as one.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    store: &Store,
    links: &Links,
    groups: Vec<Vec<Leased>>,
    now: Timestamp,
) -> Result<Vec<Letter>, DbError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let leased = || groups.iter().flatten();
    let mut ids: Vec<IncidentId> = leased().filter_map(|one| one.incident).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = incidents::get_each(tx, &ids).await?;
    let listed = ids.into_iter().zip(found);
    let desk = Desk {
        store,
        links,
        picture: store.pictures.current(tx, now).await?,
        listed: listed.filter_map(|(id, listed)| Some((id, listed?))).collect(),
        webhooks: read_webhooks(tx, store, leased()).await?,
        now,
    };
    let mut letters = Vec::new();
    for mut group in groups {
        match (group.pop(), group.is_empty()) {
            (Some(leased), true) => letters.push(desk.letter(tx, leased).await?),
            (last, _) => {
                group.extend(last);
                letters.extend(desk.bundle(tx, group).await?);
            }
        }
    }
    Ok(letters)
}

/// What a generic webhook is told by this message, whenever it is sent. None where the message is for somebody else, or its
/// incident is not there any more.
pub(in crate::engine) async fn told_to_webhook(
    tx: &mut Tx<'_>,
    store: &Store,
    public_url: Url,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<Option<Message>, DbError> {
    let Some(leased) = deliveries::look(tx, delivery).await? else {
        return Ok(None);
    };
    let webhooks = read_webhooks(tx, store, std::iter::once(&leased)).await?;
    let is_generic = webhooks.values().any(|webhook| webhook.kind == WebhookKind::Generic);
    let found = match leased.incident {
        Some(id) if is_generic => incidents::get(tx, id).await?,
        Some(_) | None => None,
    };
    let Some(listed) = found else {
        return Ok(None);
    };
    // Only people are sent links that are signed.
    let links = Links {
        public_url,
        ack_key: [0; 32],
    };
    let desk = Desk {
        store,
        links: &links,
        picture: store.pictures.current(tx, now).await?,
        listed: HashMap::new(),
        webhooks,
        now,
    };
    Ok(desk.news(&leased, &listed).ok().map(|news| Message {
        delivery,
        earlier: None,
        content: Content::Incident(Box::new(news)),
    }))
}

async fn read_webhooks<'a>(
    tx: &mut Tx<'_>,
    store: &Store,
    leased: impl Iterator<Item = &'a Leased>,
) -> Result<HashMap<WebhookId, Arc<WebhookRow>>, DbError> {
    let mut rows = HashMap::new();
    for id in leased.filter_map(|one| one.webhook) {
        if !rows.contains_key(&id)
            && let Some(row) = webhooks::get(tx, &store.sealer, id).await?
        {
            rows.insert(id, Arc::new(row));
        }
    }
    Ok(rows)
}

impl Desk<'_> {
    /// The letter of one message.
    async fn letter(&self, tx: &mut Tx<'_>, leased: Leased) -> Result<Letter, DbError> {
        let webhook = leased.webhook.and_then(|id| self.webhooks.get(&id).cloned());
        // Conversations change their first message and reply to it.
        let talks = match leased.purpose {
            Purpose::Edit => true,
            Purpose::Page | Purpose::Notice | Purpose::Webhook | Purpose::Account => {
                leased.user.is_none() && leased.happening != Some(Happening::Triggered)
            }
        };
        let earlier = match talks && leased.incident.is_some() {
            true => deliveries::earlier(tx, &leased).await?,
            false => None,
        };
        let message = self.content(&leased, webhook.as_deref()).map(|content| Message {
            delivery: leased.id,
            earlier,
            content,
        });
        Ok(Letter {
            have_next: self.have_next(&leased, &[]),
            webhook,
            ..Letter::of(leased, message)
        })
    }

    /// The letter of pages that go as one message, and those of the ones among them that nobody needs any more.
    async fn bundle(&self, tx: &mut Tx<'_>, group: Vec<Leased>) -> Result<Vec<Letter>, DbError> {
        let mut letters = Vec::new();
        let mut wanted: Vec<Leased> = Vec::new();
        for leased in group {
            match self.unwanted(&leased) {
                Some(why) => letters.push(Letter::of(leased, Err(why))),
                None => wanted.push(leased),
            }
        }
        let mut facts: Vec<IncidentFacts> = wanted.iter().filter_map(|leased| self.facts(leased)).collect();
        let mut seen = HashSet::new();
        facts.retain(|facts| seen.insert(facts.id));
        let mut wanted = wanted.into_iter();
        let Some(leader) = wanted.next() else {
            return Ok(letters);
        };
        let along: Vec<Leased> = wanted.collect();
        if !letters.is_empty() {
            deliveries::lead(tx, &leader, &along).await?;
        }
        if facts.len() < 2 {
            let mut letter = self.letter(tx, leader).await?;
            letter.have_next = self.have_next(&letter.leased, &along);
            letter.along = along;
            letters.push(letter);
            return Ok(letters);
        }
        let total = facts.len();
        facts.sort_by_key(|facts| (Reverse(facts.urgency), facts.number));
        facts.truncate(BUNDLE_NAMED_MAX);
        let content = Content::Bundle(Box::new(Bundle {
            incidents: facts,
            total,
            reason: Some(format!("Why you: {}.", leader.reason)),
            url: link(&self.links.public_url, "/incidents?status=OPEN"),
        }));
        let message = Message {
            delivery: leader.id,
            earlier: None,
            content,
        };
        letters.push(Letter {
            have_next: self.have_next(&leader, &along),
            along,
            ..Letter::of(leader, Ok(message))
        });
        Ok(letters)
    }

    /// Why a message is not to be sent any more, if that is so.
    fn unwanted(&self, leased: &Leased) -> Option<String> {
        let status = self.incident(leased).map(|listed| listed.incident.status);
        // Its age counts from when it was last due, so that one that somebody sends again is not too old at once.
        let why = delivery::not_wanted(leased.purpose, leased.step.is_some(), status, leased.due_at, self.now);
        why.map(str::to_owned)
    }

    fn incident(&self, leased: &Leased) -> Option<&Listed> {
        self.listed.get(&leased.incident?)
    }

    fn have_next(&self, leader: &Leased, along: &[Leased]) -> HashSet<DeliveryId> {
        let all = std::iter::once(leader).chain(along);
        all.filter(|leased| self.has_next(leased))
            .map(|leased| leased.id)
            .collect()
    }

    fn has_next(&self, leased: &Leased) -> bool {
        let way = leased.user.zip(Channel::from_word(&leased.channel));
        let urgency = self.incident(leased).map(|listed| listed.incident.urgency);
        leased.in_order
            && way.zip(urgency).is_some_and(|((user, channel), urgency)| {
                paging::has_next(&self.picture.directory, user, urgency, channel, self.now)
            })
    }

    fn content(&self, leased: &Leased, webhook: Option<&WebhookRow>) -> Result<Content, String> {
        if let Some(why) = self.unwanted(leased) {
            return Err(why);
        }
        match (leased.purpose, self.incident(leased)) {
            (Purpose::Account, _) => note(self.store, leased),
            (Purpose::Webhook, _) if !webhook.is_some_and(|webhook| webhook.enabled) => {
                Err("the webhook was removed or disabled".to_owned())
            }
            (Purpose::Page | Purpose::Notice | Purpose::Webhook | Purpose::Edit, Some(listed)) => {
                Ok(Content::Incident(Box::new(self.news(leased, listed)?)))
            }
            (Purpose::Page | Purpose::Notice | Purpose::Webhook | Purpose::Edit, None) => {
                Err("the incident is not there any more".to_owned())
            }
        }
    }

    /// What an incident was when the message about it was decided on.
    fn facts(&self, leased: &Leased) -> Option<IncidentFacts> {
        let listed = self.incident(leased)?;
        self.news(leased, listed).ok().map(|news| news.incident)
    }
}

fn note(store: &Store, leased: &Leased) -> Result<Content, String> {
    let AccountText { subject, text } = leased.account_text(&store.sealer).map_err(|error| {
        tracing::error!(delivery.id = %leased.id, error = %error, "an account message cannot be opened");
        "its text cannot be opened with this secret key".to_owned()
    })?;
    Ok(Content::Note { subject, text })
}

impl Desk<'_> {
    fn news(&self, leased: &Leased, listed: &Listed) -> Result<IncidentMessage, String> {
        let (links, directory) = (self.links, &self.picture.directory);
        let snapshot = leased.snapshot().map_err(|error| {
            tracing::error!(delivery.id = %leased.id, error = %error, "a message cannot be read");
            "what it was to say cannot be read".to_owned()
        })?;
        let incident = &listed.incident;
        let snapshot = match self.shows_now(leased) {
            true => Snapshot {
                status: incident.status,
                urgency: incident.urgency,
                assignee: incident.assignee,
            },
            false => snapshot,
        };
        let happening = match leased.purpose {
            Purpose::Edit => Some(led_to(incident.status)),
            Purpose::Page | Purpose::Notice | Purpose::Webhook | Purpose::Account => leased.happening,
        };
        let assignee = snapshot.assignee.map(|id| Named {
            id,
            name: directory.user_name(id).to_owned(),
        });
        let service = directory.services.get(&incident.service);
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
        let to_people = matches!(leased.purpose, Purpose::Page | Purpose::Notice) && leased.user.is_some();
        Ok(IncidentMessage {
            happening: happening.unwrap_or(Happening::Triggered),
            at: leased.created_at,
            incident: facts,
            reason: to_people.then(|| format!("Why you: {}.", leased.reason)),
            answer: leased
                .user
                .filter(|_| leased.purpose == Purpose::Page)
                .map(|user| self.answer(leased, incident.id, user)),
            unsubscribe_url: leased.user.filter(|_| leased.purpose == Purpose::Notice).map(|user| {
                link(
                    &links.public_url,
                    &format!("/unsubscribe/{}", news_token(&links.ack_key, user)),
                )
            }),
            mention: snapshot.assignee.and_then(|id| slack_name(directory, id)),
        })
    }

    /// Whether a message shows where the incident stands now, and not where it stood when the message was decided on: an
    /// edit does, and so does what changes an earlier message and was late, lest it undo a later one.
    fn shows_now(&self, leased: &Leased) -> bool {
        match (leased.purpose, leased.webhook) {
            (Purpose::Edit, _) => true,
            (Purpose::Notice, _) => leased.user.is_none() && leased.tries > 1,
            (Purpose::Webhook, Some(id)) => {
                let kind = self.webhooks.get(&id).map(|webhook| webhook.kind);
                kind == Some(WebhookKind::Telegram) && leased.tries > 1
            }
            (Purpose::Page | Purpose::Account | Purpose::Webhook, _) => false,
        }
    }

    /// How the person who is paged answers.
    fn answer(&self, leased: &Leased, incident: IncidentId, user: UserId) -> Answer {
        let key = &self.links.ack_key;
        let expires = leased
            .created_at
            .saturating_add(ACK_LINK_LASTS)
            .unwrap_or(Timestamp::MAX);
        let token = ack_token(key, incident, user, expires);
        Answer {
            url: link(&self.links.public_url, &format!("/ack/{token}")),
            code: reply_code(key, incident, user),
            token,
        }
    }
}

/// What must have happened to an incident that stands so.
const fn led_to(status: Status) -> Happening {
    match status {
        Status::Open => Happening::Triggered,
        Status::Acknowledged => Happening::Acknowledged,
        Status::Snoozed | Status::Suppressed => Happening::Snoozed,
        Status::Resolved => Happening::Resolved,
    }
}

/// By what Slack knows a person: their member identity where they have given it, else their mail address.
fn slack_name(directory: &Directory, user: UserId) -> Option<String> {
    let person = directory.users.get(&user)?;
    let own = person
        .contact_methods
        .iter()
        .find(|method| method.channel == Channel::Slack && method.verified);
    Some(own.map_or_else(|| person.email.clone(), |method| method.address.clone()))
}
