//! Places at which the crash tests kill the program: `OPSKNIGHT_FAILPOINT=name` or `name:3` for the third time.
//!
//! Only test builds look: a release never stops here.

/// Kills the process, as `kill -9` would, when this place was asked for.
#[inline]
pub(crate) fn hit(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::hit(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    };

    struct Armed {
        name: String,
        left: AtomicI64,
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "not a setting of the product: crash tests set it"
    )]
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("OPSKNIGHT_FAILPOINT").ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some(Armed {
            name: name.to_owned(),
            left: AtomicI64::new(times.parse().unwrap_or(1)),
        })
    });

    pub(super) fn hit(name: &str) {
        if let Some(armed) = ARMED.as_ref()
            && armed.name == name
            && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }
}
