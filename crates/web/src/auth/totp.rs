//! Codes: of an app (TOTP, RFC 6238), and for recovery. Pure: secret, code and time go in, a verdict comes out.
//!
//! What was used before is the caller's to remember.

use jiff::Timestamp;
use opsknight_store::secret::Secret;
use totp_rs::{Builder, Totp};

/// The length of an app's secret: that of a SHA-1 hash, as RFC 4226 (section 4) recommends.
pub(crate) const SECRET_BYTES: usize = 20;
/// The random bytes of a recovery code: too many to be guessed, even by whoever has its hash.
pub(crate) const RECOVERY_BYTES: usize = 10;
/// How long one code of an app is shown, in seconds. No app knows another.
const STEP_S: u64 = 30;
/// Longest code that is looked at, in bytes.
const CODE_BYTES_MAX: usize = 64;
/// Whose codes they are, as apps list them.
const ISSUER: &str = "OpsKnight";

fn totp(secret: &Secret, account: &str) -> Option<Totp> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).ok()?;
    // A colon would end the account's name (Key URI Format).
    let account = account.replace(':', " ");
    let builder = Builder::new().with_secret(secret).with_account_name(account);
    builder.with_issuer(Some(ISSUER)).build().ok()
}

/// A new secret as text, in base32.
pub(crate) fn text(bytes: [u8; SECRET_BYTES]) -> String {
    base32(&bytes)
}

/// What an app reads from the picture: `otpauth://totp/…`.
pub(crate) fn uri(secret: &Secret, account: &str) -> Option<String> {
    totp(secret, account)?.to_url().ok()
}

/// The time step of this code, if it is the one of now, of the step before or after, and later than the last one that
/// was used.
pub(crate) fn accepted(secret: &Secret, code: &str, last_step: i64, now: Timestamp) -> Option<i64> {
    if code.len() > CODE_BYTES_MAX {
        return None;
    }
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let totp = totp(secret, "")?;
    let seconds = u64::try_from(now.as_second()).ok()?;
    if digits.len() != usize::from(totp.digits()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let step = i64::try_from(totp.check(&digits, seconds)?).ok()?;
    debug_assert_eq!(totp.step(), STEP_S, "a step is what apps take it for");
    (step > last_step).then_some(step)
}

/// A recovery code in groups of four: `k3xd-9…`.
pub(crate) fn recovery_code(bytes: [u8; RECOVERY_BYTES]) -> String {
    let text = base32(&bytes).to_lowercase();
    let groups: Vec<&str> = (0..text.len())
        .step_by(4)
        .map(|at| &text[at..(at + 4).min(text.len())])
        .collect();
    groups.join("-")
}

/// A recovery code as it is hashed: whoever types one may leave out what only makes it readable.
pub(crate) fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric).take(CODE_BYTES_MAX);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Base32 without padding (RFC 4648, section 6). It has neither 0, 1 nor 8, which look like letters.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut kept, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        kept = (kept << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[usize::from((kept >> bits) as u8 & 31)]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[usize::from((kept << (5 - bits)) as u8 & 31)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B, in base32.
    const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_codes_of_the_standard_are_right() {
        let secret = Secret::new(RFC_SECRET);
        // The last six digits of the test vectors for SHA-1.
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(accepted(&secret, code, 0, at(second)), Some(second / 30), "{second}");
        }
        assert_eq!(accepted(&secret, "287 082", 0, at(59)), Some(1), "as apps show it");
        assert_eq!(text(*b"12345678901234567890"), RFC_SECRET);
    }

    #[test]
    fn a_code_is_good_for_a_step_around_its_own_and_once() {
        let secret = Secret::new(RFC_SECRET);
        let of = |second: i64| accepted(&secret, "081804", 0, at(second));
        let (first, last) = (1_111_111_080, 1_111_111_109);
        assert!(of(first - 30).is_some() && of(last + 30).is_some());
        assert!(of(first - 31).is_none() && of(last + 31).is_none());
        let step = of(last).unwrap();
        assert_eq!(accepted(&secret, "081804", step, at(last)), None, "used");
        assert_eq!(
            accepted(&secret, "081804", step + 1, at(last)),
            None,
            "a later one was used"
        );
    }

    #[test]
    fn what_is_no_code_is_none() {
        let secret = Secret::new(RFC_SECRET);
        for code in ["", "28708", "2870821", "28708x", "２８７０８２", &"2".repeat(10_000)] {
            assert_eq!(accepted(&secret, code, 0, at(59)), None, "{code:.20}");
        }
        assert_eq!(accepted(&Secret::new("not base32!"), "287082", 0, at(59)), None);
    }

    #[test]
    fn an_app_is_told_whose_codes_they_are() {
        let uri = uri(&Secret::new(RFC_SECRET), "ada:x@example.com").unwrap();
        assert!(
            uri.starts_with("otpauth://totp/OpsKnight:ada%20x%40example.com?"),
            "{uri}"
        );
        assert!(uri.contains(RFC_SECRET) && uri.contains("issuer=OpsKnight"), "{uri}");
    }

    #[test]
    fn a_recovery_code_may_be_typed_in_any_way() {
        let code = recovery_code([0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(code.len(), 19, "{code}");
        assert_eq!(plain(&code), plain(&code.to_uppercase().replace('-', " ")));
        assert_eq!(plain(&code).len(), 16);
    }
}
