//! When somebody is told that pages do not come through, and when that it is over.
//!
//! It owns that rule. It never waits, looks at a clock or tells anybody anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::InARow;

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The page came through.
    Through,
    /// It did not, and why, as far as could be seen.
    Missed(String),
}

/// What is known from one try to the next, and over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Memory {
    /// How many in a row did not come through.
    pub(super) misses: u32,
    /// How many in a row did.
    pub(super) throughs: u32,
    /// Since when pages do not come through; null: they do.
    #[serde(with = "text")]
    pub(super) down_since: Option<Timestamp>,
    /// Somebody was told so, and not yet that it is over.
    pub(super) told: bool,
    /// When a page last came through.
    #[serde(with = "text")]
    pub(super) last_through_at: Option<Timestamp>,
    /// When the first of those in a row that did not began.
    #[serde(with = "text")]
    pub(super) missing_since: Option<Timestamp>,
}

/// Times stand in the file as people read them.
mod text {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// What somebody is to be told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    Nothing,
    /// Pages do not come through.
    Page,
    /// They do again.
    AllClear,
}

impl Memory {
    /// Takes in how a try ended that began at this time.
    pub(super) fn judge(&mut self, outcome: &Outcome, began: Timestamp, limits: InARow) {
        match outcome {
            Outcome::Through => {
                self.misses = 0;
                self.missing_since = None;
                self.throughs = self.throughs.saturating_add(1);
                self.last_through_at = Some(began);
                if self.throughs >= limits.throughs {
                    self.down_since = None;
                }
            }
            Outcome::Missed(_) => {
                self.throughs = 0;
                self.misses = self.misses.saturating_add(1);
                let since = *self.missing_since.get_or_insert(began);
                if self.misses >= limits.misses {
                    self.down_since.get_or_insert(since);
                }
            }
        }
    }

    /// What somebody is to be told.
    pub(super) const fn wish(&self) -> Wish {
        match (self.down_since.is_some(), self.told) {
            (true, false) => Wish::Page,
            (false, true) => Wish::AllClear,
            (true, true) | (false, false) => Wish::Nothing,
        }
    }

    /// Whether all is as it should be, so that the next try has time.
    pub(super) fn is_calm(&self) -> bool {
        self.misses == 0 && self.down_since.is_none() && self.wish() == Wish::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays tries, `+` for through and `-` for missed, and says after each what there is to tell: `p`age, all `c`lear
    /// or `.` nothing. `told` says whether telling succeeds.
    fn played(tries: &str, misses: u32, throughs: u32, told: bool) -> String {
        let mut memory = Memory::default();
        let limits = InARow { misses, throughs };
        let mut said = String::new();
        for (n, one) in tries.chars().enumerate() {
            let outcome = match one {
                '+' => Outcome::Through,
                _ => Outcome::Missed("silence".into()),
            };
            let began = Timestamp::from_second(i64::try_from(n).unwrap() * 300).unwrap();
            memory.judge(&outcome, began, limits);
            // What is known survives a restart at any time.
            memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
            said.push(match memory.wish() {
                Wish::Nothing => '.',
                Wish::Page => 'p',
                Wish::AllClear => 'c',
            });
            if told {
                memory.told = memory.down_since.is_some();
            }
        }
        said
    }

    #[test]
    fn one_slow_answer_pages_nobody_and_an_outage_pages_once() {
        assert_eq!(played("+-+-+-+", 2, 1, true), ".......");
        assert_eq!(played("+---+++", 2, 1, true), "..p.c..");
        assert_eq!(
            played("--+-+++", 2, 3, true),
            ".p....c",
            "it is not over at its first sign"
        );
        assert_eq!(played("-+-", 1, 1, true), "pcp");
    }

    #[test]
    fn what_nobody_took_is_told_again() {
        assert_eq!(
            played("----+", 2, 1, false),
            ".ppp.",
            "and not at all when it is over before anybody knew"
        );
    }

    #[test]
    fn an_outage_began_with_the_first_that_was_missed() {
        let mut memory = Memory::default();
        let limits = InARow { misses: 2, throughs: 1 };
        for second in [100, 200, 300] {
            let missed = Outcome::Missed("silence".into());
            memory.judge(&missed, Timestamp::from_second(second).unwrap(), limits);
        }
        assert_eq!(memory.down_since, Some(Timestamp::from_second(100).unwrap()));
        assert!(!memory.is_calm());
    }
}
