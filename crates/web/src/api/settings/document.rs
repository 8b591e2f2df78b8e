//! The settings of a channel as they are stored: what becomes of them when somebody changes them, and whether they may
//! be so.
//!
//! It owns the rules of the table in [`super::providers`] and nothing of any one vendor's service: whether a credential
//! is right, only its vendor knows.

use opsknight_domain::directory::Channel;
use serde_json::{Map, Value};

use super::providers::{Field, Kind, Provider, Ways, ways};
use crate::api::{
    check::{self, SHORT_CHARS_MAX},
    error::{ApiError, Problems},
};

/// Longest credential, in characters. Amazon's session tokens have no fixed length and are the longest there are.
const SECRET_CHARS_MAX: usize = 4_096;
/// Longest name that a text message comes from, in characters (Amazon SNS, "Publishing SMS messages to a mobile phone";
/// Twilio, "Alphanumeric Sender ID").
const SENDER_CHARS_MAX: usize = 11;
/// How many digits a short code may have: five or six (Twilio, "Short Code"), four to seven (Amazon SNS, "Origination
/// identities"). One more on each side is left to the provider to judge.
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;
/// The name of the setting that chooses a provider.
pub(super) const PROVIDER: &str = "provider";
/// The name of the setting that holds the second provider.
pub(super) const SECOND: &str = "second";

/// Settings by name.
pub(super) type Settings = Map<String, Value>;

/// What becomes of the settings so far; `lent` are settings from which what is missing is taken.
///
/// # Errors
/// 400 with everything that is not acceptable, each by its name.
pub(super) fn apply(
    channel: Channel,
    wish: &Settings,
    before: Option<&Settings>,
    lent: Option<&Settings>,
) -> Result<Settings, ApiError> {
    let ways = ways(channel);
    let mut problems = Problems::default();
    let part = Part {
        channel,
        ways,
        prefix: "",
    };
    let mut after = part.apply(&mut problems, wish, before, lent);
    let second = match wish.get(SECOND) {
        Some(_) if !ways.has_second => {
            problems.add(SECOND, "is not a field that can be set here");
            None
        }
        Some(Value::Null) => None,
        Some(Value::Object(wish)) => Some(second(&mut problems, (channel, ways), wish, before_of(before))),
        Some(_) => {
            problems.add(SECOND, "must be an object, or null");
            None
        }
        None => before_of(before).cloned(),
    };
    if let Some(second) = second {
        after.insert(SECOND.to_owned(), Value::Object(second));
    }
    problems.check()?;
    Ok(after)
}

fn before_of(before: Option<&Settings>) -> Option<&Settings> {
    before?.get(SECOND)?.as_object()
}

fn second(
    problems: &mut Problems,
    (channel, ways): (Channel, Ways),
    wish: &Settings,
    before: Option<&Settings>,
) -> Settings {
    let part = Part {
        channel,
        // Whoever sets up a second one says which.
        ways: Ways { usual: None, ..ways },
        prefix: "second.",
    };
    part.apply(problems, wish, before, None)
}

/// The settings of one provider within a document.
struct Part {
    channel: Channel,
    ways: Ways,
    prefix: &'static str,
}

impl Part {
    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn apply(
        &self,
        problems: &mut Problems,
        wish: &Settings,
        before: Option<&Settings>,
        lent: Option<&Settings>,
    ) -> Settings {
        let was = before.and_then(|before| provider_of(self.channel, before));
        let Some(provider) = self.chosen(problems, wish, was) else {
            return Settings::new();
        };
        // What belongs to another provider is forgotten, its credentials first of all.
        let kept = before.filter(|_| was.is_some_and(|was| was.word == provider.word));
        let mut after = Settings::new();
        if self.channel != Channel::Slack {
            after.insert(PROVIDER.to_owned(), provider.word.into());
        }
        for field in provider.fields {
            let value = match wish.get(field.name) {
                Some(value) => read(problems, &self.at(field.name), field.kind, value),
                None => kept
                    .and_then(|kept| kept.get(field.name))
                    .or_else(|| lent?.get(field.name))
                    .cloned(),
            };
            if let Some(value) = value.or_else(|| usual(field)) {
                after.insert(field.name.to_owned(), value);
            } else if field.required {
                problems.add(self.at(field.name), "is missing");
            }
        }
        self.refuse_others(problems, wish, provider);
        self.check_together(problems, provider, &after);
        after
    }

    /// The provider that is meant: the one that is named, else the one so far, else the usual one.
    fn chosen(
        &self,
        problems: &mut Problems,
        wish: &Settings,
        was: Option<&'static Provider>,
    ) -> Option<&'static Provider> {
        let words: Vec<_> = self.ways.providers.iter().map(|provider| provider.word).collect();
        let Some(named) = wish.get(PROVIDER) else {
            let chosen = was.or(self.ways.usual);
            if chosen.is_none() {
                let why = format!("is missing; it must be one of {}", words.join(", "));
                problems.add(self.at(PROVIDER), why);
            }
            return chosen;
        };
        let chosen = named.as_str().and_then(|word| self.ways.provider(word));
        if chosen.is_none() {
            problems.add(self.at(PROVIDER), format!("must be one of {}", words.join(", ")));
        }
        chosen
    }

    /// Names what this provider does not have, and whose it is where it is another's.
    fn refuse_others(&self, problems: &mut Problems, wish: &Settings, provider: &Provider) {
        for name in wish.keys() {
            let structural = name == PROVIDER || (name == SECOND && self.prefix.is_empty());
            if structural || provider.field(name).is_some() {
                continue;
            }
            let theirs = self.ways.providers.iter().filter(|other| other.field(name).is_some());
            let theirs: Vec<_> = theirs.map(|other| other.word).collect();
            let why = match theirs.as_slice() {
                [] => "is not a field that can be set here".to_owned(),
                theirs => format!("is a field of {}, not of {}", theirs.join(" and "), provider.word),
            };
            problems.add(self.at(name), why);
        }
    }

    /// What only makes sense together. Fields that are wrong themselves were named already.
    fn check_together(&self, problems: &mut Problems, provider: &Provider, after: &Settings) {
        let has = |name: &str| after.contains_key(name);
        let mut both = |one: &str, other: &str| match (has(one), has(other)) {
            (true, false) => problems.add(self.at(other), format!("must be given together with {one}")),
            (false, true) => problems.add(self.at(one), format!("must be given together with {other}")),
            (true, true) | (false, false) => {}
        };
        match (self.channel, provider.word) {
            (Channel::Email, "SMTP") => both("user", "password"),
            (Channel::Slack, _) => both("clientId", "clientSecret"),
            (Channel::Sms, "TWILIO") if !has("phoneNumber") && !has("messagingServiceSid") => problems.add(
                self.at("phoneNumber"),
                "is missing: give the number that sends, or messagingServiceSid",
            ),
            (_, _) => {}
        }
    }
}

/// The provider that settings name.
pub(super) fn provider_of(channel: Channel, settings: &Settings) -> Option<&'static Provider> {
    let ways = ways(channel);
    match settings.get(PROVIDER) {
        Some(word) => ways.provider(word.as_str()?),
        // The app in Slack has none to choose.
        None => ways.usual.filter(|_| channel == Channel::Slack),
    }
}

/// What counts where nobody chose.
fn usual(field: &Field) -> Option<Value> {
    match field.kind {
        Kind::Choice(words) => words.first().map(|word| Value::from(*word)),
        Kind::Text
        | Kind::Identity(_)
        | Kind::Secret
        | Kind::Password
        | Kind::Host
        | Kind::Port
        | Kind::Region
        | Kind::Phone
        | Kind::Sender
        | Kind::SenderName
        | Kind::Mailbox => None,
    }
}

/// A value as it is stored; none where it is null or blank.
fn read(problems: &mut Problems, at: &str, kind: Kind, value: &Value) -> Option<Value> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Number(number) if kind == Kind::Port => number.to_string(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            problems.add(at, "must be a text");
            // Anything that is there: it is not missing.
            return Some(Value::Null);
        }
    };
    if text.trim().is_empty() {
        return None;
    }
    let text = if kind == Kind::Password { &text } else { text.trim() };
    if text.chars().any(char::is_control) {
        problems.add(at, "must have no control characters");
    }
    let long = if kind.is_secret() {
        SECRET_CHARS_MAX
    } else {
        SHORT_CHARS_MAX
    };
    // A mailbox has a name and an address.
    let long = if kind == Kind::Mailbox {
        long + check::EMAIL_BYTES_MAX
    } else {
        long
    };
    if text.chars().count() > long {
        problems.add(at, format!("must have at most {long} characters"));
    }
    Some(fitting(problems, at, kind, text))
}

/// The value in its one form; what does not fit is named.
fn fitting(problems: &mut Problems, at: &str, kind: Kind, text: &str) -> Value {
    let mut unless = |fits: bool, why: &str| {
        if !fits {
            problems.add(at, why);
        }
        Value::from(text)
    };
    match kind {
        Kind::Text | Kind::Password => Value::from(text),
        Kind::Secret => unless(!text.contains(char::is_whitespace), "must have no blanks"),
        Kind::Identity(prefix) => {
            let why = match prefix {
                "" => "must have no blanks".to_owned(),
                prefix => format!("must begin with {prefix} and have no blanks"),
            };
            let fits = text.starts_with(prefix) && text.len() > prefix.len();
            unless(fits && text.bytes().all(|byte| byte.is_ascii_graphic()), &why)
        }
        Kind::Host => unless(
            is_host(text),
            "must be a host name or an address, without a scheme or a port",
        ),
        Kind::Port => match text.parse::<u16>() {
            Ok(port) if port > 0 => port.into(),
            Ok(_) | Err(_) => unless(false, "must be from 1 to 65535"),
        },
        Kind::Region => unless(is_region(text), "must be the name of a region, such as eu-central-1"),
        Kind::Phone => check::phone(problems, at, text).into(),
        Kind::Sender => sender(problems, at, text).into(),
        Kind::SenderName => unless(
            is_name(text, b"-"),
            "must have at most 11 letters, digits and dashes, and at least one letter",
        ),
        Kind::Mailbox => {
            let address = match text.split_once('<') {
                Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
                None => text,
            };
            check::email(problems, at, address);
            Value::from(text)
        }
        Kind::Choice(words) => unless(words.contains(&text), &format!("must be one of {}", words.join(", "))),
    }
}

fn is_host(text: &str) -> bool {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let bracketed = if bare.contains(':') {
        format!("[{bare}]")
    } else {
        bare.to_owned()
    };
    url::Host::parse(&bracketed).is_ok()
}

/// A region is a label of the host that is called.
fn is_region(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A number in E.164 form, a short code or a name, as Twilio takes them (Twilio, Message resource: `From`).
fn sender(problems: &mut Problems, at: &str, text: &str) -> String {
    let is_code = SHORT_CODE_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    // Twilio takes more than letters in a name (Twilio, AlphaSender resource).
    if is_code || is_name(text, b" +-_&") {
        return text.to_owned();
    }
    let mut wrong = Problems::default();
    let number = check::phone(&mut wrong, at, text);
    if !wrong.is_empty() {
        problems.add(
            at,
            "must be a telephone number with its country code, such as +14155550100, a short code, or a name of up to \
             11 letters",
        );
    }
    number
}

/// A name of letters, digits and these besides, with one letter at least.
fn is_name(text: &str, besides: &[u8]) -> bool {
    text.len() <= SENDER_CHARS_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || besides.contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: Value) -> Settings {
        value.as_object().cloned().unwrap()
    }

    fn refused(channel: Channel, wish: Value, before: Option<Value>) -> Vec<String> {
        let before = before.map(settings);
        let error = apply(channel, &settings(wish), before.as_ref(), None).unwrap_err();
        error.fields().keys().cloned().collect()
    }

    #[test]
    fn a_credential_stays_with_its_provider_and_goes_with_it() {
        let before = settings(json!({ "provider": "RESEND", "apiKey": "re_1", "from": "a@example.com" }));
        let after = |wish: Value| apply(Channel::Email, &settings(wish), Some(&before), None);
        let same = after(json!({ "from": "b@example.com" })).unwrap();
        assert_eq!(
            (&same["apiKey"], &same["from"]),
            (&json!("re_1"), &json!("b@example.com"))
        );
        let other = after(json!({ "provider": "SENDGRID" })).unwrap_err();
        assert_eq!(other.message(), "apiKey is missing; from is missing");
        let gone = after(json!({ "apiKey": null })).unwrap_err();
        assert_eq!(gone.message(), "apiKey is missing");
    }

    #[test]
    fn each_wrong_field_is_named_and_whose_it_is() {
        let error = apply(
            Channel::Email,
            &settings(json!({ "provider": "SES", "region": "eu/west", "apiKey": "x", "colour": 1, "topicArn": "t" })),
            None,
            None,
        );
        let error = error.unwrap_err();
        assert_eq!(
            error.message(),
            "accessKeyId is missing; apiKey is a field of RESEND and SENDGRID, not of SES; colour is not a field that \
             can be set here; from is missing; region must be the name of a region, such as eu-central-1; \
             secretAccessKey is missing; topicArn must begin with arn: and have no blanks"
        );
        assert_eq!(
            refused(Channel::Sms, json!({ "accountSid": "AC1" }), None),
            ["provider"]
        );
        let twilio = json!({ "provider": "TWILIO", "accountSid": "XX1", "authToken": "a b" });
        assert_eq!(
            refused(Channel::Sms, twilio, None),
            ["accountSid", "authToken", "phoneNumber"]
        );
        assert_eq!(
            refused(Channel::Slack, json!({ "clientId": "1.2" }), None),
            ["clientSecret"]
        );
        assert_eq!(refused(Channel::Push, json!({ "second": null }), None), ["second"]);
        assert_eq!(refused(Channel::Push, json!({ "provider": 7 }), None), ["provider"]);
    }

    #[test]
    fn a_second_provider_is_kept_replaced_and_taken_away() {
        let twilio = json!({ "provider": "TWILIO", "accountSid": "AC1", "authToken": "t", "phoneNumber": "+1 415 555 0100",
            "second": { "provider": "AWS_SNS", "region": "eu-west-1", "accessKeyId": "AK", "secretAccessKey": "s" } });
        let first = apply(Channel::Sms, &settings(twilio), None, None).unwrap();
        assert_eq!(first["phoneNumber"], "+14155550100");
        let change = |wish: Value| apply(Channel::Sms, &settings(wish), Some(&first), None);
        let kept = change(json!({ "authToken": "u" })).unwrap();
        assert_eq!(kept["second"]["secretAccessKey"], "s");
        let changed = change(json!({ "second": { "region": "us-east-1" } })).unwrap();
        assert_eq!(changed["second"]["secretAccessKey"], "s");
        assert!(!change(json!({ "second": null })).unwrap().contains_key("second"));
        let error = change(json!({ "second": { "provider": "TWILIO", "second": {} } })).unwrap_err();
        let named: Vec<_> = error.fields().keys().map(String::as_str).collect();
        assert_eq!(
            named,
            [
                "second.accountSid",
                "second.authToken",
                "second.phoneNumber",
                "second.second"
            ]
        );
    }

    #[test]
    fn what_is_missing_is_taken_from_what_is_lent() {
        let sms = settings(
            json!({ "provider": "TWILIO", "accountSid": "AC1", "authToken": "t", "phoneNumber": "+14155550100" }),
        );
        let wish = settings(json!({ "phoneNumber": "+14155550101" }));
        let voice = apply(Channel::Voice, &wish, None, Some(&sms)).unwrap();
        let expected =
            json!({ "provider": "TWILIO", "accountSid": "AC1", "authToken": "t", "phoneNumber": "+14155550101" });
        assert_eq!(Value::Object(voice), expected);
    }

    #[test]
    fn senders_are_numbers_codes_and_names() {
        let fits = |text: &str| {
            let mut problems = Problems::default();
            sender(&mut problems, "x", text);
            problems.is_empty()
        };
        for good in ["+14155550100", "12345", "OpsKnight", "Ops Knight", "Ops & Co"] {
            assert!(fits(good), "{good}");
        }
        for bad in ["4155550100", "+1", "A much too long name", "12"] {
            assert!(!fits(bad), "{bad}");
        }
    }
}
