//! Encryption for one browser: `aes128gcm` (RFC 8188) with keys from an agreement with the browser's (RFC 8291).
//!
//! Every message has a key pair and a salt of its own; neither is kept.

use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand::SecureRandom,
};

use super::subscription::Subscription;

/// Length of the salt, in bytes (RFC 8188, section 2.1).
const SALT_BYTES: usize = 16;
/// The size of the one record that a message is (RFC 8291, section 4: not less than text, delimiter and tag).
const RECORD_BYTES: u32 = 4096;
/// What ends the last record (RFC 8188, section 2).
const LAST_RECORD: u8 = 2;
/// Length of the keying material, in bytes (RFC 8291, section 3.4).
const MATERIAL_BYTES: usize = 32;

/// The browser's key is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidKey;

/// Encrypts a text for a browser.
pub(super) fn seal(subscription: &Subscription, text: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, InvalidKey> {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt).expect("the system has random numbers");
    let own = EphemeralPrivateKey::generate(&ECDH_P256, random).expect("the system has random numbers");
    let own_point = own.compute_public_key().expect("a private key has a public one");
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &subscription.point);
    agree_ephemeral(own, &theirs, |agreed| {
        sealed(agreed, subscription, own_point.as_ref(), salt, text)
    })
    .map_err(|_| InvalidKey)
}

/// The whole body: salt, record size, our public key, and the one record (RFC 8188, section 2.1).
fn sealed(
    agreed: &[u8],
    subscription: &Subscription,
    own_point: &[u8],
    salt: [u8; SALT_BYTES],
    text: &[u8],
) -> Vec<u8> {
    let theirs = Salt::new(HKDF_SHA256, &subscription.auth).extract(agreed);
    let material: [u8; MATERIAL_BYTES] = expanded(&theirs, &[b"WebPush: info\0", &subscription.point, own_point]);
    let ours = Salt::new(HKDF_SHA256, &salt).extract(&material);
    let key = ours
        .expand(&[b"Content-Encoding: aes128gcm\0"], &AES_128_GCM)
        .expect("a key of AES-128 is short enough for HKDF");
    let nonce: [u8; NONCE_LEN] = expanded(&ours, &[b"Content-Encoding: nonce\0"]);
    let mut record = text.to_vec();
    record.push(LAST_RECORD);
    // The key is used for this one record, so that its nonce cannot come again.
    LessSafeKey::new(UnboundKey::from(key))
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
        .expect("a message is far shorter than what AES-GCM takes");
    let mut body = salt.to_vec();
    body.extend(RECORD_BYTES.to_be_bytes());
    body.push(u8::try_from(own_point.len()).expect("a point of P-256 has 65 bytes"));
    body.extend(own_point);
    body.append(&mut record);
    body
}

/// So many bytes.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expanded<const N: usize>(from: &Prk, info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    from.expand(info, Bytes(N))
        .and_then(|material| material.fill(&mut out))
        .expect("HKDF gives up to 255 times 32 bytes");
    out
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use ring::rand::SystemRandom;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn subscription(point: &str) -> Subscription {
        let text = format!(
            r#"{{"endpoint":"https://push.example.net/x","keys":{{"p256dh":"{point}","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}}}"#
        );
        Subscription::parse(&text).unwrap()
    }

    /// RFC 8291, appendix A, from the agreed secret on.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let body = sealed(
            &bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            &subscription(point),
            &bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
            bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap(),
            b"When I grow up, I want to be a watermelon",
        );
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6\
             PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn no_two_messages_share_a_key() {
        let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let seal = || seal(&subscription(point), b"text", &SystemRandom::new()).unwrap();
        let (one, other) = (seal(), seal());
        assert_ne!(one[..SALT_BYTES], other[..SALT_BYTES]);
        assert_ne!(one[21..86], other[21..86]);
        assert_eq!(one.len(), 86 + 4 + 1 + 16);
    }

    #[test]
    fn a_key_that_is_not_on_the_curve_is_refused() {
        let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiwA";
        assert_eq!(
            seal(&subscription(point), b"text", &SystemRandom::new()),
            Err(InvalidKey)
        );
    }
}
