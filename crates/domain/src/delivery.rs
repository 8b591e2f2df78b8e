//! When a message is tried again, when it is given up, and what to do when its outcome is unknown.

use jiff::{SignedDuration, Timestamp};

use crate::incident::Status;

/// Why a try to send a message did not end in a receipt. It says what is to be done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The provider did not take it now; it surely was not sent.
    #[error("{why}")]
    Retry {
        /// The provider's own words.
        why: String,
        /// How long the provider asks us to wait.
        after: Option<SignedDuration>,
    },
    /// The provider will never take it for this address.
    #[error("{why}")]
    Refused {
        /// The provider's own words.
        why: String,
    },
    /// An administrator must change a setting first.
    #[error("{field}: {why}")]
    Misconfigured {
        /// Which setting.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The line was cut or went silent after the message was handed over: it may or may not have been taken.
    #[error("{why}")]
    Unknown {
        /// What was seen.
        why: String,
    },
}

/// Proof that a provider took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's own identity of the message, where it gives one.
    pub provider_id: Option<String>,
    /// The provider's own words, shortened.
    pub answer: String,
    /// How long the provider asks us to send nothing more by this way, although it took this message.
    pub pause: Option<SignedDuration>,
}

impl Receipt {
    /// A receipt with the provider's words and nothing else.
    #[must_use]
    pub fn of(answer: impl Into<String>) -> Self {
        Self {
            provider_id: None,
            answer: answer.into(),
            pause: None,
        }
    }

    /// The same with the provider's identity of the message.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self {
            provider_id: Some(id.into()),
            ..self
        }
    }
}

/// What kind of message it is, as far as trying again is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Calls a person to an incident.
    Page,
    /// Tells a service's own people what happened.
    Notice,
    /// Tells a program: an outbound webhook.
    Webhook,
    /// An invitation, a code, a password link.
    Account,
    /// Brings a page that was sent to where its incident stands now. It tells nobody anything and fails nobody.
    Edit,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Page, Self::Notice, Self::Webhook, Self::Account, Self::Edit];

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Page => "PAGE",
            Self::Notice => "NOTICE",
            Self::Webhook => "WEBHOOK",
            Self::Account => "ACCOUNT",
            Self::Edit => "EDIT",
        }
    }

    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }

    /// How long after it was decided on a message is still tried.
    #[must_use]
    pub const fn worth_sending_for(self) -> SignedDuration {
        match self {
            Self::Notice | Self::Edit => SignedDuration::from_hours(4),
            Self::Page | Self::Webhook | Self::Account => SignedDuration::from_hours(24),
        }
    }

    /// The wait before the first repetition; each further wait is twice as long.
    const fn first_wait(self) -> SignedDuration {
        match self {
            Self::Page => SignedDuration::from_secs(5),
            Self::Notice | Self::Account | Self::Edit => SignedDuration::from_secs(15),
            Self::Webhook => SignedDuration::from_secs(10),
        }
    }

    /// The longest wait between two tries.
    const fn longest_wait(self) -> SignedDuration {
        match self {
            Self::Page => SignedDuration::from_mins(2),
            Self::Notice | Self::Account | Self::Edit => SignedDuration::from_mins(15),
            Self::Webhook => SignedDuration::from_hours(1),
        }
    }
}

/// What follows a try that brought no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Try again at this time.
    RetryAt(Timestamp),
    /// Nothing more will be tried, for this reason.
    GiveUp(String),
}

/// How long one try may take before it counts as having an unknown outcome and another worker may take over.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How long an outbound call may take in all. Less than [`LEASE`], so that no lease ends while its call is under way.
pub const CALL_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

/// Says why a message that has waited is not to be sent any more, if that is so. `status` is the incident's now, where
/// the message is about one; `by_step` says that a step of the policy called for the page.
///
/// A page is never too old while it is needed: after an outage of this program it is late, and still the only call.
#[must_use]
pub fn not_wanted(
    purpose: Purpose,
    by_step: bool,
    status: Option<Status>,
    since: Timestamp,
    now: Timestamp,
) -> Option<&'static str> {
    match (purpose, status) {
        (Purpose::Page, Some(Status::Open)) => None,
        (Purpose::Page, Some(Status::Acknowledged | Status::Snoozed | Status::Suppressed)) if !by_step => None,
        (Purpose::Page, Some(_)) => Some("the incident is not open any more"),
        (Purpose::Page, None) => Some("the incident is not there any more"),
        (Purpose::Notice | Purpose::Webhook | Purpose::Account | Purpose::Edit, _) => {
            let ends = since
                .saturating_add(purpose.worth_sending_for())
                .unwrap_or(Timestamp::MAX);
            (now >= ends).then_some("it waited for so long that it is of no use any more")
        }
    }
}

/// How a message has been tried so far, the try that just failed included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How many tries that were; 1 is the first.
    pub count: u32,
    /// How many tries before this one were refused for good, in a row: each by another provider.
    pub refused_before: u32,
    /// How many providers there are for its channel; at least 1.
    pub providers: u32,
    /// Another channel of the default order can be tried in its place.
    pub has_next: bool,
    /// When the message was decided on.
    pub since: Timestamp,
}

impl Tries {
    /// All providers have been asked as often as each other.
    const fn round_is_over(&self) -> bool {
        self.count.is_multiple_of(self.providers)
    }
}

/// Decides what follows a failed try.
///
/// Where there is another provider it is asked at once, whatever the reason, a refusal too: providers refuse for
/// reasons of their own. Where all have been asked and the message follows the default order of channels, it is given
/// up here for the sake of the next channel. Else it waits. `jitter` is a random number from 0 to 1: it spreads the wait over its upper half, so that messages that failed
/// together do not come back together. Where a provider names a wait, it is kept. A message whose outcome is unknown
/// is tried again like one that was not taken: better twice than never; the receiver can tell by the delivery's id.
#[must_use]
pub fn after_failure(purpose: Purpose, tries: &Tries, now: Timestamp, error: &DeliveryError, jitter: f64) -> Next {
    let asked = match error {
        DeliveryError::Refused { why } if tries.refused_before + 1 >= tries.providers => {
            return Next::GiveUp(why.clone());
        }
        _ if !tries.round_is_over() => return Next::RetryAt(now),
        _ if tries.has_next => return Next::GiveUp(error.to_string()),
        DeliveryError::Refused { .. } => None,
        // The setting may be mended within minutes: the message waits for it like for a provider that is away.
        DeliveryError::Misconfigured { .. } | DeliveryError::Unknown { .. } => None,
        DeliveryError::Retry { after, .. } => *after,
    };
    let doublings = (tries.count / tries.providers).saturating_sub(1).min(20);
    let grown = purpose
        .first_wait()
        .saturating_mul(1 << doublings)
        .min(purpose.longest_wait());
    let wait = asked
        .unwrap_or_default()
        .max(grown.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0));
    let ends = tries
        .since
        .saturating_add(purpose.worth_sending_for())
        .unwrap_or(Timestamp::MAX);
    match now.checked_add(wait) {
        Ok(at) if at < ends => Next::RetryAt(at),
        _ => Next::GiveUp(format!("gave up after {} tries: {error}", tries.count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn tries(count: u32) -> Tries {
        Tries {
            count,
            refused_before: 0,
            providers: 1,
            has_next: false,
            since: at(0),
        }
    }

    fn refused() -> DeliveryError {
        DeliveryError::Refused {
            why: "550 no such user".into(),
        }
    }

    fn busy(after: Option<SignedDuration>) -> DeliveryError {
        DeliveryError::Retry {
            why: "451 try later".into(),
            after,
        }
    }

    #[test]
    fn waits_grow_and_stay_bounded() {
        let wait = |count| match after_failure(Purpose::Page, &tries(count), at(100), &busy(None), 1.0) {
            Next::RetryAt(next) => next.as_second() - 100,
            Next::GiveUp(why) => panic!("{why}"),
        };
        assert_eq!([wait(1), wait(2), wait(3), wait(9)], [5, 10, 20, 120]);
    }

    #[test]
    fn a_providers_own_wait_is_kept() {
        let next = after_failure(
            Purpose::Webhook,
            &tries(1),
            at(0),
            &busy(Some(SignedDuration::from_secs(300))),
            0.0,
        );
        assert_eq!(next, Next::RetryAt(at(300)));
    }

    #[test]
    fn a_page_is_sent_while_the_incident_is_open_and_not_after() {
        let late = |purpose, status| not_wanted(purpose, true, status, at(0), at(1_000_000));
        assert_eq!(late(Purpose::Page, Some(Status::Open)), None);
        assert!(late(Purpose::Page, Some(Status::Acknowledged)).is_some());
        assert!(late(Purpose::Webhook, Some(Status::Open)).is_some());
        assert_eq!(
            not_wanted(Purpose::Page, false, Some(Status::Acknowledged), at(0), at(1)),
            None
        );
        assert!(not_wanted(Purpose::Page, false, Some(Status::Resolved), at(0), at(1)).is_some());
    }

    #[test]
    fn a_refusal_ends_it_and_so_does_age() {
        assert_eq!(
            after_failure(Purpose::Page, &tries(1), at(1), &refused(), 0.0),
            Next::GiveUp("550 no such user".into())
        );
        assert!(matches!(
            after_failure(Purpose::Page, &tries(40), at(86_399), &busy(None), 0.0),
            Next::GiveUp(_)
        ));
    }

    #[test]
    fn the_other_provider_is_asked_at_once_and_then_both_are_waited_for() {
        let of = |count, refused_before, error: &DeliveryError| {
            let tries = Tries {
                refused_before,
                providers: 2,
                ..tries(count)
            };
            after_failure(Purpose::Page, &tries, at(100), error, 1.0)
        };
        let silent = DeliveryError::Unknown { why: "silent".into() };
        for error in [busy(None), refused(), silent] {
            assert_eq!(of(1, 0, &error), Next::RetryAt(at(100)), "{error:?}");
        }
        assert_eq!(of(2, 0, &busy(None)), Next::RetryAt(at(105)));
        assert_eq!(of(3, 0, &busy(None)), Next::RetryAt(at(100)));
        assert_eq!(of(4, 0, &busy(None)), Next::RetryAt(at(110)));
        assert_eq!(of(2, 1, &refused()), Next::GiveUp("550 no such user".into()));
        assert_eq!(
            of(2, 0, &refused()),
            Next::RetryAt(at(105)),
            "the first one may still take it"
        );
        assert_eq!(of(2, 1, &busy(None)), Next::RetryAt(at(105)), "so may the second");
    }

    #[test]
    fn the_next_channel_is_not_kept_waiting() {
        let ordered = Tries {
            has_next: true,
            ..tries(1)
        };
        let ends = after_failure(Purpose::Page, &ordered, at(1), &busy(None), 0.0);
        assert_eq!(ends, Next::GiveUp("451 try later".into()));
        let two = Tries {
            providers: 2,
            ..ordered
        };
        assert_eq!(
            after_failure(Purpose::Page, &two, at(1), &busy(None), 0.0),
            Next::RetryAt(at(1))
        );
    }
}
