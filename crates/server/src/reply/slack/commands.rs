//! `/opsknight`: what each command does, and what it answers.

use opsknight_channels::slack::{
    answers::{self, OnCall},
    incoming::{Asked, Command},
};
use opsknight_domain::{
    directory::{Directory, Role, Service, User},
    incident::{Actor, Manual, Status},
    urgency::Urgency,
};
use opsknight_store::{db::Tx, incidents};
use opsknight_web::actions::incidents::{Act, Opening, open};
use serde_json::Value;

use super::{
    super::{Desk, Refused, unavailable, who::Done},
    Who,
    facts::facts,
};

/// How many incidents are listed.
const LISTED_MAX: i64 = 15;

impl Desk {
    /// Does what a command asks for, and says what came of it. Everybody whom we know may read; to do something the
    /// same role is needed as on pages.
    pub(super) async fn commanded(&self, command: &Command) -> Result<Value, Refused> {
        let not_needed = matches!(command.asked, Asked::Help | Asked::Wrong { .. });
        if not_needed {
            return Ok(match &command.asked {
                Asked::Wrong { why } => answers::said(why),
                _ => answers::help(),
            });
        }
        if self.is_again(&command.trigger_id).await? {
            return Ok(answers::said("This was heard already."));
        }
        let client = self.client().await;
        let user = match self.member(client.as_ref(), &command.team, &command.user).await? {
            Who::Known(user) => user,
            Who::Unknown(email) => return Ok(answers::unknown_person(email.as_deref())),
        };
        match &command.asked {
            Asked::Incidents => self.list().await,
            Asked::OnCall => self.on_call().await,
            Asked::Acknowledge { number } => self.numbered(&user, *number, Act::Acknowledge, "acknowledged").await,
            Asked::Resolve { number, note } => {
                let wish = Act::Resolve { note: note.clone() };
                self.numbered(&user, *number, wish, "resolved").await
            }
            Asked::Create { title, service } => self.create(&user, title, service.as_deref()).await,
            Asked::Help | Asked::Wrong { .. } => Ok(answers::help()),
        }
    }

    async fn list(&self) -> Result<Value, Refused> {
        let filter = incidents::Filter {
            statuses: vec![Status::Open, Status::Acknowledged, Status::Snoozed],
            limit: LISTED_MAX,
            ..incidents::Filter::default()
        };
        let unit = async move |tx: &mut Tx<'_>| incidents::list(tx, &filter).await;
        let (found, _) = self.store().db.read(unit).await.map_err(unavailable)?;
        let found: Vec<_> = found.iter().map(|listed| facts(&self.state, listed)).collect();
        Ok(answers::incidents_list(&found))
    }

    async fn on_call(&self) -> Result<Value, Refused> {
        let (picture, now) = (self.picture().await?, self.now());
        let directory = &picture.directory;
        let mut people: Vec<OnCall> = directory
            .schedules
            .values()
            .map(|schedule| OnCall {
                schedule: schedule.name.clone(),
                person: schedule
                    .on_call(now)
                    .user()
                    .map(|user| directory.user_name(user).to_owned()),
                until: schedule.next_change(now),
            })
            .collect();
        people.sort_by(|a, b| a.schedule.cmp(&b.schedule));
        Ok(answers::on_call(&people))
    }

    async fn numbered(&self, user: &User, number: i64, wish: Act, verb: &str) -> Result<Value, Refused> {
        let unit = async move |tx: &mut Tx<'_>| incidents::by_number(tx, number).await;
        let Some(listed) = self.store().db.read(unit).await.map_err(unavailable)? else {
            return Ok(answers::said(&format!("There is no incident #{number}.")));
        };
        Ok(answers::said(&match self.wish(user, listed.incident.id, wish).await? {
            Done::Did => format!("#{number} is {verb}."),
            Done::Not(why) => format!("#{number}: {why}."),
        }))
    }

    async fn create(&self, user: &User, title: &str, service: Option<&str>) -> Result<Value, Refused> {
        if user.role < Role::Responder {
            return Ok(answers::said("This needs the role RESPONDER."));
        }
        let picture = self.picture().await?;
        let service = match named(&picture.directory, service) {
            Ok(service) => service,
            Err(why) => return Ok(answers::said(&why)),
        };
        let opening = Opening {
            service: service.id,
            manual: Manual {
                title: title.to_owned(),
                description: None,
                urgency: Urgency::High,
                priority: None,
                assignee: None,
                team: None,
                dedup_key: String::new(),
                custom_details: Value::Null,
            },
        };
        let actor = Actor::User {
            id: user.id,
            name: user.name.clone(),
        };
        Ok(match open(&self.state, opening, actor).await {
            Ok(listed) => answers::incidents_list(&[facts(&self.state, &listed)]),
            Err(error) => answers::said(error.message()),
        })
    }
}

/// The service of this name, in whatever case; the only one where none is named.
fn named<'d>(directory: &'d Directory, name: Option<&str>) -> Result<&'d Service, String> {
    let services = &directory.services;
    let example = "/opsknight create \"Checkout is down\" Web Shop";
    let Some(name) = name else {
        return match services.len() {
            1 => services
                .values()
                .next()
                .ok_or_else(|| "There is no service.".to_owned()),
            _ => Err(format!("Say for which service: {example}")),
        };
    };
    let wanted = name.to_lowercase();
    let mut found: Vec<&Service> = services
        .values()
        .filter(|service| service.name.to_lowercase() == wanted)
        .collect();
    if found.is_empty() {
        found = services
            .values()
            .filter(|service| service.name.to_lowercase().contains(&wanted))
            .collect();
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(format!("There is no service with the name {name}.")),
        [..] => Err(format!(
            "Several services have {name} in their name; say the whole of it."
        )),
    }
}
