//! Providers that take messages, refuse them, answer late or not at all, and remember what they took.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use opsknight_channels::{Channel as Way, DeliveryError, Message, Receipt};
use opsknight_domain::{
    directory::Channel,
    id::{DeliveryId, IncidentId},
    message::Content,
};

use crate::{
    dice::{Dice, Of},
    hall::{Event, Hall, SECOND, State, Who},
};

/// How long a call may take: the program's own clients end it then.
const CALL: i64 = 10 * SECOND;

/// The providers that there are: of two channels there are two each.
pub(crate) const PROVIDERS: [(&str, Channel); 7] = [
    ("smtp", Channel::Email),
    ("ses", Channel::Email),
    ("twilio-sms", Channel::Sms),
    ("sns", Channel::Sms),
    ("slack", Channel::Slack),
    ("web-push", Channel::Push),
    ("twilio-voice", Channel::Voice),
];

/// How a provider is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes nearly everything at once.
    Well,
    /// It answers, late.
    Slow,
    /// Every fourth call fails in one way or another.
    Flaky,
    /// It takes messages, and its answers do not arrive.
    Deaf,
    /// It takes nothing now, and sometimes says when to come back.
    Away,
    /// It refuses every address.
    Hostile,
}

impl Mood {
    pub(crate) const BAD: [Self; 5] = [Self::Slow, Self::Flaky, Self::Deaf, Self::Away, Self::Hostile];
}

/// What comes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Taken,
    Later(Option<i64>),
    Refused,
    Silence,
}

/// A call to a provider.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) who: Who,
    pub(crate) provider: &'static str,
    pub(crate) channel: Channel,
    pub(crate) to: String,
    /// The messages that it brings: more than one where pages were gathered.
    pub(crate) brings: Vec<DeliveryId>,
    pub(crate) tells: BTreeSet<IncidentId>,
    /// Whether the provider has taken the message.
    pub(crate) taken: bool,
    /// The line broke before it could.
    cut: bool,
    /// Its outcome is in the database.
    pub(crate) recorded: bool,
    /// Why it may have to be made again although it was taken.
    pub(crate) excuse: Option<&'static str>,
    pub(crate) refused: bool,
}

/// All calls of a run, and how the providers are.
pub(crate) struct Calls {
    dice: Dice,
    moods: [Mood; PROVIDERS.len()],
    /// Addresses that are never taken.
    pub(crate) dead: BTreeSet<String>,
    pub(crate) all: Vec<Call>,
    /// The calls that brought a message and were taken.
    pub(crate) taken: HashMap<DeliveryId, Vec<usize>>,
    /// All calls that were to bring it.
    pub(crate) made: HashMap<DeliveryId, Vec<usize>>,
    /// Those that were not recorded yet.
    open: Vec<usize>,
}

impl Calls {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, Of::Providers),
            moods: [Mood::Well; PROVIDERS.len()],
            dead: BTreeSet::new(),
            all: Vec::new(),
            taken: HashMap::new(),
            made: HashMap::new(),
            open: Vec::new(),
        }
    }

    pub(crate) fn turns(&mut self, provider: usize, mood: Mood) {
        self.moods[provider] = mood;
    }

    pub(crate) fn all_well(&mut self) {
        self.moods = [Mood::Well; PROVIDERS.len()];
    }

    /// What is not recorded yet may come again: of this replica, or of all.
    pub(crate) fn disturb(&mut self, replica: Option<usize>) {
        self.excuse(replica, "something stood in the way of recording it");
    }

    fn excuse(&mut self, replica: Option<usize>, why: &'static str) {
        let all = &mut self.all;
        self.open.retain(|call| !all[*call].recorded);
        for call in &self.open {
            let call = &mut all[*call];
            if replica.is_none_or(|replica| call.who.replica == replica) {
                call.excuse.get_or_insert(why);
            }
        }
    }

    /// A replica is dead: some of what it was sending does not arrive any more.
    pub(crate) fn crashed(&mut self, replica: usize) {
        self.excuse(Some(replica), "the replica crashed before it was recorded");
        for call in &self.open {
            let call = &mut self.all[*call];
            if call.who.replica == replica && !call.taken && self.dice.one_in(2) {
                call.cut = true;
            }
        }
    }

    fn answer(&mut self, provider: usize, to: &str) -> (Answer, i64, i64) {
        let dice = &mut self.dice;
        let soon = dice.between(10_000, 900_000);
        if self.dead.contains(to) {
            return (Answer::Refused, 0, soon);
        }
        let late = dice.between(SECOND, CALL - SECOND);
        match self.moods[provider] {
            Mood::Well => (Answer::Taken, soon / 2, soon),
            Mood::Slow => (Answer::Taken, dice.between(1_000, late), late),
            Mood::Flaky => match dice.below(12) {
                0 => (Answer::Later(None), 0, soon),
                1 => (Answer::Silence, CALL, CALL),
                2 => (Answer::Silence, late, CALL),
                _ => (Answer::Taken, soon / 2, soon),
            },
            Mood::Deaf => (Answer::Silence, soon, CALL),
            Mood::Away => match dice.below(3) {
                0 => (Answer::Later(Some(dice.between(1, 240))), 0, soon),
                1 => (Answer::Silence, CALL, CALL),
                _ => (Answer::Later(None), 0, soon),
            },
            Mood::Hostile => (Answer::Refused, 0, soon),
        }
    }
}

/// A provider takes a message.
pub(crate) fn taken(state: &mut State, number: usize) {
    let call = &mut state.calls.all[number];
    if call.cut {
        return;
    }
    call.taken = true;
    let (who, line) = (call.provider, format!("takes {} for {}", number, call.to));
    let brings = call.brings.clone();
    state.say(who, &line);
    state.figures.pages += 1;
    for delivery in brings {
        let before = state.calls.taken.entry(delivery).or_default();
        before.push(number);
        if before.len() > 1 {
            state.figures.twice += 1;
        }
        crate::people::hears(state, delivery);
    }
}

/// A provider, as one life of a replica calls it.
pub(crate) struct Provider {
    pub(crate) hall: Arc<Hall>,
    pub(crate) who: Who,
    pub(crate) number: usize,
}

impl Provider {
    /// Hands a message over: what the call is, when it is answered, and how.
    fn hand_over(&self, to: &str, message: &Message) -> (usize, i64, Answer) {
        let mut guard = self.hall.state();
        let state = &mut *guard;
        let (provider, channel) = PROVIDERS[self.number];
        let tells = match &message.content {
            Content::Incident(news) => BTreeSet::from([news.incident.id]),
            Content::Bundle(bundle) => bundle.incidents.iter().map(|facts| facts.id).collect(),
            Content::Note { .. } => BTreeSet::new(),
        };
        let mut brings = state.watch.together(message.delivery, &tells);
        // By another clock its lease has ended already, and somebody else may have it.
        let apart = state.clocks_apart();
        if apart && !brings.contains(&message.delivery) {
            brings.push(message.delivery);
        }
        let call = Call {
            who: self.who,
            provider,
            channel,
            to: to.to_owned(),
            brings,
            tells,
            taken: false,
            cut: false,
            recorded: false,
            excuse: apart.then_some("the clocks were apart"),
            refused: false,
        };
        let number = state.calls.all.len();
        let line = format!(
            "hands {number} over to {provider} for {to}: {} messages",
            call.brings.len()
        );
        state.say(&format!("replica {}", self.who.replica), &line);
        crate::watch::handed_over(state, &call);
        for delivery in &call.brings {
            state.calls.made.entry(*delivery).or_default().push(number);
        }
        state.calls.all.push(call);
        state.calls.open.push(number);
        let (answer, takes, answers) = state.calls.answer(self.number, to);
        let is_taken = match answer {
            Answer::Taken => true,
            Answer::Silence => takes < CALL,
            Answer::Later(_) | Answer::Refused => false,
        };
        let now = state.now;
        if is_taken {
            state.at(now + takes, Event::Taken(number));
        }
        (number, now + answers, answer)
    }
}

#[async_trait]
impl Way for Provider {
    fn name(&self) -> &'static str {
        PROVIDERS[self.number].0
    }

    async fn send(&self, to: &str, message: &Message, _now: Timestamp) -> Result<Receipt, DeliveryError> {
        let (number, at, answer) = self.hand_over(to, message);
        self.hall.until(Some(self.who), at).await;
        let mut guard = self.hall.state();
        let state = &mut *guard;
        let who = PROVIDERS[self.number].0;
        state.say(who, &format!("answers {number}: {answer:?}"));
        match answer {
            Answer::Taken => Ok(Receipt::of("taken").with_id(format!("m{number}"))),
            Answer::Later(after) => Err(DeliveryError::Retry {
                why: "not now".into(),
                after: after.map(SignedDuration::from_secs),
            }),
            Answer::Refused => {
                state.figures.refused += 1;
                state.calls.all[number].refused = true;
                Err(DeliveryError::Refused {
                    why: "no such address".into(),
                })
            }
            Answer::Silence => {
                state.figures.unsure += 1;
                state.calls.all[number].excuse.get_or_insert("the line fell silent");
                Err(DeliveryError::Unknown {
                    why: "no answer came".into(),
                })
            }
        }
    }

    async fn edit(&self, _message: &Message, _now: Timestamp) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::of("changed"))
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        Ok("well".into())
    }
}
