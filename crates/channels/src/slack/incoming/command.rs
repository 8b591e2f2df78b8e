//! The slash command: who gave it where, and what it asks for.

use super::{Form, Unreadable};

/// Longest title of an incident that is made by a command, in characters.
const TITLE_CHARS_MAX: usize = 300;
/// Quotes: the keyboard's and those that programs make of them.
const QUOTES: [(char, char); 4] = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»')];

/// `/opsknight …` (Slack, "Implementing slash commands").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The workspace, `T…`.
    pub team: String,
    /// Who gave it, `U…`.
    pub user: String,
    /// The name that they go by in Slack.
    pub user_name: String,
    /// Where.
    pub channel: String,
    /// Where answers go, for half an hour; it must be checked before it is called, as `Slack::respond` does.
    pub response_url: String,
    /// What opens a dialog, for three seconds.
    pub trigger_id: String,
    /// What for.
    pub asked: Asked,
}

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The incidents that are not resolved.
    Incidents,
    /// Who is on call.
    OnCall,
    /// To acknowledge this incident.
    Acknowledge {
        /// Its number.
        number: i64,
    },
    /// To resolve this incident.
    Resolve {
        /// Its number.
        number: i64,
        /// How it was solved.
        note: Option<String>,
    },
    /// To open an incident.
    Create {
        /// Its title.
        title: String,
        /// The name of the service, where one was given.
        service: Option<String>,
    },
    /// How commands are given.
    Help,
    /// It was not understood.
    Wrong {
        /// What to say to that, in words.
        why: String,
    },
}

impl Command {
    /// Reads the form that Slack sends.
    ///
    /// # Errors
    ///
    /// It is not that form.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let form = Form::read(body)?;
        Ok(Self {
            team: form.need("team_id").or_else(|missing| {
                // An app of a whole organisation may be called where there is no workspace.
                form.need("enterprise_id").map_err(|_| missing)
            })?,
            user: form.need("user_id")?,
            user_name: form.get("user_name").unwrap_or_default().chars().take(100).collect(),
            channel: form.need("channel_id")?,
            response_url: form.need("response_url")?,
            trigger_id: form.need("trigger_id")?,
            asked: asked(form.get("text").unwrap_or_default()),
        })
    }
}

/// What the words behind `/opsknight` ask for.
fn asked(text: &str) -> Asked {
    // Slack writes the three characters that it uses as marks as entities.
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word.to_ascii_lowercase().as_str() {
        "" | "help" => Asked::Help,
        "incidents" | "incident" | "list" => Asked::Incidents,
        "oncall" | "on-call" | "on_call" => Asked::OnCall,
        "ack" | "acknowledge" => match numbered(rest) {
            Some((number, _)) => Asked::Acknowledge { number },
            None => wrong("Say which incident: `/opsknight ack 123`"),
        },
        "resolve" => match numbered(rest) {
            Some((number, note)) => Asked::Resolve {
                number,
                note: (!note.is_empty()).then(|| note.to_owned()),
            },
            None => wrong("Say which incident: `/opsknight resolve 123 what was done`"),
        },
        "create" | "new" | "trigger" => created(rest),
        _ => wrong("This is not a command that I know."),
    }
}

fn wrong(why: &str) -> Asked {
    Asked::Wrong { why: why.into() }
}

/// A number, with `#` or without, and what stands behind it.
fn numbered(text: &str) -> Option<(i64, &str)> {
    let (number, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let number = number.strip_prefix('#').unwrap_or(number);
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|number| digits && *number > 0)?;
    Some((number, rest.trim()))
}

/// A title in quotes and the service behind it, or all of it as the title.
fn created(text: &str) -> Asked {
    let quoted = QUOTES.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?;
        // The other kind of closing quote counts too: programs are not of one mind.
        inner.split_once([*close, '"', '”'])
    });
    let (title, service) = quoted.unwrap_or((text, ""));
    let (title, service) = (title.trim(), service.trim());
    if title.is_empty() {
        return wrong("Say what is wrong: `/opsknight create \"title\" service`");
    }
    if title.chars().count() > TITLE_CHARS_MAX {
        return wrong("The title is too long.");
    }
    let bare = |name: &str| name.trim_matches(['"', '“', '”']).trim().to_owned();
    Asked::Create {
        title: title.to_owned(),
        service: Some(bare(service)).filter(|name| !name.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood() {
        let create = |title: &str, service: Option<&str>| Asked::Create {
            title: title.into(),
            service: service.map(str::to_owned),
        };
        let resolve = |number, note: Option<&str>| Asked::Resolve {
            number,
            note: note.map(str::to_owned),
        };
        for (text, then) in [
            ("", Asked::Help),
            (" HELP ", Asked::Help),
            ("incidents", Asked::Incidents),
            ("oncall", Asked::OnCall),
            ("ack 12", Asked::Acknowledge { number: 12 }),
            ("ack  #12 please", Asked::Acknowledge { number: 12 }),
            ("resolve 7", resolve(7, None)),
            (
                "resolve #7  disk &lt;full&gt; &amp; fixed",
                resolve(7, Some("disk <full> & fixed")),
            ),
            ("create \"DB down\" Web App", create("DB down", Some("Web App"))),
            ("create “DB down” “Web App”", create("DB down", Some("Web App"))),
            ("create \"DB down\"", create("DB down", None)),
            ("create DB down", create("DB down", None)),
        ] {
            assert_eq!(asked(text), then, "{text}");
        }
        for text in [
            "ack",
            "ack x",
            "ack -1",
            "ack 0",
            "ack 99999999999999999999",
            "resolve now",
            "create",
            "create \"\" Web",
            "dance",
        ] {
            assert!(matches!(asked(text), Asked::Wrong { .. }), "{text}");
        }
    }

    #[test]
    fn a_form_without_its_fields_is_refused() {
        let whole = "team_id=T1&user_id=U1&user_name=jane&channel_id=C1&response_url=https%3A%2F%2Fhooks.slack.com%2Fx\
                     &trigger_id=1.2&command=%2Fopsknight&text=ack+5";
        let read = Command::read(whole.as_bytes()).unwrap();
        assert_eq!(
            read,
            Command {
                team: "T1".into(),
                user: "U1".into(),
                user_name: "jane".into(),
                channel: "C1".into(),
                response_url: "https://hooks.slack.com/x".into(),
                trigger_id: "1.2".into(),
                asked: Asked::Acknowledge { number: 5 },
            }
        );
        for field in ["team_id", "user_id", "channel_id", "response_url", "trigger_id"] {
            let without = whole.replace(&format!("{field}="), "x=");
            assert_eq!(
                Command::read(without.as_bytes()).unwrap_err().to_string(),
                format!("{field} is missing")
            );
        }
        assert!(Command::read(b"\xff\xfe=%zz&&==").is_err());
    }
}
