//! What people can do without signing in: the signed link in a page's mail, which acknowledges after one confirming
//! click; the code that names an incident in a text message; the link that ends news.
//!
//! It owns their forms. Opening it changes nothing, because mail scanners open links; the click is a POST.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::id::{IncidentId, UserId};
use sha2::Sha256;
use uuid::Uuid;

/// The purpose for which `Sealer::signing_key` gives the key of these links.
pub const ACK_LINK_PURPOSE: &str = "ack-link";
/// How long a link works after its message was decided on.
pub const ACK_LINK_LASTS: SignedDuration = SignedDuration::from_hours(48);

/// Two UUIDs and the seconds since 1970.
const PAYLOAD_BYTES: usize = 16 + 16 + 8;
/// The first half of HMAC-SHA256, which RFC 2104 (section 5) allows: 128 bits cannot be guessed.
const TAG_BYTES: usize = 16;

/// What a good link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckLink {
    /// Which incident.
    pub incident: IncidentId,
    /// For whom.
    pub user: UserId,
    /// Until when it works.
    pub expires: Timestamp,
}

/// The token of a link that lets `user` acknowledge `incident` until `expires`, to be put behind `/ack/`.
#[must_use]
pub fn ack_token(key: &[u8; 32], incident: IncidentId, user: UserId, expires: Timestamp) -> String {
    let mut bytes = Vec::with_capacity(PAYLOAD_BYTES + TAG_BYTES);
    bytes.extend(incident.uuid().as_bytes());
    bytes.extend(user.uuid().as_bytes());
    bytes.extend(expires.as_second().to_be_bytes());
    let tag = mac(key, &bytes).finalize().into_bytes();
    bytes.extend(&tag[..TAG_BYTES]);
    BASE64.encode(bytes)
}

/// Reads a token. `None` when it is not one of ours or was cut short; whether it has expired is the caller's to ask.
#[must_use]
pub fn read_ack_token(key: &[u8; 32], token: &str) -> Option<AckLink> {
    let bytes = BASE64.decode(token).ok()?;
    if bytes.len() != PAYLOAD_BYTES + TAG_BYTES {
        return None;
    }
    let (payload, tag) = bytes.split_at(PAYLOAD_BYTES);
    mac(key, payload).verify_truncated_left(tag).ok()?;
    let (incident, rest) = payload.split_first_chunk::<16>()?;
    let (user, expires) = rest.split_first_chunk::<16>()?;
    Some(AckLink {
        incident: IncidentId::new(Uuid::from_bytes(*incident)),
        user: UserId::new(Uuid::from_bytes(*user)),
        expires: Timestamp::from_second(i64::from_be_bytes(expires.try_into().ok()?)).ok()?,
    })
}

/// How many different codes there are, and the first of them: four digits without a leading zero, as people read them.
const CODES: u64 = 9_000;
const FIRST_CODE: u64 = 1_000;

/// The four digits by which a person names an incident in a text message: `ack 4217`. They are a function of both, so
/// nothing is kept for them, and they tell nobody else anything. Two of a person's incidents may have the same: whoever
/// takes them in looks at which ones are not over.
#[must_use]
pub fn reply_code(key: &[u8; 32], incident: IncidentId, user: UserId) -> String {
    let mut bytes = b"reply-code".to_vec();
    bytes.extend(incident.uuid().as_bytes());
    bytes.extend(user.uuid().as_bytes());
    let tag = mac(key, &bytes).finalize().into_bytes();
    let (first, _) = tag.split_first_chunk::<8>().expect("SHA-256 has 32 bytes");
    (u64::from_be_bytes(*first) % CODES + FIRST_CODE).to_string()
}

/// The token of a link that ends news to a person, to be put behind `/unsubscribe/`. It does not expire: mail is kept
/// for long (RFC 8058, section 3.2, wants it to work whenever).
#[must_use]
pub fn news_token(key: &[u8; 32], user: UserId) -> String {
    let mut bytes = user.uuid().as_bytes().to_vec();
    let tag = mac(key, &news_payload(&bytes)).finalize().into_bytes();
    bytes.extend(&tag[..TAG_BYTES]);
    BASE64.encode(bytes)
}

/// Reads such a token: whose news it ends.
#[must_use]
pub fn read_news_token(key: &[u8; 32], token: &str) -> Option<UserId> {
    let bytes = BASE64.decode(token).ok()?;
    let (user, tag) = bytes.split_first_chunk::<16>()?;
    if tag.len() != TAG_BYTES {
        return None;
    }
    mac(key, &news_payload(user)).verify_truncated_left(tag).ok()?;
    Some(UserId::new(Uuid::from_bytes(*user)))
}

/// The word before it keeps these tokens apart from all else that is signed with the same key.
fn news_payload(user: &[u8]) -> Vec<u8> {
    [b"news".as_slice(), user].concat()
}

fn mac(key: &[u8; 32], payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(payload);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_ends_news_is_for_one_person() {
        let user = UserId::new(Uuid::from_u128(7));
        let token = news_token(&[7; 32], user);
        assert_eq!(read_news_token(&[7; 32], &token), Some(user));
        assert_eq!(read_news_token(&[8; 32], &token), None);
        let mut other = user.uuid().as_bytes().to_vec();
        other[15] ^= 1;
        other.extend(&BASE64.decode(&token).unwrap()[16..]);
        assert_eq!(read_news_token(&[7; 32], &BASE64.encode(other)), None);
        assert_eq!(read_news_token(&[7; 32], ""), None);
    }

    #[test]
    fn reply_codes_are_four_digits_and_differ() {
        let code = |incident, user| {
            let (incident, user) = (Uuid::from_u128(incident), Uuid::from_u128(user));
            reply_code(&[7; 32], IncidentId::new(incident), UserId::new(user))
        };
        let all: std::collections::BTreeSet<String> = (0..50).map(|n| code(n, 1)).collect();
        assert!(all.len() > 45 && all.iter().all(|code| code.len() == 4), "{all:?}");
        assert_eq!(code(1, 1), code(1, 1));
        assert_ne!(code(1, 1), code(1, 2));
    }

    #[test]
    fn a_link_says_what_was_signed_and_nothing_else() {
        let link = AckLink {
            incident: IncidentId::new(Uuid::from_u128(1)),
            user: UserId::new(Uuid::from_u128(2)),
            expires: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        let token = ack_token(&[7; 32], link.incident, link.user, link.expires);
        assert_eq!(read_ack_token(&[7; 32], &token), Some(link));
        assert_eq!(read_ack_token(&[8; 32], &token), None);
        for index in 0..token.len() {
            assert_eq!(read_ack_token(&[7; 32], &token[..index]), None, "{index}");
            let mut changed = token.clone();
            let other = if &changed[index..=index] == "A" { "B" } else { "A" };
            changed.replace_range(index..=index, other);
            assert_eq!(read_ack_token(&[7; 32], &changed), None, "{index}");
        }
        assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    }
}
