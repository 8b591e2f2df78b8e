//! Eight weeks of incidents, made by the rules that make them in earnest: each from its first request to its end, with
//! every page on the way.

use std::{collections::VecDeque, sync::Arc};

use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::Channel,
    escalation,
    event::{Action, Event, Normalised},
    id::{ChangeId, IncidentId, ReceiptId, UserId},
    incident::{Actor, Change, Incident, OpenedBy},
};
use opsknight_sources::{Request, by_type};
use opsknight_store::{
    Store,
    changes::{self, ChangeEvent},
    db::{DbError, Tx},
    deliveries,
    directory::{Picture, Pictures},
    effects::Batch,
    incidents,
    receipts::{self, Receipt},
};
use opsknight_web::state::Clock as _;
use serde_json::{Value, json};
use url::Url;

use super::{
    chance::{Dice, StoryClock},
    organisation::{Door, Made},
    plots::{self, Deploy, Fate, NOTES, Scene},
};
use crate::{
    config::Settings,
    engine::{
        deliver::{Links, Pretended, rehearse},
        ingest::Taken,
    },
};

/// The same story every time.
const SEED: u64 = 0x0b5_1a27_5eed;
/// What links in messages begin with where nothing is set; nobody reads them.
const NO_URL: &str = "http://localhost:8080";
/// Most things that happen to one incident.
const TURNS_MAX: usize = 400;

/// What every scene needs.
struct Stage {
    store: Store,
    clock: StoryClock,
    links: Links,
    picture: Arc<Picture>,
    made: Made,
    now: Timestamp,
}

/// Writes the history and says how many incidents it has.
pub(super) async fn tell(store: &Store, settings: &Settings, made: Made, now: Timestamp) -> anyhow::Result<usize> {
    // The story tells of pages, whether or not a provider is set up where it is told.
    let ways: std::collections::BTreeSet<Channel> = [Channel::Email, Channel::Sms, Channel::Whatsapp].into();
    let store = Store {
        pictures: Pictures::new(store.sealer.clone(), ways.into()),
        ..store.clone()
    };
    let pictures = store.pictures.clone();
    let picture = store.db.read(async move |tx| pictures.current(tx, now).await).await?;
    let links = Links {
        public_url: settings.public_url.clone().map_or_else(|| Url::parse(NO_URL), Ok)?,
        ack_key: [0; 32],
    };
    let mut dice = Dice::new(SEED);
    let (scenes, deploys) = plots::scenes(now, &mut dice);
    let stage = Arc::new(Stage {
        store,
        clock: StoryClock::new(SEED),
        links,
        picture,
        made,
        now,
    });
    let count = scenes.len();
    deploy(&stage, deploys).await?;
    for (n, scene) in scenes.into_iter().enumerate() {
        let (stage, name) = (stage.clone(), scene.plot.alert);
        let store = stage.store.clone();
        let unit = async move |tx: &mut Tx<'_>| Play::new(&stage, &scene, n).run(tx).await;
        store
            .db
            .write(unit)
            .await
            .with_context(|| format!("{name} was not told"))?;
    }
    Ok(count)
}

/// The changes of services.
async fn deploy(stage: &Arc<Stage>, deploys: Vec<Deploy>) -> Result<(), DbError> {
    let told = stage.clone();
    let unit = async move |tx: &mut Tx<'_>| {
        for deploy in &deploys {
            told.clock.set(deploy.at);
            let (service, _) = &told.made.services[deploy.service];
            let change = ChangeEvent {
                id: ChangeId::new(told.clock.uuid_v7()),
                service: *service,
                integration: None,
                summary: deploy.summary.clone(),
                source: Some("GitHub Actions".into()),
                occurred_at: Some(deploy.at),
                custom_details: json!({ "environment": "production" }),
                links: Vec::new(),
                created_at: deploy.at,
            };
            changes::insert(tx, &change).await?;
        }
        Ok::<_, DbError>(())
    };
    stage.store.db.write(unit).await
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// The tool tells of it once more.
    Again,
    Acknowledge,
    Note(&'static str),
    Snooze(i64),
    /// The tool says that it is over.
    End,
    /// A person says so.
    Resolve,
}

/// One incident on its way.
struct Play<'a> {
    stage: &'a Stage,
    scene: &'a Scene,
    n: usize,
    dice: Dice,
    door: &'a Door,
    deeds: VecDeque<(Timestamp, Deed)>,
}

impl<'a> Play<'a> {
    fn new(stage: &'a Stage, scene: &'a Scene, n: usize) -> Self {
        let (_, door) = &stage.made.services[scene.plot.service];
        let mut play = Self {
            stage,
            scene,
            n,
            dice: Dice::new(scene.seed),
            door,
            deeds: VecDeque::new(),
        };
        play.plan();
        play
    }

    /// Who does what, and when.
    fn plan(&mut self) {
        let urgent = self.scene.plot.severity == "critical";
        let dice = &mut self.dice;
        let mut at = self.scene.at;
        let mut deeds = Vec::new();
        let mut then = |seconds: i64, deed| {
            at = at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at);
            deeds.push((at, deed));
        };
        for _ in 0..dice.below(if urgent { 4 } else { 2 }) {
            then(dice.between(15, 70), Deed::Again);
        }
        match self.scene.fate {
            Fate::Ignored => then(dice.between(120, 290), Deed::End),
            Fate::Open => {}
            Fate::Handled | Fate::Acknowledged | Fate::Snoozed => {
                let answer = match (self.scene.slow, urgent) {
                    (true, _) => dice.between(330, 1_500),
                    (false, true) => dice.between(25, 220),
                    (false, false) => dice.between(40, 280),
                };
                then(answer, Deed::Acknowledge);
                if dice.chance(if urgent { 70 } else { 25 }) {
                    then(
                        dice.between(60, 900),
                        Deed::Note(dice.one(&NOTES).copied().unwrap_or(NOTES[0])),
                    );
                }
            }
        }
        match self.scene.fate {
            Fate::Snoozed => then(300, Deed::Snooze(24 * 60)),
            Fate::Handled if !urgent && dice.chance(8) => {
                then(dice.between(60, 300), Deed::Snooze(30));
                then(dice.between(1_900, 2_400), Deed::Acknowledge);
                then(dice.between(300, 1_800), Deed::End);
            }
            Fate::Handled => {
                let by_hand = dice.chance(30);
                let took = if dice.chance(12) {
                    dice.between(5_000, 20_000)
                } else {
                    dice.between(240, 3_300)
                };
                then(took, if by_hand { Deed::Resolve } else { Deed::End });
            }
            Fate::Ignored | Fate::Open | Fate::Acknowledged => {}
        }
        self.deeds = deeds.into();
    }

    /// Lets everything happen in its order, until nothing is left or it is now.
    async fn run(mut self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        self.stage.clock.set(self.scene.at);
        let id = self.open(tx).await?;
        for _ in 0..TURNS_MAX {
            let Some(incident) = incidents::lock(tx, id).await? else {
                break;
            };
            let message = deliveries::next_due(tx, &[]).await?;
            let (due, deed) = (incident.due_at(), self.deeds.front().map(|(at, _)| *at));
            let next = [message, due, deed].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= self.stage.now) else {
                break;
            };
            self.stage.clock.set(next.max(self.stage.clock.now()));
            if message == Some(next) {
                self.send(tx).await?;
            } else if due == Some(next) {
                let change = escalation::tick(incident, &self.stage.picture.directory, next);
                self.write(tx, change, None).await?;
            } else if let Some((_, deed)) = self.deeds.pop_front() {
                self.act(tx, incident, deed).await?;
            }
        }
        Ok(())
    }

    fn sender(&self) -> Actor {
        Actor::Integration {
            name: self.door.name.to_owned(),
        }
    }

    /// What the tool sends, as its source reads it.
    fn request(&self, resolved: bool) -> (Value, Option<Event>) {
        let body = plots::body(self.door.type_name, &self.scene.plot, self.n, resolved, self.scene.at);
        let bytes = body.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body: bytes.as_bytes(),
        };
        let read = by_type(self.door.type_name).and_then(|source| source.parse(&request, None).ok());
        let event = read.into_iter().flatten().find_map(|event| match event {
            Normalised::Event(event) => Some(*event),
            Normalised::Ignored { .. } => None,
        });
        (body, event)
    }

    async fn open(&self, tx: &mut Tx<'_>) -> Result<IncidentId, DbError> {
        let (stage, at) = (self.stage, self.scene.at);
        let (body, event) = self.request(false);
        let event = event.ok_or_else(|| DbError::Corrupt {
            what: format!("{} does not read {body}", self.door.type_name),
        })?;
        let (service, _) = &stage.made.services[self.scene.plot.service];
        let directory = &stage.picture.directory;
        let Some(known) = directory.services.get(service) else {
            return Err(DbError::Corrupt {
                what: format!("{service} was not made"),
            });
        };
        let id = IncidentId::new(stage.clock.uuid_v7());
        let change = Incident::open(id, known, OpenedBy::Event(&event), &self.sender(), directory, at);
        self.write(tx, Some(change), Some(("triggered", body, event))).await?;
        Ok(id)
    }

    async fn act(&mut self, tx: &mut Tx<'_>, incident: Incident, deed: Deed) -> Result<(), DbError> {
        let (directory, now) = (&self.stage.picture.directory, self.stage.clock.now());
        let somebody = self.somebody(&incident);
        let (change, alert) = match deed {
            Deed::Again => {
                let (body, event) = self.request(false);
                let Some(event) = event else { return Ok(()) };
                let change = incident.add(&event, &self.sender(), directory, now);
                (Some(change), Some(("deduplicated", body, event)))
            }
            Deed::End => {
                let (body, event) = self.request(true);
                let Some(event) = event.filter(|event| event.action == Action::Resolve) else {
                    return Ok(());
                };
                let change = incident.resolve(&self.sender(), None, directory, now);
                (change.ok(), Some(("resolved", body, event)))
            }
            Deed::Acknowledge => (incident.acknowledge(&somebody, directory, now).ok(), None),
            Deed::Note(text) => (incident.note(text, &somebody, directory, now).ok(), None),
            Deed::Snooze(minutes) => (incident.snooze(minutes, &somebody, directory, now).ok(), None),
            Deed::Resolve => {
                let note = self
                    .dice
                    .chance(60)
                    .then_some("Fixed. The follow-up is in the tracker.");
                (incident.resolve(&somebody, note, directory, now).ok(), None)
            }
        };
        self.write(tx, change, alert).await
    }

    /// Who is called, or else the first of the team.
    fn somebody(&self, incident: &Incident) -> Actor {
        let directory = &self.stage.picture.directory;
        let team = incident.team.and_then(|team| directory.teams.get(&team));
        let first = team.and_then(|team| team.members.first()).map(|member| member.user);
        let id: UserId = incident.assignee.or(first).unwrap_or(self.stage.made.people[0]);
        Actor::User {
            id,
            name: directory.user_name(id).to_owned(),
        }
    }

    /// Writes what was decided, and the request that led to it.
    async fn write(
        &self,
        tx: &mut Tx<'_>,
        change: Option<Change>,
        alert: Option<(&'static str, Value, Event)>,
    ) -> Result<(), DbError> {
        let Some(change) = change else { return Ok(()) };
        let (clock, now) = (&self.stage.clock, self.stage.clock.now());
        let mut fresh = || clock.uuid_v7();
        let mut batch = Batch::default();
        if let Some((action, body, event)) = alert {
            let receipt = self.receipt(action, &body, &event, &change.incident);
            batch.alert(change.incident.id, Some(receipt.id), &event, &mut fresh, now);
            if action == "triggered" {
                batch.opened_by(change.incident.id, self.door.id);
            }
            receipts::insert(tx, vec![receipt]).await?;
        }
        batch.take(change, &mut fresh, now);
        batch.write(tx, &mut fresh, now).await?;
        Ok(())
    }

    fn receipt(&self, action: &'static str, body: &Value, event: &Event, incident: &Incident) -> Receipt {
        let slug = by_type(self.door.type_name).map_or("webhook", |source| source.slug());
        let taken = Taken::of(action, event, incident);
        let (service, _) = &self.stage.made.services[self.scene.plot.service];
        Receipt {
            id: ReceiptId::new(self.stage.clock.uuid_v7()),
            at: self.stage.clock.now(),
            integration: Some(self.door.id),
            service: Some(*service),
            kind: self.door.type_name.to_owned(),
            method: "POST".to_owned(),
            path: format!("/api/integrations/{slug}"),
            query: String::new(),
            headers: json!({ "content-type": "application/json" }),
            body: body.to_string().into_bytes(),
            status: 202,
            results: json!([taken.stored(&Normalised::Event(Box::new(event.clone())))]),
            remote_id: None,
            is_test: false,
            replay_of: None,
        }
    }

    /// Everything that is due goes out, as far as the story is concerned.
    async fn send(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        let stage = self.stage;
        rehearse(tx, &stage.store, &stage.clock, &stage.links, &pretend).await
    }
}

/// What a provider would have said: mostly that it took it.
fn pretend(channel: &str, chance: u32) -> Pretended {
    let (provider, taken, (often, refused)) = match channel {
        "EMAIL" => (
            "SMTP",
            "250 2.0.0 Ok: queued as 4XkQ7c1n2Tz9rMd",
            (1, "550 5.1.1 The mail account does not exist"),
        ),
        "SMS" => ("TWILIO", "queued", (7, "30003: Unreachable destination handset")),
        "WHATSAPP" => ("META", "accepted", (2, "131026: Message undeliverable")),
        _ => ("WEBHOOK", "200 OK", (0, "")),
    };
    if chance < often {
        return Pretended::refused(provider, refused);
    }
    match channel {
        "EMAIL" if chance > 97 => Pretended::later(provider, "451 4.7.1 Greylisted, try again later"),
        _ => Pretended::taken(provider, taken),
    }
}
