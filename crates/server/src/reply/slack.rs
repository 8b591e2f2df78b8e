//! Slack: buttons, the dialog that resolves, the commands, and what becomes of the app in a workspace.
//!
//! Slack waits three seconds for an answer and shows an error after that. So a call is answered within that time in any
//! case, and what takes longer, because Slack itself must be asked who somebody is, goes on behind it and answers by the
//! address that the call brings.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use opsknight_channels::{
    Secret,
    slack::{
        Slack, answers,
        incoming::{
            Action, Command, Event, Interaction, Pressed, RETRY_HEADER, ResolveSubmitted, SIGNATURE_HEADER,
            TIMESTAMP_HEADER, verify,
        },
    },
};
use opsknight_domain::{
    directory::{Channel, User},
    id::IncidentId,
    incident::Status,
};
use opsknight_store::{db::Tx, heard, refusal::ChangeError, slack as workspaces};
use opsknight_web::actions::incidents::Act;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Denied, Desk, Refused, body, invalid, taken, text, unavailable, unready,
    who::{self, Done},
};

mod commands;
mod facts;

use facts::facts;

/// How long a call is worked on before it is answered. Slack gives up after three seconds ("Interactivity", "Responding").
const ANSWER_WITHIN: Duration = Duration::from_millis(2_500);

/// What is not known of somebody in Slack.
enum Who {
    Known(Box<User>),
    /// With the mail address that Slack knows them by, where it says.
    Unknown(Option<String>),
}

impl Desk {
    /// Takes a call that Slack has signed.
    async fn slack(&self, request: Request) -> Result<axum::body::Bytes, Refused> {
        let headers = request.headers().clone();
        let body = body(request).await?;
        let secrets = self.outbox.slack_secrets("signingSecret").await;
        let secrets: Vec<Secret> = secrets.map_err(|error| unready(&error))?;
        let (time, signature) = (text(&headers, TIMESTAMP_HEADER), text(&headers, SIGNATURE_HEADER));
        let signed = |secret: &Secret| verify(secret, time, signature, &body, self.now()).is_ok();
        if !secrets.iter().any(signed) {
            tracing::warn!("a call that says that it is Slack's is not signed by the app that is set up");
            return Err(Denied::Unauthorized.into());
        }
        let again = text(&headers, RETRY_HEADER);
        if !again.is_empty() {
            tracing::info!("Slack makes a call for the time number {again}: an answer of ours was late");
        }
        Ok(body)
    }

    /// Who a member of a workspace is with us: who has said that this is their account there, else who has the same mail
    /// address.
    async fn member(&self, client: Option<&Slack>, team: &str, member: &str) -> Result<Who, Refused> {
        let picture = self.picture().await?;
        let with_team = format!("{team}/{member}");
        for address in [member, with_team.as_str()] {
            if let Some(user) = who::by_address(&picture.directory, Channel::Slack, address).first() {
                return Ok(Who::Known(Box::new((*user).clone())));
            }
        }
        let Some(client) = client else {
            return Ok(Who::Unknown(None));
        };
        let email = match client.member_email(team, member, self.now()).await {
            Ok(found) => found.email,
            Err(error) => {
                tracing::warn!(error = %error, "Slack does not say who a member is");
                None
            }
        };
        let user = email
            .as_deref()
            .and_then(|email| who::by_email(&picture.directory, email));
        Ok(match user {
            Some(user) => Who::Known(Box::new(user.clone())),
            None => Who::Unknown(email),
        })
    }

    /// The way to Slack, where there is one now.
    async fn client(&self) -> Option<Slack> {
        match self.outbox.slack_client().await {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(error = %error, "Slack cannot be asked now");
                None
            }
        }
    }

    /// Says something to who pressed or commanded, where only they see it.
    async fn say(&self, client: Option<&Slack>, response_url: &str, answer: &Value) {
        let Some(client) = client.filter(|_| !response_url.is_empty()) else {
            return;
        };
        if let Err(error) = client.respond(response_url, answer, self.now()).await {
            tracing::warn!(error = %error, "an answer to somebody in Slack could not be given");
        }
    }

    /// The same, where the way to Slack must still be found.
    async fn say_to(&self, response_url: &str, answer: &Value) {
        let client = self.client().await;
        self.say(client.as_ref(), response_url, answer).await;
    }

    /// Whether this is a repetition of what somebody pressed or said: its `trigger_id` is its own.
    async fn is_again(&self, trigger_id: &str) -> Result<bool, Refused> {
        Ok(!trigger_id.is_empty() && !self.is_first("slack", trigger_id).await?)
    }
}

/// Works on a call for as long as Slack waits, and on behind it where that is not enough: what comes of it then goes to
/// `late`. None: it goes on.
async fn in_time<T: Send + 'static, L: Future<Output = ()> + Send>(
    desk: &Desk,
    until: Instant,
    work: impl Future<Output = T> + Send + 'static,
    late: impl FnOnce(T) -> L + Send + 'static,
) -> Option<T> {
    let (sender, mut receiver) = oneshot::channel();
    desk.tasks.spawn(async move {
        if let Err(done) = sender.send(work.await) {
            late(done).await;
        }
    });
    match tokio::time::timeout_at(until, &mut receiver).await {
        Ok(done) => done.ok(),
        Err(_late) => {
            // From here on it goes to `late`; what came in this very moment is here.
            receiver.close();
            receiver.try_recv().ok()
        }
    }
}

/// What somebody is told when something of ours is in the way.
fn cannot() -> Value {
    answers::said("OpsKnight cannot do this now. Try again in a moment.")
}

/// `POST /api/slack/actions`: buttons, and the dialog that resolves.
pub(super) async fn actions(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let until = Instant::now() + ANSWER_WITHIN;
    let body = desk.slack(request).await?;
    let (worker, behind) = (desk.clone(), desk.clone());
    match Interaction::read(&body).map_err(|error| invalid(error.to_string()))? {
        Interaction::Pressed(pressed) => {
            let url = pressed.response_url.clone();
            let late = async move |done: Result<(), Refused>| {
                if done.is_err() {
                    behind.say_to(&url, &cannot()).await;
                }
            };
            match in_time(&desk, until, async move { worker.pressed(&pressed).await }, late).await {
                Some(Err(refused)) => Err(refused),
                Some(Ok(())) | None => Ok(taken()),
            }
        }
        Interaction::ResolveSubmitted(submitted) => {
            // The address for answers was given along when the dialog was opened.
            let url = submitted.private_metadata.clone();
            let late = async move |done: Result<Option<String>, Refused>| match done {
                Ok(None) => {}
                Ok(Some(why)) => behind.say_to(&url, &answers::said(&why)).await,
                Err(_) => behind.say_to(&url, &cannot()).await,
            };
            let answer = match in_time(&desk, until, async move { worker.submitted(&submitted).await }, late).await {
                Some(done) => done?.map_or_else(|| json!({}), |why| answers::view_refused(&why)),
                // The dialog closes; the message in the conversation will tell, or what stands in the way is said.
                None => json!({}),
            };
            Ok(axum::Json(answer).into_response())
        }
        Interaction::Other => Ok(taken()),
    }
}

impl Desk {
    async fn pressed(&self, pressed: &Pressed) -> Result<(), Refused> {
        if pressed.action == Action::View || self.is_again(&pressed.trigger_id).await? {
            return Ok(());
        }
        let client = self.client().await;
        let say = async |answer: Value| self.say(client.as_ref(), &pressed.response_url, &answer).await;
        let listed = match pressed.incident.parse::<IncidentId>() {
            Ok(id) => self.incident(id).await?,
            Err(_) => None,
        };
        let Some(listed) = listed else {
            say(answers::said("The incident is not there any more.")).await;
            return Ok(());
        };
        if pressed.action == Action::Resolve
            && listed.incident.status != Status::Resolved
            && let Some(client) = &client
        {
            // The dialog must open within three seconds of the press, so that who it is is asked when it comes back.
            let view = answers::resolve_view(&facts(&self.state, &listed), &pressed.response_url);
            match client
                .open_view(&pressed.team, &pressed.trigger_id, view, self.now())
                .await
            {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(error = %error, "the dialog that resolves could not be opened"),
            }
        }
        let wish = match pressed.action {
            Action::Acknowledge => Act::Acknowledge,
            Action::Resolve => Act::Resolve { note: None },
            Action::Snooze => Act::Snooze {
                minutes: pressed.minutes.unwrap_or(60),
            },
            Action::View => return Ok(()),
        };
        match self.member(client.as_ref(), &pressed.team, &pressed.user).await? {
            Who::Unknown(email) => say(answers::unknown_person(email.as_deref())).await,
            Who::Known(user) => match self.wish(&user, listed.incident.id, wish).await? {
                // The message itself changes, for everybody.
                Done::Did => {}
                Done::Not(why) => say(answers::said(&format!("#{}: {why}.", listed.incident.number))).await,
            },
        }
        Ok(())
    }

    /// Why the dialog does not close, if that is so.
    async fn submitted(&self, submitted: &ResolveSubmitted) -> Result<Option<String>, Refused> {
        let client = self.client().await;
        let Ok(incident) = submitted.incident.parse::<IncidentId>() else {
            return Ok(Some("The incident is not there any more.".into()));
        };
        let wish = Act::Resolve {
            note: submitted.note.clone(),
        };
        Ok(
            match self.member(client.as_ref(), &submitted.team, &submitted.user).await? {
                Who::Unknown(Some(email)) => Some(format!(
                    "OpsKnight knows nobody with the address {email}. Ask an administrator to invite you."
                )),
                Who::Unknown(None) => Some("OpsKnight does not know you. Ask an administrator to invite you.".into()),
                Who::Known(user) => match self.wish(&user, incident, wish).await? {
                    Done::Did => None,
                    Done::Not(why) => Some(why),
                },
            },
        )
    }
}

/// `POST /api/slack/commands`: `/opsknight …`
pub(super) async fn commands(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let until = Instant::now() + ANSWER_WITHIN;
    let body = desk.slack(request).await?;
    let command = Command::read(&body).map_err(|error| invalid(error.to_string()))?;
    let (worker, behind) = (desk.clone(), desk.clone());
    let url = command.response_url.clone();
    let work = async move { worker.commanded(&command).await.unwrap_or_else(|_| cannot()) };
    let late = async move |answer: Value| behind.say_to(&url, &answer).await;
    let answer = in_time(&desk, until, work, late).await;
    Ok(axum::Json(answer.unwrap_or_else(|| answers::said("One moment…"))).into_response())
}

/// `POST /api/slack/events`: the check of the address, and what becomes of the app.
pub(super) async fn events(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let body = desk.slack(request).await?;
    let (team, event) = match Event::read(&body).map_err(|error| invalid(error.to_string()))? {
        Event::UrlVerification { challenge } => {
            return Ok(axum::Json(json!({ "challenge": challenge })).into_response());
        }
        Event::Uninstalled { team, event_id }
        | Event::TokensRevoked {
            team,
            bots: true,
            event_id,
        } => (team, event_id),
        Event::TokensRevoked { bots: false, .. } | Event::Other { .. } => return Ok(taken()),
    };
    let now: Timestamp = desk.now();
    let of = team.clone();
    // Together, so that what could not be done is done when Slack tells it again.
    let unit = async move |tx: &mut Tx<'_>| {
        let is_new = heard::first(tx, "slack", &event, now).await?;
        if is_new {
            workspaces::disconnect(tx, &of, now).await?;
        }
        Ok::<_, ChangeError>(is_new)
    };
    match desk.store().db.write(unit).await {
        Ok(false) => {}
        Ok(true) => tracing::warn!("the app was taken out of the workspace {team} of Slack: it is not told any more"),
        Err(ChangeError::Db(error)) => return Err(unavailable(error).into()),
        Err(ChangeError::Missing(_) | ChangeError::Refused(_)) => {}
    }
    Ok(taken())
}
