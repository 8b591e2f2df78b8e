//! Places at which the crash tests kill the program, `OPSKNIGHT_FAILPOINT=name` or `name:3` for the third time, or let it
//! stand still there, `name:3:stop`; and leases that end sooner, `OPSKNIGHT_LEASE_S=3`.
//!
//! Only test builds look: a release never stops here.

use jiff::SignedDuration;

/// Kills the process, as `kill -9` would, when this place was asked for.
#[inline]
pub(crate) fn hit(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::hit(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// How long a lease is: as given, but in tests that do not wait for so long.
#[inline]
pub(crate) fn lease(given: SignedDuration) -> SignedDuration {
    #[cfg(debug_assertions)]
    return armed::LEASE.unwrap_or(given);
    #[cfg(not(debug_assertions))]
    given
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        process::{self, Command},
        sync::{
            LazyLock,
            atomic::{AtomicI64, Ordering},
        },
    };

    use jiff::SignedDuration;

    struct Armed {
        name: String,
        left: AtomicI64,
        stops: bool,
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "not a setting of the product: tests of replicas set it"
    )]
    pub(super) static LEASE: LazyLock<Option<SignedDuration>> = LazyLock::new(|| {
        let text = std::env::var("OPSKNIGHT_LEASE_S").ok()?;
        text.parse().ok().map(SignedDuration::from_secs)
    });

    #[expect(
        clippy::disallowed_methods,
        reason = "not a setting of the product: crash tests set it"
    )]
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("OPSKNIGHT_FAILPOINT").ok()?;
        let mut words = text.split(':');
        Some(Armed {
            name: words.next()?.to_owned(),
            left: AtomicI64::new(words.next().and_then(|times| times.parse().ok()).unwrap_or(1)),
            stops: words.next() == Some("stop"),
        })
    });

    pub(super) fn hit(name: &str) {
        if let Some(armed) = ARMED.as_ref()
            && armed.name == name
            && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            if !armed.stops {
                process::abort();
            }
            let stop = format!("kill -STOP {}", process::id());
            let _stopped = Command::new("sh").args(["-c", &stop]).status();
        }
    }
}
