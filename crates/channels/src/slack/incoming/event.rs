//! The events that an app is told of.

use serde_json::Value;

use super::{BODY_BYTES_MAX, Unreadable, need, optional};

/// What Slack tells (Slack, "Events API"). `event_id` is the same when it tells it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Slack wants to know that this address is an app's; the challenge is to be repeated.
    UrlVerification {
        /// What to repeat.
        challenge: String,
    },
    /// The app was taken out of a workspace.
    Uninstalled {
        /// The workspace.
        team: String,
        /// Which event it is.
        event_id: String,
    },
    /// Tokens of the app do not work any more.
    TokensRevoked {
        /// The workspace.
        team: String,
        /// The bot's is among them: the workspace must be connected again.
        bots: bool,
        /// Which event it is.
        event_id: String,
    },
    /// Nothing that anything is to be done about.
    Other {
        /// Which event it is, where it says.
        event_id: Option<String>,
    },
}

impl Event {
    /// Reads what Slack sends.
    ///
    /// # Errors
    ///
    /// It is not an event.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Unreadable::because("the body is too long"));
        }
        let said: Value = serde_json::from_slice(body).map_err(|_| Unreadable::because("the body is not JSON"))?;
        match need(&said["type"], "type")?.as_str() {
            "url_verification" => Ok(Self::UrlVerification {
                challenge: need(&said["challenge"], "challenge")?,
            }),
            "event_callback" => told(&said),
            _ => Ok(Self::Other {
                event_id: optional(&said["event_id"]),
            }),
        }
    }
}

fn told(said: &Value) -> Result<Event, Unreadable> {
    let event = &said["event"];
    // For an organisation's app the team may be left out.
    let team =
        || need(&said["team_id"], "team_id").or_else(|missing| need(&said["enterprise_id"], "").map_err(|_| missing));
    match need(&event["type"], "event.type")?.as_str() {
        "app_uninstalled" => Ok(Event::Uninstalled {
            team: team()?,
            event_id: need(&said["event_id"], "event_id")?,
        }),
        "tokens_revoked" => Ok(Event::TokensRevoked {
            team: team()?,
            bots: event["tokens"]["bot"].as_array().is_some_and(|bots| !bots.is_empty()),
            event_id: need(&said["event_id"], "event_id")?,
        }),
        _ => Ok(Event::Other {
            event_id: optional(&said["event_id"]),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Event, Unreadable> {
        Event::read(body.as_bytes())
    }

    #[test]
    fn events_are_read() {
        assert_eq!(
            read(r#"{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}"#).unwrap(),
            Event::UrlVerification {
                challenge: "3eZbrw1aB".into()
            }
        );
        assert_eq!(
            read(r#"{"team_id":"T1","event":{"type":"app_uninstalled"},"type":"event_callback","event_id":"Ev1"}"#)
                .unwrap(),
            Event::Uninstalled {
                team: "T1".into(),
                event_id: "Ev1".into()
            }
        );
        for (tokens, bots) in [
            (r#"{"oauth":["U1"],"bot":["U2"]}"#, true),
            (r#"{"oauth":["U1"]}"#, false),
            ("7", false),
        ] {
            let body = format!(
                r#"{{"team_id":"T1","event":{{"type":"tokens_revoked","tokens":{tokens}}},"type":"event_callback","event_id":"Ev2"}}"#
            );
            assert_eq!(
                read(&body).unwrap(),
                Event::TokensRevoked {
                    team: "T1".into(),
                    bots,
                    event_id: "Ev2".into()
                }
            );
        }
        assert_eq!(
            read(r#"{"type":"event_callback","event":{"type":"message"},"event_id":"Ev3"}"#).unwrap(),
            Event::Other {
                event_id: Some("Ev3".into())
            }
        );
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"url_verification"}"#,
            r#"{"type":"event_callback"}"#,
            r#"{"type":"event_callback","event":{"type":"app_uninstalled"}}"#,
            r#"{"type":"event_callback","event":[],"team_id":"T1"}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
