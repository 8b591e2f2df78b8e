//! The envelope in which Amazon SNS delivers to a URL: its parts, the text that is signed, and the addresses in it that
//! may be called.
//!
//! It owns what can be decided without the network: whoever fetches the certificate, checks the RSA signature over
//! [`Envelope::signed_text`] and follows the `SubscribeURL` asks here first. Facts are from docs.aws.amazon.com, "Verifying
//! the signatures of Amazon SNS messages" and "Parsing Amazon SNS message formats".

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::Value;
use url::{Host, Url};

use super::alarm;

/// How old a signed message may be, in seconds: SNS tries again for up to an hour with its own policy.
pub const MESSAGE_AGE_S_MAX: i64 = 3600;
/// How far ahead of ours the clock of SNS may be, in seconds.
const MESSAGE_AHEAD_S_MAX: i64 = 300;

/// What SNS delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message of the topic.
    Notification,
    /// The topic asks whether it may send here.
    SubscriptionConfirmation,
    /// The topic will send no more.
    UnsubscribeConfirmation,
}

impl Kind {
    /// The word in `Type`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// The hash under the RSA signature (PKCS #1 v1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// `SignatureVersion` 1.
    Sha1,
    /// `SignatureVersion` 2.
    Sha256,
}

/// An envelope. Texts are as they were sent, to the last space, since they are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is delivered.
    pub kind: Kind,
    /// The id of the message; the same in every attempt.
    pub message_id: String,
    /// The topic that sends.
    pub topic_arn: String,
    /// The subject, which need not be there.
    pub subject: Option<String>,
    /// The message itself.
    pub message: String,
    /// When it was published, as SNS writes it.
    pub timestamp: String,
    /// The token of a confirmation.
    pub token: Option<String>,
    /// Where a subscription is confirmed; to be called only when [`is_confirmation_url`] agrees.
    pub subscribe_url: Option<String>,
    /// `1` or `2`.
    pub signature_version: String,
    /// The signature in base64.
    pub signature: String,
    /// Where the certificate lies; to be fetched only when [`is_certificate_url`] agrees.
    pub signing_cert_url: String,
}

impl Envelope {
    /// Reads an envelope; none where the body is something else.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = text("Type")?;
        let kinds = [
            Kind::Notification,
            Kind::SubscriptionConfirmation,
            Kind::UnsubscribeConfirmation,
        ];
        let kind = kinds.into_iter().find(|known| known.word() == kind)?;
        Some(Self {
            kind,
            message_id: text("MessageId").unwrap_or_default(),
            topic_arn: text("TopicArn").unwrap_or_default(),
            subject: text("Subject"),
            message: text("Message").unwrap_or_default(),
            timestamp: text("Timestamp").unwrap_or_default(),
            token: text("Token"),
            subscribe_url: text("SubscribeURL"),
            signature_version: text("SignatureVersion").unwrap_or_default(),
            signature: text("Signature").unwrap_or_default(),
            // SigningCertURL in JSON; some tools write it in camel case.
            signing_cert_url: text("SigningCertURL")
                .or_else(|| text("SigningCertUrl"))
                .unwrap_or_default(),
        })
    }

    /// The text that is signed: names and values in the order of the names, each on a line of its own. It is the same in
    /// both versions of the signature; only the hash differs.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let mut parts: Vec<(&str, Option<&str>)> =
            vec![("Message", Some(&self.message)), ("MessageId", Some(&self.message_id))];
        match self.kind {
            Kind::Notification => parts.push(("Subject", self.subject.as_deref())),
            Kind::SubscriptionConfirmation | Kind::UnsubscribeConfirmation => {
                parts.push(("SubscribeURL", self.subscribe_url.as_deref()));
            }
        }
        parts.push(("Timestamp", Some(&self.timestamp)));
        if self.kind != Kind::Notification {
            parts.push(("Token", self.token.as_deref()));
        }
        parts.extend([
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(self.kind.word())),
        ]);
        let mut text = String::new();
        for (name, value) in parts {
            if let Some(value) = value {
                text.extend([name, "\n", value, "\n"]);
            }
        }
        text
    }

    /// The hash under the signature; none for a version that is not known.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self.signature_version.as_str() {
            "1" => Some(Digest::Sha1),
            "2" => Some(Digest::Sha256),
            _ => None,
        }
    }

    /// The signature as bytes.
    #[must_use]
    pub fn signature_bytes(&self) -> Option<Vec<u8>> {
        STANDARD
            .decode(self.signature.trim())
            .ok()
            .filter(|bytes| !bytes.is_empty())
    }

    /// When it was published.
    #[must_use]
    pub fn sent_at(&self) -> Option<Timestamp> {
        alarm::time(&self.timestamp)
    }

    /// Whether it was published recently enough to be believed at `now`.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.sent_at().is_some_and(|sent| {
            (-MESSAGE_AHEAD_S_MAX..=MESSAGE_AGE_S_MAX).contains(&(now.as_second() - sent.as_second()))
        })
    }
}

/// Whether an address is that of a certificate of SNS: `https`, a host of SNS itself, and a `.pem` without a query.
#[must_use]
pub fn is_certificate_url(address: &str) -> bool {
    let is_file = |url: &Url| {
        url.path().starts_with("/SimpleNotificationService-") && url.path().ends_with(".pem") && url.query().is_none()
    };
    of_sns(address).as_ref().is_some_and(is_file)
}

/// Whether an address confirms a subscription to `topic_arn`: `https`, a host of SNS itself in the topic's region, and
/// exactly that action for exactly that topic.
#[must_use]
pub fn is_confirmation_url(address: &str, topic_arn: &str) -> bool {
    let Some(url) = of_sns(address) else { return false };
    let region = topic_arn.split(':').nth(3).unwrap_or_default();
    let in_region = url.host_str().and_then(|host| host.split('.').nth(1)) == Some(region);
    in_region && url.path() == "/" && confirms(&url, topic_arn)
}

/// Whether calling an address, wherever it lies, asks for the confirmation of a subscription to `topic_arn` and for
/// nothing else.
#[must_use]
pub fn confirms(url: &Url, topic_arn: &str) -> bool {
    let one = |name: &str| {
        let mut values = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    };
    matches!(url.scheme(), "http" | "https")
        && one("Action").as_deref() == Some("ConfirmSubscription")
        && one("TopicArn").as_deref() == Some(topic_arn)
        && one("Token").is_some_and(|token| !token.is_empty())
}

/// An address on `sns.<region>.amazonaws.com` (or `.com.cn`), over `https` on its own port and without credentials.
fn of_sns(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let Some(Host::Domain(host)) = url.host() else {
        return None;
    };
    let region = host
        .strip_prefix("sns.")?
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_prefix("sns.")?.strip_suffix(".amazonaws.com.cn"))?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.port().is_none() && url.fragment().is_none();
    (url.scheme() == "https" && is_region(region) && plain).then_some(url)
}

/// Whether this is how a region is called, `us-gov-west-1`, and nothing else: `sns.s3-us-west-2.amazonaws.com` is the S3
/// bucket of somebody who was quick to call theirs `sns` (Amazon S3, "Legacy endpoints").
fn is_region(text: &str) -> bool {
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [land, middle @ .., number] => {
            land.len() == 2
                && letters(land)
                && !middle.is_empty()
                && middle.iter().all(|part| letters(part))
                && digits(number)
        }
        [] | [_] => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alerts";

    fn envelope(kind: &str) -> Envelope {
        let body = json!({
            "Type": kind, "MessageId": "m-1", "TopicArn": TOPIC, "Message": "two\nlines ", "Subject": null,
            "Timestamp": "2026-03-02T08:00:00.000Z", "SignatureVersion": "2", "Signature": "AAEC",
            "Token": "t", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        });
        Envelope::read(&body).expect("an envelope")
    }

    #[test]
    fn the_signed_text_is_that_of_the_documentation() {
        let mut notification = envelope("Notification");
        assert_eq!(
            notification.signed_text(),
            format!(
                "Message\ntwo\nlines \nMessageId\nm-1\nTimestamp\n2026-03-02T08:00:00.000Z\nTopicArn\n{TOPIC}\nType\nNotification\n"
            )
        );
        notification.subject = Some("S".into());
        assert!(
            notification
                .signed_text()
                .contains("MessageId\nm-1\nSubject\nS\nTimestamp\n")
        );
        assert_eq!(
            envelope("SubscriptionConfirmation").signed_text(),
            format!(
                "Message\ntwo\nlines \nMessageId\nm-1\nSubscribeURL\nhttps://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription\nTimestamp\n2026-03-02T08:00:00.000Z\nToken\nt\nTopicArn\n{TOPIC}\nType\nSubscriptionConfirmation\n"
            )
        );
        assert_eq!(notification.digest(), Some(Digest::Sha256));
        assert_eq!(notification.signature_bytes(), Some(vec![0, 1, 2]));
        assert_eq!(Envelope::read(&json!({"Type": "Other"})), None);
    }

    #[test]
    fn messages_age() {
        let at = |text: &str| text.parse().expect("a time");
        let notification = envelope("Notification");
        assert!(notification.is_fresh(at("2026-03-02T09:00:00Z")) && notification.is_fresh(at("2026-03-02T07:56:00Z")));
        assert!(
            !notification.is_fresh(at("2026-03-02T09:00:01Z")) && !notification.is_fresh(at("2026-03-02T07:54:00Z"))
        );
    }

    #[test]
    fn certificates_come_from_sns_only() {
        for good in [
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-6aad.pem",
            "https://sns.us-gov-west-1.amazonaws.com:443/SimpleNotificationService-6aad.pem",
        ] {
            assert!(is_certificate_url(good), "{good}");
        }
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-6aad.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-6aad.pem",
            "https://a@sns.eu-west-1.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.a.b.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://bucket.s3.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.s3.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.s3-website-us-west-2.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.s3-accelerate.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.us-west-2-.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.us-2.amazonaws.com/SimpleNotificationService-6aad.pem",
            "https://sns.127.0.0.1/SimpleNotificationService-6aad.pem",
            "https://sns.eu-west-1.amazonaws.com./SimpleNotificationService-6aad.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-6aad.pem",
            "https://sns.eu-west-1.amazonaws.com/other.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-6aad.pem?x=1",
            "",
        ] {
            assert!(!is_certificate_url(bad), "{bad}");
        }
    }

    #[test]
    fn only_the_topic_itself_is_confirmed() {
        let url =
            |host: &str, action: &str, topic: &str| format!("https://{host}/?Action={action}&TopicArn={topic}&Token=t");
        let host = "sns.eu-west-1.amazonaws.com";
        assert!(is_confirmation_url(&url(host, "ConfirmSubscription", TOPIC), TOPIC));
        for bad in [
            url("sns.us-east-1.amazonaws.com", "ConfirmSubscription", TOPIC),
            url("169.254.169.254", "ConfirmSubscription", TOPIC),
            url(host, "Publish", TOPIC),
            url(host, "ConfirmSubscription", "arn:aws:sns:eu-west-1:1:other"),
            url(host, "ConfirmSubscription&Action=Publish", TOPIC),
        ] {
            assert!(!is_confirmation_url(&bad, TOPIC), "{bad}");
        }
    }
}
