//! What somebody pressed, chose or sent off.

use serde_json::Value;

use super::{Form, Unreadable, need, optional};
use crate::slack::{answers, blocks};

/// The longest that an incident can be put off, in minutes: a week.
const SNOOZE_MINUTES_MAX: i64 = 7 * 24 * 60;
/// Longest payload of an interaction, in bytes.
const PAYLOAD_BYTES_MAX: usize = 512 << 10;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Acknowledge.
    Acknowledge,
    /// Resolve: a dialog asks for a note.
    Resolve,
    /// Snooze.
    Snooze,
    /// View: the page has been opened already, and nothing is to be done.
    View,
}

/// Somebody pressed a button of an incident (Slack, "block_actions payload").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// Which.
    pub action: Action,
    /// The incident's id, as it came back: from outside.
    pub incident: String,
    /// For how long to put it off.
    pub minutes: Option<i64>,
    /// Who pressed it, `U…`.
    pub user: String,
    /// The name that they go by in Slack.
    pub user_name: String,
    /// The workspace, `T…`.
    pub team: String,
    /// Where.
    pub channel: String,
    /// In which message.
    pub message_ts: String,
    /// Where answers go, for half an hour; it must be checked before it is called, as `Slack::respond` does.
    pub response_url: String,
    /// What opens a dialog, for three seconds.
    pub trigger_id: String,
}

/// Somebody sent off the dialog of [`answers::resolve_view`] (Slack, "view_submission payload").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveSubmitted {
    /// The incident's id, as it came back: from outside.
    pub incident: String,
    /// How it was solved.
    pub note: Option<String>,
    /// Who sent it off, `U…`.
    pub user: String,
    /// The workspace, `T…`.
    pub team: String,
    /// What was given along when the dialog was opened.
    pub private_metadata: String,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interaction {
    /// A button or list of an incident.
    Pressed(Box<Pressed>),
    /// The dialog that resolves.
    ResolveSubmitted(Box<ResolveSubmitted>),
    /// Nothing that anything is to be done about.
    Other,
}

impl Interaction {
    /// Reads the form that Slack sends, whose one field is JSON.
    ///
    /// # Errors
    ///
    /// It is not that form, or one of our own buttons came back without what it needs.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let form = Form::read(body)?;
        let payload = form
            .get("payload")
            .ok_or_else(|| Unreadable::because("payload is missing"))?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Unreadable::because("payload is too long"));
        }
        let said: Value = serde_json::from_str(payload).map_err(|_| Unreadable::because("payload is not JSON"))?;
        match need(&said["type"], "type")?.as_str() {
            "block_actions" => pressed(&said),
            "view_submission" => submitted(&said),
            _ => Ok(Self::Other),
        }
    }
}

fn pressed(said: &Value) -> Result<Interaction, Unreadable> {
    let ours = said["actions"].as_array().and_then(|all| {
        all.iter()
            .find_map(|one| Some((one, action(one["action_id"].as_str()?)?)))
    });
    let Some((pressed, action)) = ours else {
        return Ok(Interaction::Other);
    };
    let (incident, minutes) = match action {
        Action::Acknowledge | Action::Resolve => (need(&pressed["value"], "value")?, None),
        // A list of incidents has such a button too, which is about none.
        Action::View => (optional(&pressed["value"]).unwrap_or_default(), None),
        Action::Snooze => {
            let Some(chosen) = optional(&pressed["selected_option"]["value"]) else {
                // A choice can be taken back.
                return Ok(Interaction::Other);
            };
            let (incident, minutes) = snooze(&chosen)?;
            (incident, Some(minutes))
        }
    };
    let user = &said["user"];
    Ok(Interaction::Pressed(Box::new(Pressed {
        action,
        incident,
        minutes,
        user: need(&user["id"], "user.id")?,
        user_name: optional(&user["username"])
            .or_else(|| optional(&user["name"]))
            .unwrap_or_default(),
        team: team(said)?,
        channel: optional(&said["channel"]["id"])
            .or_else(|| optional(&said["container"]["channel_id"]))
            .unwrap_or_default(),
        message_ts: optional(&said["container"]["message_ts"])
            .or_else(|| optional(&said["message"]["ts"]))
            .unwrap_or_default(),
        response_url: optional(&said["response_url"]).unwrap_or_default(),
        trigger_id: optional(&said["trigger_id"]).unwrap_or_default(),
    })))
}

fn action(id: &str) -> Option<Action> {
    match id {
        blocks::ACKNOWLEDGE => Some(Action::Acknowledge),
        blocks::RESOLVE => Some(Action::Resolve),
        blocks::SNOOZE => Some(Action::Snooze),
        blocks::VIEW => Some(Action::View),
        _ => None,
    }
}

/// The incident and the minutes of a choice.
fn snooze(chosen: &str) -> Result<(String, i64), Unreadable> {
    let wrong = || Unreadable::because("the choice of a time is not one of ours");
    let (incident, minutes) = chosen.rsplit_once(':').ok_or_else(wrong)?;
    let minutes: i64 = minutes.parse().map_err(|_| wrong())?;
    if incident.is_empty() || !(1..=SNOOZE_MINUTES_MAX).contains(&minutes) {
        return Err(wrong());
    }
    Ok((incident.to_owned(), minutes))
}

fn submitted(said: &Value) -> Result<Interaction, Unreadable> {
    let view = &said["view"];
    if view["callback_id"] != answers::RESOLVE_VIEW {
        return Ok(Interaction::Other);
    }
    let metadata = need(&view["private_metadata"], "view.private_metadata")?;
    let (incident, rest) = metadata.split_once('\n').unwrap_or((&metadata, ""));
    let note = &view["state"]["values"][answers::NOTE_BLOCK][answers::NOTE_INPUT]["value"];
    Ok(Interaction::ResolveSubmitted(Box::new(ResolveSubmitted {
        incident: incident.to_owned(),
        note: optional(note)
            .map(|note| note.trim().to_owned())
            .filter(|note| !note.is_empty()),
        user: need(&said["user"]["id"], "user.id")?,
        team: team(said)?,
        private_metadata: rest.to_owned(),
    })))
}

/// The workspace; where an app belongs to a whole organisation, that of the person or the organisation itself.
fn team(said: &Value) -> Result<String, Unreadable> {
    optional(&said["team"]["id"])
        .or_else(|| optional(&said["user"]["team_id"]))
        .or_else(|| optional(&said["enterprise"]["id"]))
        .ok_or_else(|| Unreadable::because("team.id is missing"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::form_urlencoded;

    use super::*;

    fn form(payload: &Value) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
            .into_bytes()
    }

    fn press(action: Value) -> Value {
        json!({
            "type": "block_actions",
            "user": { "id": "U1", "username": "jane", "name": "jane", "team_id": "T1" },
            "api_app_id": "A1",
            "container": { "type": "message", "message_ts": "1548261231.000200", "channel_id": "C1" },
            "trigger_id": "12466734323.1395872398",
            "team": { "id": "T1", "domain": "ours" },
            "channel": { "id": "C1", "name": "ops" },
            "message": { "type": "message", "ts": "1548261231.000200" },
            "response_url": "https://hooks.slack.com/actions/T1/1/x",
            "actions": [action],
        })
    }

    #[test]
    fn buttons_and_lists_are_read() {
        let good = Pressed {
            action: Action::Acknowledge,
            incident: "inc_1".into(),
            minutes: None,
            user: "U1".into(),
            user_name: "jane".into(),
            team: "T1".into(),
            channel: "C1".into(),
            message_ts: "1548261231.000200".into(),
            response_url: "https://hooks.slack.com/actions/T1/1/x".into(),
            trigger_id: "12466734323.1395872398".into(),
        };
        let payload = press(json!({ "type": "button", "action_id": "opsknight_acknowledge", "value": "inc_1" }));
        assert_eq!(
            Interaction::read(&form(&payload)).unwrap(),
            Interaction::Pressed(Box::new(good.clone()))
        );
        let payload = press(json!({
            "type": "static_select",
            "action_id": "opsknight_snooze",
            "selected_option": { "text": { "type": "plain_text", "text": "1 hour" }, "value": "inc_1:60" },
        }));
        let snoozed = Pressed {
            action: Action::Snooze,
            minutes: Some(60),
            ..good
        };
        assert_eq!(
            Interaction::read(&form(&payload)).unwrap(),
            Interaction::Pressed(Box::new(snoozed))
        );
    }

    #[test]
    fn what_is_not_about_an_incident_is_left_alone() {
        for payload in [
            press(json!({ "action_id": "somebody_elses", "value": "x" })),
            press(json!({ "action_id": "opsknight_snooze", "selected_option": null })),
            json!({ "type": "block_actions", "actions": [] }),
            json!({ "type": "view_closed" }),
            json!({ "type": "shortcut" }),
            json!({ "type": "view_submission", "view": { "callback_id": "other" } }),
        ] {
            assert_eq!(
                Interaction::read(&form(&payload)).unwrap(),
                Interaction::Other,
                "{payload}"
            );
        }
    }

    #[test]
    fn hostile_bodies_are_errors() {
        for body in [
            &b""[..],
            b"payload=",
            b"payload=%7B",
            b"payload=7",
            b"payload=%5B%5D",
            b"\xff\xff",
            b"payload=%ff%fe",
        ] {
            assert!(Interaction::read(body).is_err(), "{body:?}");
        }
        for payload in [
            press(json!({ "action_id": "opsknight_acknowledge" })),
            press(json!({ "action_id": "opsknight_acknowledge", "value": 7 })),
            press(json!({ "action_id": "opsknight_resolve", "value": "x".repeat(5000) })),
            press(json!({ "action_id": "opsknight_snooze", "selected_option": { "value": "inc_1" } })),
            press(json!({ "action_id": "opsknight_snooze", "selected_option": { "value": "inc_1:-5" } })),
            press(json!({ "action_id": "opsknight_snooze", "selected_option": { "value": "inc_1:99999999" } })),
            press(json!({ "action_id": "opsknight_snooze", "selected_option": { "value": ":60" } })),
            json!({ "type": "view_submission", "view": { "callback_id": answers::RESOLVE_VIEW } }),
        ] {
            assert!(Interaction::read(&form(&payload)).is_err(), "{payload}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Interaction::read(format!("payload={deep}").as_bytes()).is_err());
    }

    /// Every part of a good body, taken away or turned into something else, is an answer and no panic.
    #[test]
    fn every_part_may_be_missing_or_of_another_kind() {
        let payload = press(json!({ "action_id": "opsknight_acknowledge", "value": "inc_1" }));
        for key in payload.as_object().unwrap().keys() {
            for other in [json!(null), json!([]), json!({}), json!("x"), json!(7)] {
                let mut changed = payload.clone();
                changed[key] = other;
                drop(Interaction::read(&form(&changed)));
            }
        }
    }
}
