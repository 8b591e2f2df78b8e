//! Sending that is only pretended, for a story that is told and never happened: messages are leased, written and recorded
//! as always, with all that follows, and no provider is asked.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::delivery::{DeliveryError, LEASE};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, Ending},
};
use opsknight_web::state::Clock;

use super::{Links, Told, consequence, free, letter};

/// How long a provider takes to answer in a story.
const TOOK: SignedDuration = SignedDuration::from_millis(640);
/// How far waits are spread in a story: not at all.
const JITTER: f64 = 0.5;

/// A number of a hundred with which nothing goes wrong.
const LUCKY: u32 = 50;

/// What a provider would have said.
#[derive(Debug, Clone)]
pub struct Pretended {
    provider: &'static str,
    said: Result<&'static str, DeliveryError>,
}

impl Pretended {
    /// It took the message.
    #[must_use]
    pub const fn taken(provider: &'static str, words: &'static str) -> Self {
        Self {
            provider,
            said: Ok(words),
        }
    }

    /// It will never take it.
    #[must_use]
    pub fn refused(provider: &'static str, why: &str) -> Self {
        let why = why.to_owned();
        Self {
            provider,
            said: Err(DeliveryError::Refused { why }),
        }
    }

    /// It does not take it now.
    #[must_use]
    pub fn later(provider: &'static str, why: &str) -> Self {
        let (why, after) = (why.to_owned(), None);
        Self {
            provider,
            said: Err(DeliveryError::Retry { why, after }),
        }
    }
}

/// Sends what is due by the clock. `say` has the words of providers: by channel, and a number below a hundred by
/// which the same message always has the same luck.
///
/// # Errors
/// When the database does not take it.
pub async fn rehearse(
    tx: &mut Tx<'_>,
    store: &Store,
    clock: &dyn Clock,
    links: &Links,
    say: &(dyn Fn(&str, u32) -> Pretended + Sync),
) -> Result<(), DbError> {
    let now = clock.now();
    let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let picture = store.pictures.current(tx, now).await?;
    let leased = deliveries::lease(tx, &free(&[], &picture), now, until).await?;
    let mut ended = Vec::new();
    for letter in letter::write(tx, store, links, leased, now).await? {
        let told = match &letter.message {
            Ok(_) => told(&letter, say, now),
            Err(why) => Told::nothing(Ending::Skipped { detail: why.clone() }),
        };
        let answered = now.saturating_add(TOOK).unwrap_or(now);
        ended.extend(told.of_all(letter, now, answered));
    }
    consequence::record(tx, store, clock, &ended, now).await
}

fn told(letter: &letter::Letter, say: &(dyn Fn(&str, u32) -> Pretended + Sync), now: Timestamp) -> Told {
    let leased = &letter.leased;
    // Identities are in the order of time: their last part, stirred, is as good as a die.
    let [.., a, b] = *leased.id.uuid().as_bytes();
    let stirred = (u32::from(a) << 8 | u32::from(b)).wrapping_mul(2_654_435_761) >> 16;
    // A second try has better luck.
    let chance = if leased.tries > 1 { LUCKY } else { stirred % 100 };
    let Pretended { provider, said } = say(&leased.channel, chance);
    let told = match said {
        Ok(words) => Told::nothing(Ending::Sent {
            provider_id: None,
            detail: words.to_owned(),
        }),
        Err(error) => Told::failed(error, 1, now, JITTER),
    };
    Told {
        provider: provider.to_owned(),
        ..told
    }
}
