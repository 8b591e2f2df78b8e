//! What the server knows of itself, as a promise that it keeps, and what of it somebody must be told now.
//!
//! It owns the rule of what is an alarm and for whom. It never looks anything up.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::directory::Role;
use opsknight_store::deliveries::Failing;

/// The server's own view of its work.
pub trait Vitals: Send + Sync {
    /// How it is at this instant.
    fn read(&self, now: Timestamp) -> Condition;
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// When it began to serve.
    pub started_at: Timestamp,
    /// Its workers.
    pub workers: Vec<Worker>,
    /// What is forgotten after a while, and after how long. Everything else is kept.
    pub forgets: Vec<(&'static str, SignedDuration)>,
}

/// Something that works by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// `deliver`, `escalate` or `audit`.
    pub name: &'static str,
    /// When it last finished a run.
    pub last_run_at: Timestamp,
    /// It should have finished another run since.
    pub stands_still: bool,
    /// Since when its runs end with an error of the database.
    pub failing_since: Option<Timestamp>,
}

impl Worker {
    /// What a person calls its work.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self.name {
            "deliver" => "Sending messages",
            "escalate" => "Escalation",
            "audit" => "Auditor",
            name => name,
        }
    }
}

/// A message that is due for so long is late.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// From what alarms are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) workers: Vec<Worker>,
    /// What could not be sent lately, by channel.
    pub(crate) failing: Vec<Failing>,
    /// How many messages are due and wait, and since when the oldest.
    pub(crate) waiting: (i64, Option<Timestamp>),
    /// What the auditor found last, and when.
    pub(crate) found: Option<(String, Timestamp)>,
    /// Integrations whose credentials cannot be opened.
    pub(crate) unreadable: usize,
    /// Addresses of the viewer that messages come back from, and since when.
    pub(crate) own: Vec<(String, Timestamp)>,
}

/// Something that is wrong, that the viewer can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// What.
    pub(crate) text: String,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
    /// Where to look, and what that is called.
    pub(crate) look: (&'static str, &'static str),
}

/// What this viewer must be told, the worst first.
pub(crate) fn alarms(facts: &Facts, role: Role, now: Timestamp) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if role == Role::Admin {
        of_workers(facts, &mut alarms);
        of_messages(facts, now, &mut alarms);
        of_records(facts, &mut alarms);
    } else if role == Role::Responder && facts.workers.iter().any(hinders_pages) {
        let since = facts.workers.iter().filter(|worker| hinders_pages(worker));
        alarms.push(Alarm {
            text: "Pages may be late or missing: this server does not do its work. Watch the incidents here, and tell \
                   an administrator"
                .to_owned(),
            since: since.map(began).min(),
            look: ("/incidents?status=OPEN", "Open incidents"),
        });
    }
    for (address, since) in &facts.own {
        alarms.push(Alarm {
            text: format!("Messages to {address} come back: you are not reached there"),
            since: Some(*since),
            look: ("/profile#methods", "Your contact methods"),
        });
    }
    alarms
}

fn hinders_pages(worker: &Worker) -> bool {
    worker.stands_still || worker.failing_since.is_some()
}

fn began(worker: &Worker) -> Timestamp {
    worker.failing_since.unwrap_or(worker.last_run_at)
}

fn of_workers(facts: &Facts, alarms: &mut Vec<Alarm>) {
    for worker in &facts.workers {
        let text = match (worker.stands_still, worker.failing_since) {
            (_, Some(_)) => format!(
                "{}: the database does not take what it does. Look at its disk and at the log of this server",
                worker.title()
            ),
            (true, None) => format!("{} stands still", worker.title()),
            (false, None) => continue,
        };
        alarms.push(Alarm {
            text,
            since: Some(began(worker)),
            look: ("/settings/system", "System"),
        });
    }
}

fn of_messages(facts: &Facts, now: Timestamp, alarms: &mut Vec<Alarm>) {
    if let (count, Some(since)) = facts.waiting
        && now.duration_since(since) > LATE_AFTER
    {
        let messages = counted(count, "message is late", "messages are late");
        alarms.push(Alarm {
            text: messages,
            since: Some(since),
            look: ("/notifications?outcome=PENDING", "What waits"),
        });
    }
    for failing in &facts.failing {
        let messages = counted(failing.count, "message", "messages");
        let words = match failing.words.trim_end_matches('.') {
            "" => String::new(),
            words => format!(": {}", words.chars().take(WORDS_CHARS_MAX).collect::<String>()),
        };
        alarms.push(Alarm {
            text: format!(
                "{messages} by {} could not be sent in the last hour{words}",
                channel_name(&failing.channel)
            ),
            since: Some(failing.first_at),
            look: ("/notifications?outcome=FAILED", "Which, and why"),
        });
    }
}

fn of_records(facts: &Facts, alarms: &mut Vec<Alarm>) {
    if let Some((what, at)) = &facts.found {
        alarms.push(Alarm {
            text: format!("The auditor found and mended {what} that nothing would have been done about"),
            since: Some(*at),
            look: ("/settings/system#findings", "What it found"),
        });
    }
    if facts.unreadable > 0 {
        let count = i64::try_from(facts.unreadable).unwrap_or(i64::MAX);
        let those = counted(count, "integration cannot", "integrations cannot");
        alarms.push(Alarm {
            text: format!(
                "{those} be opened with this secret key and receive nothing. Start with the key they were made with"
            ),
            since: None,
            look: ("/settings/system", "System"),
        });
    }
}

/// Most of a provider's words in a banner, in characters.
const WORDS_CHARS_MAX: usize = 160;

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn channel_name(word: &str) -> &str {
    opsknight_domain::directory::Channel::from_word(word).map_or("webhook", opsknight_domain::directory::Channel::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn facts() -> Facts {
        let worker = |name, stands_still, failing_since| Worker {
            name,
            last_run_at: at(-3),
            stands_still,
            failing_since,
        };
        Facts {
            workers: vec![worker("escalate", true, None), worker("deliver", false, Some(at(-9)))],
            failing: vec![Failing {
                channel: "SMS".into(),
                count: 2,
                first_at: at(-20),
                words: "the number is not valid.".into(),
            }],
            waiting: (3, Some(at(-5))),
            found: Some(("1 incident".into(), at(-60))),
            unreadable: 1,
            own: vec![("ann@example.com".into(), at(-70))],
        }
    }

    #[test]
    fn an_administrator_is_told_everything_and_others_what_they_can_do_something_about() {
        let told = |role| -> Vec<String> {
            alarms(&facts(), role, at(0))
                .into_iter()
                .map(|alarm| alarm.text)
                .collect()
        };
        let admin = told(Role::Admin);
        assert_eq!(admin.len(), 7, "{admin:#?}");
        assert_eq!(admin[0], "Escalation stands still");
        assert!(admin[3].ends_with("2 messages by SMS could not be sent in the last hour: the number is not valid"));
        let responder = told(Role::Responder);
        assert_eq!(responder.len(), 2);
        assert!(responder[0].starts_with("Pages may be late"));
        assert_eq!(
            told(Role::User),
            ["Messages to ann@example.com come back: you are not reached there"]
        );
        assert_eq!(
            alarms(&facts(), Role::Responder, at(0))[0].since,
            Some(at(-9)),
            "since the first of them"
        );
    }

    #[test]
    fn nothing_is_wrong_where_nothing_is() {
        let well = Worker {
            name: "deliver",
            last_run_at: at(0),
            stands_still: false,
            failing_since: None,
        };
        let facts = Facts {
            workers: vec![well],
            waiting: (40, Some(at(-1))),
            ..Facts::default()
        };
        assert_eq!(alarms(&facts, Role::Admin, at(0)), []);
    }
}
