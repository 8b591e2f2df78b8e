//! Passwords: hashed with Argon2id, a few at a time, never on the threads that answer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use tokio::sync::Semaphore;
use tracing::error;

use crate::{api::error::ApiError, state::Clock};

/// Shortest password, in characters. NIST SP 800-63B asks for 8 at least where there is a second factor and 15 where
/// there is none; between them we take what people accept.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in characters: far beyond any that is typed, and a bound on the work of hashing it.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// How many are hashed at once. One takes 19 MiB and some 20 ms of a processor.
const AT_ONCE_MAX: usize = 2;
/// How many may wait for that; beyond it the answer is 503.
const WAITING_MAX: usize = 64;
/// How a stored hash begins: the algorithm, its version and its parameters, which are [`Argon2::default`]'s.
const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1";
/// The recommended length of a salt, in bytes (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;

/// Hashes and checks passwords with the parameters that OWASP recommends (19 MiB, two passes, one lane).
pub struct Passwords {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// How many were hashed.
    done: AtomicU64,
    /// A hash that no password has: checked where there is no account, so that this takes as long.
    nobodys: String,
}

/// What is wrong with a new password, or nothing.
#[must_use]
pub fn password_problem(password: &str) -> Option<String> {
    let length = password.chars().count();
    if length < PASSWORD_CHARS_MIN {
        Some(format!("must have at least {PASSWORD_CHARS_MIN} characters"))
    } else if length > PASSWORD_CHARS_MAX {
        Some(format!("must have at most {PASSWORD_CHARS_MAX} characters"))
    } else {
        None
    }
}

impl Passwords {
    /// Ready for work. Nothing is hashed yet: that would cost every start a hash's time and its 19 MiB.
    #[must_use]
    pub fn new(clock: &dyn Clock) -> Self {
        let (mut salt, mut hash) = ([0; SALT_BYTES], [0; 32]);
        clock.fill(&mut salt);
        clock.fill(&mut hash);
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            done: AtomicU64::new(0),
            nobodys: format!("{PARAMETERS}${}${}", BASE64.encode(salt), BASE64.encode(hash)),
        }
    }

    /// The text to store for a password.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn hash(&self, password: &str, clock: &dyn Clock) -> Result<String, ApiError> {
        let mut salt = [0; SALT_BYTES];
        clock.fill(&mut salt);
        let password = password.to_owned();
        let hashed = self
            .run(move || Argon2::default().hash_password_with_salt(password.as_bytes(), &salt))
            .await?;
        hashed.map(|hash| hash.to_string()).map_err(|error| {
            error!(%error, "a password could not be hashed");
            ApiError::internal()
        })
    }

    /// Whether the password is the one that was stored. Where nothing is stored it takes as long, and is not.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn verify(&self, stored: Option<String>, password: &str) -> Result<bool, ApiError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobodys.clone());
        // A longer one was never accepted; hashing only its beginning takes as long.
        let fits = password.chars().count() <= PASSWORD_CHARS_MAX;
        let password: String = password.chars().take(PASSWORD_CHARS_MAX).collect();
        let right = self
            .run(move || {
                Argon2::default()
                    .verify_password(password.as_bytes(), stored.as_str())
                    .is_ok()
            })
            .await?;
        Ok(right && known && fits)
    }

    /// How many passwords were hashed so far, to be kept or to be compared.
    pub(crate) fn hashed(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let _place = self
            .waiting
            .clone()
            .try_acquire_owned()
            .map_err(|_| ApiError::unavailable())?;
        let turn = self
            .at_once
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| ApiError::unavailable())?;
        self.done.fetch_add(1, Ordering::Relaxed);
        // The turn goes with the work: a caller that stops waiting does not make room for more.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|error| {
            error!(%error, "hashing a password was cut off");
            ApiError::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestClock;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let clock = TestClock::default();
        let passwords = Passwords::new(&clock);
        let stored = passwords.hash("correct horse battery", &clock).await.unwrap();
        assert!(stored.starts_with(PARAMETERS), "{stored}");
        assert_eq!(passwords.nobodys.len(), stored.len());
        let checked = Argon2::default().verify_password(b"any", passwords.nobodys.as_str());
        assert_eq!(
            checked,
            Err(argon2::password_hash::Error::PasswordInvalid),
            "it is checked to the end"
        );
        let right = |stored: Option<&str>, password: &'static str| {
            let stored = stored.map(str::to_owned);
            let passwords = &passwords;
            async move { passwords.verify(stored, password).await.unwrap() }
        };
        assert!(right(Some(&stored), "correct horse battery").await);
        assert!(!right(Some(&stored), "correct horse batterx").await);
        assert!(!right(None, "correct horse battery").await);
        assert!(!right(Some("not a hash"), "correct horse battery").await);
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(password_problem("ünicödepäsßß").is_none());
        assert!(password_problem("short").is_some());
        assert!(password_problem(&"x".repeat(257)).is_some());
    }
}
