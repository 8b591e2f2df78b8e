//! What Twilio's error codes mean for a message, and in words for people.
//!
//! Source: Twilio, Error and Warning Dictionary. A code that is not here is judged by the status of the answer.

use serde_json::Value;

/// Twilio cannot call the address for its reports, and takes no message with such an address.
pub(crate) const CALLBACK_NOT_REACHED: u32 = 21609;

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing: this address cannot be reached so.
    Address,
    /// The number that sends must be another, or be set up at Twilio.
    Sender,
    /// This setting must be mended.
    Setting(&'static str),
    /// It may work later.
    Later,
}

const TOKEN: Meaning = Meaning::Setting("TWILIO_AUTH_TOKEN");
const ACCOUNT: Meaning = Meaning::Setting("TWILIO_ACCOUNT_SID");
const SERVICE: Meaning = Meaning::Setting("TWILIO_MESSAGING_SERVICE_SID");
const TEMPLATE: Meaning = Meaning::Setting("TWILIO_WHATSAPP_CONTENT_SID");

/// The codes in ascending order.
const CODES: &[(u32, Meaning, &str)] = &[
    (10004, Meaning::Later, "the account has too many calls at once"),
    (13223, Meaning::Address, "this is not a phone number"),
    (13224, Meaning::Address, "this is not a phone number that can be called"),
    (13225, Meaning::Address, "Twilio does not call this number"),
    (
        13227,
        Meaning::Address,
        "calls to this region are not allowed; Twilio's console has it under geographic permissions",
    ),
    (14107, Meaning::Later, "too many messages in a short time"),
    (20003, TOKEN, "Twilio does not accept the account's identity and token"),
    (20005, ACCOUNT, "the account is not active"),
    (20006, TOKEN, "the account may not do this"),
    (20008, TOKEN, "these are test credentials, with which nothing is sent"),
    (20404, ACCOUNT, "Twilio does not know this account"),
    (20429, Meaning::Later, "too many requests"),
    (20500, Meaning::Later, "Twilio has a fault"),
    (20503, Meaning::Later, "Twilio is not available"),
    (21201, Meaning::Address, "this is not a phone number"),
    (
        21210,
        Meaning::Sender,
        "the number that calls is neither one of the account nor a verified one",
    ),
    (21211, Meaning::Address, "this is not a phone number"),
    (21212, Meaning::Sender, "the number that sends is not one that can"),
    (21213, Meaning::Sender, "a number to call from is needed"),
    (21214, Meaning::Address, "the number cannot be reached"),
    (
        21215,
        Meaning::Address,
        "calls to this region are not allowed; Twilio's console has it under geographic permissions",
    ),
    (21216, Meaning::Address, "the account may not call this number"),
    (21217, Meaning::Address, "the number does not look like a phone number"),
    (
        21219,
        Meaning::Address,
        "a trial account reaches only numbers that were verified at Twilio",
    ),
    (
        21265,
        Meaning::Address,
        "the number is a short code, which cannot be written to",
    ),
    (21266, Meaning::Address, "the number is the number that sends"),
    (21267, Meaning::Sender, "a trial account cannot send under a name"),
    (
        21268,
        Meaning::Address,
        "the number is a premium number, which cannot be written to",
    ),
    (21401, Meaning::Sender, "the number that sends is not one that can"),
    (
        21408,
        Meaning::Address,
        "messages to this region are not allowed; Twilio's console has it under geographic permissions",
    ),
    (21603, Meaning::Sender, "a number to send from is needed"),
    (
        21606,
        Meaning::Sender,
        "the number that sends is not one of the account that can send there",
    ),
    (
        21608,
        Meaning::Address,
        "a trial account reaches only numbers that were verified at Twilio",
    ),
    (
        21610,
        Meaning::Address,
        "the person has replied STOP; START, texted from that phone, undoes it",
    ),
    (
        21611,
        Meaning::Later,
        "too many messages wait to be sent from this number",
    ),
    (
        21612,
        Meaning::Address,
        "the number cannot be reached from the number that sends",
    ),
    (21614, Meaning::Address, "the number is not a mobile number"),
    (21635, Meaning::Address, "the number is a landline"),
    (21654, TEMPLATE, "a template is needed"),
    (21655, TEMPLATE, "Twilio does not know this template"),
    (21656, TEMPLATE, "the template does not take our one variable"),
    (
        21659,
        Meaning::Sender,
        "the number that sends is not one at Twilio, or a short code of another country",
    ),
    (
        21660,
        Meaning::Sender,
        "the number that sends is not one of this account",
    ),
    (
        21661,
        Meaning::Sender,
        "the number that sends is not one that can send text messages",
    ),
    (21701, SERVICE, "Twilio does not know this messaging service"),
    (21703, SERVICE, "the messaging service has no number to send from"),
    (21704, SERVICE, "the messaging service has no number to send from"),
    (21705, SERVICE, "this is not the identity of a messaging service"),
    (21730, Meaning::Later, "Twilio is under maintenance"),
    (30001, Meaning::Later, "too many messages wait to be sent"),
    (30002, ACCOUNT, "the account is suspended"),
    (
        30003,
        Meaning::Address,
        "the phone is off, out of reach, or cannot take text messages",
    ),
    (
        30004,
        Meaning::Address,
        "the message was blocked by the phone company or by the person",
    ),
    (30005, Meaning::Address, "the number is not in use"),
    (
        30006,
        Meaning::Address,
        "the number is a landline, or of a phone company that cannot be reached",
    ),
    (30007, Meaning::Address, "the phone company filtered the message"),
    (30008, Meaning::Address, "the phone company does not say why"),
    (
        30034,
        Meaning::Sender,
        "the number that sends is not registered for messages to the United States",
    ),
    (30410, Meaning::Later, "the phone company does not answer"),
    (
        63001,
        Meaning::Sender,
        "WhatsApp does not accept the sender's credentials",
    ),
    (63003, Meaning::Address, "the number is not on WhatsApp"),
    (63005, Meaning::Address, "WhatsApp does not accept the message"),
    (
        63007,
        Meaning::Sender,
        "the number that sends is not a WhatsApp sender of this account",
    ),
    (63008, Meaning::Sender, "the WhatsApp sender is not set up well"),
    (63010, Meaning::Later, "WhatsApp has a fault"),
    (63012, Meaning::Later, "WhatsApp has a fault"),
    (
        63015,
        Meaning::Address,
        "the person has not joined the account's WhatsApp sandbox",
    ),
    (
        63016,
        Meaning::Address,
        "the person has not written within 24 hours, and then WhatsApp takes only an approved template",
    ),
    (63018, Meaning::Later, "too many WhatsApp messages in a short time"),
    (63020, Meaning::Sender, "the business is not set up well at WhatsApp"),
    (63024, Meaning::Address, "the number cannot get WhatsApp messages"),
    (63027, TEMPLATE, "WhatsApp has no such template in this language"),
    (63028, TEMPLATE, "the template does not take our one variable"),
    (63030, TEMPLATE, "the template does not take our one variable"),
    (63032, Meaning::Address, "WhatsApp does not deliver to this person now"),
    (
        63033,
        Meaning::Address,
        "the person has blocked or stopped these messages",
    ),
    (
        63038,
        Meaning::Later,
        "the account's limit of messages a day is reached",
    ),
    (63051, Meaning::Sender, "the business is locked at WhatsApp"),
    (
        572005,
        Meaning::Address,
        "the number is not verified for this trial account yet",
    ),
    (
        573005,
        Meaning::Address,
        "the number is not verified for this trial account yet",
    ),
];

/// What a code means, with our words for it.
pub(crate) fn meaning(code: u32) -> Option<(Meaning, &'static str)> {
    let at = CODES.binary_search_by_key(&code, |(code, ..)| *code).ok()?;
    CODES.get(at).map(|(_, meaning, words)| (*meaning, *words))
}

/// A code as a number, whether it came as one or as text.
pub(crate) fn code(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_in_order_so_that_each_is_found() {
        for pair in CODES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} before {}", pair[0].0, pair[1].0);
        }
        for (code, meaning, words) in CODES {
            assert_eq!(super::meaning(*code), Some((*meaning, *words)));
        }
        assert_eq!(meaning(1), None);
    }
}
