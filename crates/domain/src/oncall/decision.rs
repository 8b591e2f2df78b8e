//! Who is on call at one instant, with the reason. Says nothing about ranges of time: that is `timeline`.

use std::fmt;

use jiff::Timestamp;

use super::{Layer, Schedule, restriction};
use crate::id::{OverrideId, UserId};

/// How many silent layers a sentence names before it only counts them.
const LAYERS_NAMED_MAX: usize = 3;

/// What makes somebody the one on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// It is their turn in a layer.
    Layer {
        /// Its place in the schedule's list, from 0.
        index: usize,
        /// Its name.
        name: String,
    },
    /// They took over.
    Override {
        /// By this override.
        id: OverrideId,
    },
}

/// The end of a sentence: "layer Primary", "an override".
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { name, .. } => write!(f, "layer {name}"),
            Self::Override { .. } => f.write_str("an override"),
        }
    }
}

/// A layer that has nobody at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// The layer's name.
    pub layer: String,
    /// Why it has nobody.
    pub why: WhyAbsent,
}

/// Why a layer has nobody at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyAbsent {
    /// There are no people in it.
    Empty,
    /// Its rotation begins later.
    NotStarted {
        /// When it begins.
        start: Timestamp,
    },
    /// Its restrictions leave this time out.
    Restricted,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = &self.layer;
        match self.why {
            WhyAbsent::Empty => write!(f, "layer {layer} has no people"),
            WhyAbsent::NotStarted { start } => write!(f, "layer {layer} begins at {start}"),
            WhyAbsent::Restricted => write!(f, "layer {layer} does not cover this time"),
        }
    }
}

/// The answer to "who is on call?", which always carries its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnCall {
    /// Somebody is.
    Somebody {
        /// Who.
        user: UserId,
        /// By what.
        because: Because,
    },
    /// Nobody is.
    Nobody {
        /// What each layer lacks, in the order in which they were asked; empty when there are no layers.
        why: Vec<Absence>,
    },
}

impl OnCall {
    /// Who is on call, if somebody is.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Somebody { user, .. } => Some(*user),
            Self::Nobody { .. } => None,
        }
    }

    /// The reason as people read it in a timeline: "on call by layer Primary", "nobody is on call: …".
    #[must_use]
    pub fn reason(&self) -> String {
        let why = match self {
            Self::Somebody { because, .. } => return format!("on call by {because}"),
            Self::Nobody { why } => why,
        };
        if why.is_empty() {
            return "nobody is on call: the schedule has no layers".to_owned();
        }
        let mut named: Vec<String> = why.iter().take(LAYERS_NAMED_MAX).map(Absence::to_string).collect();
        match why.len() - named.len() {
            0 => {}
            1 => named.push("one more layer has nobody".to_owned()),
            more => named.push(format!("{more} more layers have nobody")),
        }
        format!("nobody is on call: {}", named.join(", "))
    }
}

/// What one layer or override says at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// A layer, by its place in the schedule's list.
    Layer {
        /// Its place.
        index: usize,
        /// Whose turn it is, or why it has nobody.
        says: Result<UserId, WhyAbsent>,
    },
    /// An override that covers the instant.
    Override {
        /// Which.
        id: OverrideId,
        /// Who takes over.
        user: UserId,
        /// It has a say. One in place of somebody who is not on call has none.
        applies: bool,
    },
}

/// An answer with everything that was asked on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Who is on call.
    pub answer: OnCall,
    /// The layers by rank, the one that is asked first in front, then the overrides in their order.
    pub spoken: Vec<Spoken>,
}

impl Schedule {
    /// Who is on call at this instant, with what every layer and every override says of it, also those that were not
    /// needed for the answer.
    #[must_use]
    pub fn explain(&self, at: Timestamp) -> Explained {
        let mut spoken: Vec<Spoken> = self
            .layers_by_rank()
            .into_iter()
            .map(|index| Spoken::Layer {
                index,
                says: self.turn_holder(&self.layers[index], at),
            })
            .collect();
        let mut holder = self.by_layers(at).user();
        for change in self.overrides.iter().filter(|change| change.covers(at)) {
            let applies = change.applies_to(holder);
            if applies {
                holder = Some(change.user);
            }
            spoken.push(Spoken::Override {
                id: change.id,
                user: change.user,
                applies,
            });
        }
        Explained {
            answer: self.on_call(at),
            spoken,
        }
    }

    /// Who is on call at this instant. The first layer by rank that has somebody speaks; then the overrides are asked in
    /// their order, each about the answer so far.
    #[must_use]
    pub fn on_call(&self, at: Timestamp) -> OnCall {
        let mut answer = self.by_layers(at);
        for change in self.overrides.iter().filter(|change| change.covers(at)) {
            if change.applies_to(answer.user()) {
                answer = OnCall::Somebody {
                    user: change.user,
                    because: Because::Override { id: change.id },
                };
            }
        }
        answer
    }

    fn by_layers(&self, at: Timestamp) -> OnCall {
        let mut why = Vec::new();
        for index in self.layers_by_rank() {
            let layer = &self.layers[index];
            match self.turn_holder(layer, at) {
                Ok(user) => {
                    let because = Because::Layer {
                        index,
                        name: layer.name.clone(),
                    };
                    return OnCall::Somebody { user, because };
                }
                Err(absent) => why.push(Absence {
                    layer: layer.name.clone(),
                    why: absent,
                }),
            }
        }
        OnCall::Nobody { why }
    }

    /// Who has the turn in this layer, or why nobody has.
    fn turn_holder(&self, layer: &Layer, at: Timestamp) -> Result<UserId, WhyAbsent> {
        if layer.users.is_empty() {
            return Err(WhyAbsent::Empty);
        }
        let start = layer.rotation.start;
        let turn = layer
            .rotation
            .turn_at(&self.zone, at)
            .ok_or(WhyAbsent::NotStarted { start })?;
        if !restriction::allow(&layer.restrictions, &self.zone, at) {
            return Err(WhyAbsent::Restricted);
        }
        layer.user_of_turn(turn).ok_or(WhyAbsent::Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oncall::{
        Override,
        samples::{at, layer, over, restriction, schedule, user},
    };

    fn with(layers: Vec<Layer>, overrides: Vec<Override>) -> Schedule {
        Schedule {
            overrides,
            ..schedule("Europe/London", layers)
        }
    }

    #[test]
    fn the_higher_priority_speaks_then_the_later_in_the_list() {
        let mut low = layer("Low", &[1], "2026-01-01T00:00Z");
        let mut high = layer("High", &[2], "2026-01-01T00:00Z");
        (low.priority, high.priority) = (1, 2);
        let now = at("2026-06-01T00:00Z");
        let by = |layers| with(layers, Vec::new()).on_call(now).reason();
        assert_eq!(by(vec![high.clone(), low.clone()]), "on call by layer High");
        assert_eq!(by(vec![low.clone(), high.clone()]), "on call by layer High");
        high.priority = 1;
        assert_eq!(by(vec![high, low]), "on call by layer Low");
    }

    #[test]
    fn a_layer_that_has_nobody_lets_the_next_speak() {
        let base = layer("Base", &[1, 2], "2026-01-01T00:00Z");
        let mut nights = layer("Nights", &[3], "2026-01-01T00:00Z");
        nights.restrictions = vec![restriction("", "22:00", "06:00")];
        let empty = layer("Empty", &[], "2026-01-01T00:00Z");
        let later = layer("Later", &[4], "2027-01-01T00:00Z");
        let stack = with(vec![base, nights, empty, later], Vec::new());
        assert_eq!(stack.on_call(at("2026-06-01T21:30Z")).user(), Some(user(3)));
        assert_eq!(stack.on_call(at("2026-06-01T12:00Z")).reason(), "on call by layer Base");
        assert_eq!(stack.on_call(at("2027-06-01T12:00Z")).user(), Some(user(4)));
    }

    #[test]
    fn nobody_always_has_a_reason() {
        let now = at("2026-06-01T12:00Z");
        assert_eq!(
            with(Vec::new(), Vec::new()).on_call(now).reason(),
            "nobody is on call: the schedule has no layers"
        );
        let mut nights = layer("Nights", &[3], "2026-01-01T00:00Z");
        nights.restrictions = vec![restriction("", "22:00", "06:00")];
        let empty = layer("Empty", &[], "2026-01-01T00:00Z");
        let later = layer("Later", &[4], "2027-01-01T00:00Z");
        let stack = with(vec![empty.clone(), empty, later, nights.clone(), nights], Vec::new());
        assert_eq!(
            stack.on_call(now).reason(),
            "nobody is on call: layer Nights does not cover this time, layer Nights does not cover this time, layer \
             Later begins at 2027-01-01T00:00:00Z, 2 more layers have nobody"
        );
    }

    #[test]
    fn overrides_are_asked_in_their_order_about_the_answer_so_far() {
        let base = || vec![layer("Base", &[1], "2026-01-01T00:00Z")];
        let all_day = ("2026-06-01T00:00Z", "2026-06-02T00:00Z");
        let who = |overrides| with(base(), overrides).on_call(at("2026-06-01T12:00Z")).user();
        assert_eq!(who(vec![over(1, 2, all_day, None)]), Some(user(2)));
        assert_eq!(who(vec![over(1, 2, all_day, Some(1))]), Some(user(2)));
        assert_eq!(
            who(vec![over(1, 2, all_day, Some(9))]),
            Some(user(1)),
            "9 is not on call"
        );
        let chain = vec![over(1, 2, all_day, Some(1)), over(2, 3, all_day, Some(2))];
        assert_eq!(
            who(chain.clone()),
            Some(user(3)),
            "3 stands in for 2, who stands in for 1"
        );
        assert_eq!(
            who(chain.into_iter().rev().collect()),
            Some(user(2)),
            "made the other way round, 2 was not on call"
        );
        let reason = with(base(), vec![over(1, 2, all_day, None)])
            .on_call(at("2026-06-01T12:00Z"))
            .reason();
        assert_eq!(reason, "on call by an override");
    }

    #[test]
    fn an_override_covers_its_first_instant_and_not_its_last() {
        let hour = over(1, 2, ("2026-06-01T12:00Z", "2026-06-01T13:00Z"), None);
        let stack = with(vec![layer("Base", &[1], "2026-01-01T00:00Z")], vec![hour]);
        assert_eq!(stack.on_call(at("2026-06-01T11:59:59.999999Z")).user(), Some(user(1)));
        assert_eq!(stack.on_call(at("2026-06-01T12:00Z")).user(), Some(user(2)));
        assert_eq!(stack.on_call(at("2026-06-01T12:59:59.999999Z")).user(), Some(user(2)));
        assert_eq!(stack.on_call(at("2026-06-01T13:00Z")).user(), Some(user(1)));
    }

    #[test]
    fn an_override_fills_a_gap_unless_it_replaces_somebody() {
        let day = ("2026-06-01T00:00Z", "2026-06-02T00:00Z");
        let who = |overrides| with(Vec::new(), overrides).on_call(at("2026-06-01T12:00Z")).user();
        assert_eq!(who(vec![over(1, 2, day, None)]), Some(user(2)));
        assert_eq!(who(vec![over(1, 2, day, Some(1))]), None);
    }
}
