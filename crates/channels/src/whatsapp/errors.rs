//! What the error codes of Meta's API mean for a message, and in words for people.
//!
//! Source: WhatsApp Cloud API, "Error codes", which asks to go by the code and not by the status. A code that is not
//! here is judged by the status of the answer.

/// The setting with the token.
pub(super) const TOKEN: &str = "WHATSAPP_ACCESS_TOKEN";
/// The setting with the number that sends.
pub(super) const NUMBER: &str = "WHATSAPP_PHONE_NUMBER_ID";
/// The setting with the template.
pub(super) const TEMPLATE: &str = "WHATSAPP_TEMPLATE";

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing: this person cannot be reached so.
    Person,
    /// This setting must be mended.
    Setting(&'static str),
    /// It may work later.
    Later,
}

/// What a code means, with our words for it.
pub(super) const fn meaning(code: i64) -> Option<(Meaning, &'static str)> {
    Some(match code {
        0 | 190 => (Meaning::Setting(TOKEN), "the token is not valid any more"),
        3 | 10 | 200..=299 | 131005 => (Meaning::Setting(TOKEN), "the token may not send messages"),
        1 | 2 | 131000 | 131016 | 131057 | 133004 => (Meaning::Later, "WhatsApp has a fault"),
        4 | 80007 | 130429 => (Meaning::Later, "too many messages in a short time"),
        131048 => (Meaning::Later, "too many of our messages were blocked or reported"),
        131056 => (Meaning::Later, "too many messages to this person in a short time"),
        33 | 133010 => (Meaning::Setting(NUMBER), "the number that sends is not registered"),
        368 | 131031 => (Meaning::Setting(NUMBER), "the business account is locked"),
        131037 => (Meaning::Setting(NUMBER), "the number that sends has no approved name"),
        131042 => (
            Meaning::Setting(NUMBER),
            "the business account has a problem with its payment",
        ),
        131045 => (Meaning::Setting(NUMBER), "the number that sends is not registered well"),
        130472 | 131049 => (Meaning::Person, "WhatsApp chose not to deliver this to the person"),
        130497 => (Meaning::Person, "the business may not write to this country"),
        131021 => (Meaning::Person, "the number is the one that sends"),
        131026 => (
            Meaning::Person,
            "the person is not on WhatsApp, has an old version, or has not accepted its terms",
        ),
        131030 => (
            Meaning::Person,
            "the number is not among those that a test number may write to",
        ),
        131047 => (
            Meaning::Person,
            "the person has not written within 24 hours, and then WhatsApp takes only an approved template: set one",
        ),
        131050 => (Meaning::Person, "the person has stopped these messages"),
        132000 => (
            Meaning::Setting(TEMPLATE),
            "the template does not take our one variable",
        ),
        132001 => (Meaning::Setting(TEMPLATE), "there is no such template in this language"),
        132005 => (Meaning::Setting(TEMPLATE), "the template becomes too long"),
        132015 => (Meaning::Setting(TEMPLATE), "the template is paused"),
        132016 => (Meaning::Setting(TEMPLATE), "the template is disabled"),
        // All other codes of this range are about templates.
        132_002..=132_004 | 132_006..=132_014 | 132_017..=132_999 => {
            (Meaning::Setting(TEMPLATE), "the template is not as it must be")
        }
        _ => return None,
    })
}
