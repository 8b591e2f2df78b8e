//! Twilio: text messages that people send, keys that they press in a call, and what became of messages and calls.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use opsknight_channels::{
    Secret,
    commands::{Command, Which, parse},
    twilio::{
        incoming::{CallState, CallStatus, Inbound, MessageState, MessageStatus, OptOut, Pressed, verify},
        twiml as xml,
    },
    voice::twiml as voice_xml,
};
use opsknight_domain::{
    directory::{Channel, Trouble, User},
    id::DeliveryId,
    incident::Status,
};
use opsknight_store::{db::Tx, deliveries::Name, incidents::Listed, troubles};
use opsknight_web::{
    ack::{ACK_LINK_PURPOSE, AckLink, read_ack_token},
    actions::incidents::Act,
    state::link,
};

use super::{
    Denied, Desk, Refused, body, form, invalid, path_and_query, taken, text, twiml, unavailable, unready,
    who::{self, Done, Wanted},
};
use crate::engine::deliver::{Report, Reported};

/// Most incidents that one text message does something to.
const AT_ONCE_MAX: usize = 200;

/// A call that is Twilio's.
struct Call {
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Call {
    fn asked(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Which message it is about: ours by the address, or by Twilio's own identity.
    fn name(&self, sid: &str) -> Name {
        let ours = self.asked("delivery").and_then(|id| id.parse::<DeliveryId>().ok());
        ours.map_or_else(|| Name::Theirs(sid.to_owned()), Name::Ours)
    }
}

impl Desk {
    /// Takes a call that an account that is set up here has signed.
    async fn twilio(&self, request: Request) -> Result<Call, Refused> {
        let path = path_and_query(&request);
        let signature = text(request.headers(), "x-twilio-signature").to_owned();
        let body = body(request).await?;
        let params = form(&body);
        let url = link(&self.state.public_url, &path);
        let mut tokens: Vec<Secret> = Vec::new();
        for channel in [Channel::Sms, Channel::Voice, Channel::Whatsapp] {
            let found = self.outbox.credentials(channel, "TWILIO", "authToken").await;
            tokens.extend(found.map_err(|error| unready(&error))?);
        }
        if !tokens.iter().any(|token| verify(token, &url, &params, &signature)) {
            tracing::warn!("a call that says that it is Twilio's is not signed by an account that is set up");
            return Err(Denied::Unauthorized.into());
        }
        let query = path.split_once('?').map_or("", |(_, query)| query);
        Ok(Call {
            params,
            query: form(query.as_bytes()),
        })
    }
}

/// `POST /api/twilio/sms`: a person has sent a text or a WhatsApp message.
pub(super) async fn message(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let call = desk.twilio(request).await?;
    let inbound = Inbound::of(&call.params).map_err(invalid)?;
    if desk.was_heard("twilio", &inbound.sid).await? {
        return Ok(twiml(xml::nothing()));
    }
    let channel = if inbound.whatsapp {
        Channel::Whatsapp
    } else {
        Channel::Sms
    };
    match inbound.opt_out {
        // Twilio answers these itself, and sends nothing more to who has said STOP.
        Some(OptOut::Stop) => {
            desk.stop(channel, &inbound.from).await?;
            return Ok(twiml(xml::nothing()));
        }
        Some(OptOut::Start) => {
            desk.start(channel, &inbound.from).await?;
            return Ok(twiml(xml::nothing()));
        }
        Some(OptOut::Help) => return Ok(twiml(xml::nothing())),
        None => {}
    }
    let said = inbound.payload.as_deref().unwrap_or(&inbound.text);
    let answers = inbound.in_reply_to.as_deref();
    let answer = desk.texted(channel, &inbound.from, said, answers).await?;
    let first = desk.is_first("twilio", &inbound.sid).await?;
    Ok(twiml(if first { xml::message(&answer) } else { xml::nothing() }))
}

impl Desk {
    /// Whoever has this address wants no more messages.
    pub(super) async fn stop(&self, channel: Channel, address: &str) -> Result<(), Refused> {
        let (address, now) = (address.to_owned(), self.now());
        let unit = async move |tx: &mut Tx<'_>| {
            troubles::note(tx, (channel, &address), Trouble::Stopped, "they have replied STOP", now).await
        };
        self.store().db.write(unit).await.map_err(unavailable)?;
        Ok(())
    }

    /// Whoever has this address wants messages again.
    pub(super) async fn start(&self, channel: Channel, address: &str) -> Result<(), Refused> {
        let (address, now) = (address.to_owned(), self.now());
        let unit = async move |tx: &mut Tx<'_>| troubles::clear(tx, (channel, &address), now).await;
        self.store().db.write(unit).await.map_err(unavailable)?;
        Ok(())
    }

    /// Does what somebody texts, and says what came of it. `in_reply_to` is the provider's identity of the message that
    /// they answered, where the medium says so.
    pub(super) async fn texted(
        &self,
        channel: Channel,
        from: &str,
        said: &str,
        in_reply_to: Option<&str>,
    ) -> Result<String, Refused> {
        let picture = self.picture().await?;
        let people = who::by_address(&picture.directory, channel, from);
        if people.is_empty() {
            tracing::info!("a {} message came from an address that nobody has", channel.name());
            return Ok("OpsKnight does not know this number. Add it to your profile first.".into());
        }
        let (wish, which, statuses, verb): (Act, _, &[Status], _) = match parse(said) {
            Some(Command::Acknowledge(which)) => (Act::Acknowledge, which, &[Status::Open], "acknowledged"),
            Some(Command::Resolve(which)) => {
                let open = &[Status::Open, Status::Acknowledged, Status::Snoozed, Status::Suppressed];
                (Act::Resolve { note: None }, which, open, "resolved")
            }
            Some(Command::Stop) => {
                self.stop(channel, from).await?;
                return Ok("You get no more messages here. Write START to get them again.".into());
            }
            Some(Command::Start) => {
                self.start(channel, from).await?;
                return Ok("You get messages here again.".into());
            }
            Some(Command::Help) | None => return Ok(HOW.into()),
        };
        let (which, meant) = self.named(&people, which, in_reply_to, statuses).await?;
        match (&which, meant.as_slice()) {
            (Wanted::Code(code), []) => Ok(format!("No incident of yours has the code {code}.")),
            (Wanted::All | Wanted::Only | Wanted::Of(_), []) => Ok(format!("Nothing of yours is left to be {verb}.")),
            (Wanted::Only, [_, _, ..]) => Ok(format!(
                "You were called to {} incidents. Name one by its code, or say all.",
                meant.len()
            )),
            (_, [one]) => self.one(one, wish, verb).await,
            (_, many) => self.many(many, &wish, verb).await,
        }
    }

    /// What the people who may have written mean, each incident once, with whom it was that it names.
    async fn named<'p>(
        &self,
        people: &[&'p User],
        which: Which,
        in_reply_to: Option<&str>,
        statuses: &[Status],
    ) -> Result<(Wanted, Vec<(&'p User, Listed)>), Refused> {
        let unnamed = which == Which::Only;
        let mut wanted = Wanted::of(which, in_reply_to);
        loop {
            let mut meant: Vec<(&User, Listed)> = Vec::new();
            for person in people {
                for listed in self.meant(person.id, &wanted, statuses).await? {
                    if !meant.iter().any(|(_, other)| other.incident.id == listed.incident.id) {
                        meant.push((person, listed));
                    }
                }
            }
            // An answer to something else than a page counts like one to nothing.
            if !meant.is_empty() || !unnamed || matches!(wanted, Wanted::Only) {
                return Ok((wanted, meant));
            }
            wanted = Wanted::Only;
        }
    }

    async fn one(&self, (user, listed): &(&User, Listed), wish: Act, verb: &str) -> Result<String, Refused> {
        let number = listed.incident.number;
        Ok(match self.wish(user, listed.incident.id, wish).await? {
            Done::Did => format!("#{number} is {verb}."),
            Done::Not(why) => format!("#{number}: {why}."),
        })
    }

    async fn many(&self, all: &[(&User, Listed)], wish: &Act, verb: &str) -> Result<String, Refused> {
        let mut did = 0;
        for (user, listed) in all.iter().take(AT_ONCE_MAX) {
            if let Done::Did = self.wish(user, listed.incident.id, wish.clone()).await? {
                did += 1;
            }
        }
        Ok(match all.len().saturating_sub(AT_ONCE_MAX) {
            0 => format!("{did} incidents are {verb}."),
            left => format!("{did} incidents are {verb}; {left} are left. Say it again."),
        })
    }
}

/// What can be said.
const HOW: &str = "Reply \"ack\" or \"resolve\" and the code of the message, or \"ack all\".";

/// `POST /api/twilio/status`: what became of a text or WhatsApp message.
pub(super) async fn status(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let call = desk.twilio(request).await?;
    let status = MessageStatus::of(&call.params).map_err(invalid)?;
    let what = match status.state {
        MessageState::Delivered => Reported::Arrived,
        MessageState::Read => Reported::Read,
        MessageState::Failed { why } | MessageState::Undelivered { why } => Reported::Lost {
            for_good: is_for_good(status.code),
            why,
        },
        MessageState::Sent | MessageState::Other => return Ok(taken()),
    };
    let name = call.name(&status.sid);
    desk.report(vec![Report {
        name,
        what,
        address: None,
    }])
    .await?;
    Ok(taken())
}

/// Codes by which a number is known to take no messages (Twilio, "Error and Warning Dictionary"): no such handset,
/// landline, unknown destination.
const fn is_for_good(code: Option<u32>) -> bool {
    matches!(code, Some(30_005 | 30_006 | 21_614 | 21_211))
}

/// `POST /api/twilio/voice?token=…`: a person has pressed a key.
pub(super) async fn voice(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let again = link(&desk.state.public_url, &path_and_query(&request));
    let call = desk.twilio(request).await?;
    let pressed = Pressed::of(&call.params).map_err(invalid)?;
    let key = desk.store().sealer.signing_key(ACK_LINK_PURPOSE);
    let link = call.asked("token").and_then(|token| read_ack_token(&key, token));
    let Some(AckLink { incident, user, .. }) = link.filter(|link| link.expires > desk.now()) else {
        return Ok(twiml(voice_xml::failed("this call is too old")));
    };
    let picture = desk.picture().await?;
    let (Some(user), Some(listed)) = (picture.directory.users.get(&user), desk.incident(incident).await?) else {
        return Ok(twiml(voice_xml::failed("the incident is not there any more")));
    };
    let number = listed.incident.number;
    let wish = match pressed.digits.as_str() {
        "4" => Act::Acknowledge,
        "6" => Act::Resolve { note: None },
        _ => {
            let again = url::Url::parse(&again).map_err(|_| invalid("the address is no URL"))?;
            return Ok(twiml(voice_xml::not_understood(&again)));
        }
    };
    let resolves = wish != Act::Acknowledge;
    Ok(twiml(match desk.wish(user, incident, wish).await? {
        Done::Did if resolves => voice_xml::resolved(number),
        Done::Did => voice_xml::acknowledged(number),
        Done::Not(_) if listed.incident.status != Status::Open => voice_xml::already(number, listed.incident.status),
        Done::Not(why) => voice_xml::failed(&why),
    }))
}

/// `POST /api/twilio/call-status`: how a call ended.
pub(super) async fn call_status(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refused> {
    let call = desk.twilio(request).await?;
    let status = CallStatus::of(&call.params).map_err(invalid)?;
    let lost = |why: &str| Reported::Lost {
        why: why.to_owned(),
        for_good: false,
    };
    let what = match status.state {
        CallState::Completed => Reported::Arrived,
        CallState::Busy => lost("the line was busy"),
        CallState::NoAnswer => lost("nobody took the call"),
        CallState::Failed => lost("the call could not be made"),
        CallState::Canceled => lost("the call was cancelled"),
        CallState::Other => return Ok(taken()),
    };
    let name = call.name(&status.sid);
    desk.report(vec![Report {
        name,
        what,
        address: None,
    }])
    .await?;
    Ok(taken())
}
