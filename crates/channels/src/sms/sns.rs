//! Text messages by Amazon SNS: one `Publish` of its query API to a telephone number.
//!
//! It owns the request and what each answer means. SNS has neither a place for an idempotency key nor a way to be
//! answered: a number that opted out is accepted and dropped, which only the account's delivery logs tell.

use async_trait::async_trait;
use jiff::Timestamp;
use url::form_urlencoded;

use super::text::render_one_way;
use crate::{
    Channel, DeliveryError, Message, Problem, Receipt, Vendors,
    aws::{AwsAccount, Fault, KEY, Service},
    given::is_identity,
    vendor::Reply,
};

/// The version of the API (SNS, "API Reference").
const VERSION: &str = "2010-03-31";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const SENDER: &str = "AWS_SNS_SENDER_ID";
/// The account's own limit, an attribute of SNS: what is spent on text messages in a month.
const SPENT: &str = "MonthlySpendLimit";
/// Longest name that a message may come from (SNS, "Sender IDs").
const SENDER_CHARS_MAX: usize = 11;
/// Digits of a telephone number with its country's code (ITU-T E.164).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// How much of an answer is looked through, in bytes; those of SNS have some hundred.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// An account of AWS whose SNS sends our text messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnsSmsSettings {
    /// In one of the regions in which SNS sends text messages, with the keys of a user who may `sns:Publish`.
    pub account: AwsAccount,
    /// `AWS_SNS_SENDER_ID`: the name that messages come from in countries that allow one; none: the account's default.
    pub sender_id: Option<String>,
}

impl SnsSmsSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.account.problems();
        problems.extend(self.sender_id.as_deref().filter(|id| !is_sender(id)).map(|_| Problem {
            field: SENDER,
            why: format!("must have at most {SENDER_CHARS_MAX} letters, digits and dashes, and at least one letter"),
        }));
        problems
    }
}

fn is_sender(text: &str) -> bool {
    text.len() <= SENDER_CHARS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Sends text messages through Amazon SNS.
#[derive(Debug)]
pub struct SnsSms {
    service: Service,
    sender_id: Option<String>,
}

impl SnsSms {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`SnsSmsSettings::problems`].
    pub fn new(settings: &SnsSmsSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self {
            service: Service::new(vendors, &settings.account, "sns", "sns"),
            sender_id: settings.sender_id.clone(),
        })
    }

    /// One action of the API.
    async fn act(&self, action: &str, fields: &[(&str, &str)], now: Timestamp) -> Result<Reply, DeliveryError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", VERSION)
            .extend_pairs(fields)
            .finish();
        self.service.post([], FORM, form.into_bytes(), now).await
    }
}

#[async_trait]
impl Channel for SnsSms {
    fn name(&self) -> &'static str {
        "sns"
    }

    /// Publishes one text message, marked as one that must arrive.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let to = to.trim();
        if !is_number(to) {
            let why = "is not a telephone number with its country's code, like +15555550100";
            return Err(DeliveryError::Refused { why: why.into() });
        }
        let text = render_one_way(message);
        let mut fields = vec![("PhoneNumber", to), ("Message", text.as_str())];
        fields.extend([
            ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
        ]);
        if let Some(id) = &self.sender_id {
            fields.extend([
                ("MessageAttributes.entry.2.Name", "AWS.SNS.SMS.SenderID"),
                ("MessageAttributes.entry.2.Value.DataType", "String"),
                ("MessageAttributes.entry.2.Value.StringValue", id.as_str()),
            ]);
        }
        let reply = self.act("Publish", &fields, now).await?;
        match element(&reply, "MessageId") {
            Some(id) if reply.status().is_success() && is_identity(&id) => {
                Ok(Receipt::of(format!("{}: {id}", reply.status())).with_id(id))
            }
            _ => Err(failure(&reply)),
        }
    }

    /// Asks what the account may spend, and whether it is in the sandbox.
    async fn check(&self) -> Result<String, DeliveryError> {
        let now = self.service.time().await?;
        let reply = self.act("GetSMSAttributes", &[], now).await?;
        if fault(&reply).is_permission() {
            return Ok(format!(
                "AWS knows the key. It may not ask about text messages (sns:GetSMSAttributes): {}",
                fault(&reply).why(&reply)
            ));
        }
        if !reply.status().is_success() || element(&reply, "GetSMSAttributesResult").is_none() {
            return Err(failure(&reply));
        }
        let sandbox = self.act("GetSMSSandboxAccountStatus", &[], now).await?;
        let region = self.service.region();
        Ok(match element(&sandbox, "IsInSandbox").as_deref() {
            Some("true") => {
                format!("Amazon SNS in {region} is in the SMS sandbox: it sends to verified numbers only.")
            }
            Some("false") => format!("Amazon SNS in {region} sends to every number."),
            _ => format!("Amazon SNS in {region} knows the key. Whether it is in the SMS sandbox it does not tell."),
        })
    }
}

/// E.164: a plus sign, a country's code, a number.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

/// What an answer means that is no receipt (SNS, `Publish`, "Errors").
fn failure(reply: &Reply) -> DeliveryError {
    let fault = fault(reply);
    let why = fault.why(reply);
    if fault.code == "OptedOut" || fault.says(&["opted out"]) {
        return DeliveryError::Refused { why };
    }
    if fault.says(&[
        "spend limit",
        "spending limit",
        "spend quota",
        "no quota left",
        "monthlyspendlimit",
    ]) {
        return DeliveryError::Misconfigured { field: SPENT, why };
    }
    if let Some(error) = fault.common(reply) {
        return error;
    }
    match fault.code.as_str() {
        "InvalidParameter" | "ParameterValueInvalid" | "ValidationException" | "ValidationError"
            if fault.says(&["senderid", "sender id"]) =>
        {
            DeliveryError::Misconfigured { field: SENDER, why }
        }
        "KMSThrottling" => reply.later(why),
        // "Invalid parameter: PhoneNumber Reason: … is not valid to publish to", and a number that a sandbox does not know.
        _ => reply.failure(why, KEY),
    }
}

/// `<ErrorResponse><Error><Type/><Code/><Message/></Error></ErrorResponse>` (AWS query protocol).
fn fault(reply: &Reply) -> Fault {
    if reply.status().is_success() {
        return Fault::default();
    }
    Fault {
        code: element(reply, "Code").unwrap_or_default(),
        message: element(reply, "Message").unwrap_or_default(),
    }
}

/// The text of an answer's first element of this name.
fn element(reply: &Reply, name: &str) -> Option<String> {
    element_of(&reply.text(ANSWER_BYTES_MAX), name)
}

/// The answers of SNS are a few elements deep and have no comments, no CDATA and no attributes but the namespace: what
/// stands between the tags is all that is needed.
fn element_of(xml: &str, name: &str) -> Option<String> {
    if let Some((_, rest)) = xml.split_once(&format!("<{name}>")) {
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        return Some(unescaped(text.trim()));
    }
    xml.contains(&format!("<{name}/>")).then(String::new)
}

/// The five entities of XML; the ampersand comes last, so that nothing is read twice.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn an_element_is_found_in_what_sns_answers() {
        let xml = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  <Error>\n    <Type>Sender</Type>\n    \
                   <Code>InvalidParameter</Code>\n    <Message>a &lt;b&gt; &amp;lt; &quot;c&quot;</Message>\n  </Error>";
        assert_eq!(element_of(xml, "Code").as_deref(), Some("InvalidParameter"));
        assert_eq!(element_of(xml, "Message").as_deref(), Some("a <b> &lt; \"c\""));
        assert_eq!(element_of(xml, "MessageId"), None);
        assert_eq!(element_of("<MessageId>cut", "MessageId"), None);
        assert_eq!(element_of("<R/>", "R").as_deref(), Some(""));
        assert_eq!(element_of("<<<>>></Code><Code>", "Code"), None);
    }

    #[test]
    fn a_number_has_its_countrys_code() {
        for good in ["+15555550100", "+4930123456"] {
            assert!(is_number(good), "{good}");
        }
        for wrong in [
            "",
            "+",
            "15555550100",
            "+1 555 555",
            "+0155555501",
            "+123456",
            "+1234567890123456",
            "+١٢٣٤٥٦٧",
        ] {
            assert!(!is_number(wrong), "{wrong}");
        }
    }

    #[test]
    fn each_problem_names_its_setting_and_no_key() {
        let good = SnsSmsSettings {
            account: AwsAccount {
                region: "eu-west-1".into(),
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: Secret::new("secret-key"),
                session_token: None,
                endpoint: None,
            },
            sender_id: Some("OpsKnight".into()),
        };
        assert_eq!(good.problems(), []);
        for wrong in ["", "12345", "OpsKnight Pager", "Bereitschaft1", "Ürgent"] {
            let settings = SnsSmsSettings {
                sender_id: Some(wrong.into()),
                account: AwsAccount {
                    secret_access_key: Secret::new("secret key"),
                    ..good.account.clone()
                },
            };
            let fields: Vec<&str> = settings.problems().iter().map(|problem| problem.field).collect();
            assert_eq!(fields, ["AWS_SECRET_ACCESS_KEY", SENDER], "{wrong}");
            assert!(!format!("{settings:?} {:?}", settings.problems()).contains("secret key"));
        }
    }
}
