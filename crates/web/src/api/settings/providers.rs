//! The table of providers: which there are for each channel, and which settings each of them has.
//!
//! The API's checks and its description are made from it, and so can forms be. The names are those under which the
//! settings are stored and read when messages are sent. It never holds a value.

use opsknight_domain::directory::Channel;

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line.
    Text,
    /// An identity that the provider gave: no blanks, and this beginning.
    Identity(&'static str),
    /// A credential: written, never read back.
    Secret,
    /// The same, kept to the letter: people choose passwords with blanks around them.
    Password,
    /// A host name or an address.
    Host,
    /// The port of a host.
    Port,
    /// The region of a cloud. It becomes part of a host name.
    Region,
    /// A telephone number that can call.
    Phone,
    /// What a text message comes from: a telephone number, a short code, or a name.
    Sender,
    /// The name that a text message comes from.
    SenderName,
    /// From whom mail comes: `noreply@example.com` or `Paging <noreply@example.com>`.
    Mailbox,
    /// One of these words; the first counts where nobody chose.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// It is never read back.
    pub(crate) const fn is_secret(self) -> bool {
        match self {
            Self::Secret | Self::Password => true,
            Self::Text
            | Self::Identity(_)
            | Self::Host
            | Self::Port
            | Self::Region
            | Self::Phone
            | Self::Sender
            | Self::SenderName
            | Self::Mailbox
            | Self::Choice(_) => false,
        }
    }
}

/// A setting of a provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its name in the API and in what is stored.
    pub(crate) name: &'static str,
    /// What it may be.
    pub(crate) kind: Kind,
    /// Nothing can be sent without it.
    pub(crate) required: bool,
    /// What it is.
    pub(crate) says: &'static str,
}

/// Somebody who takes messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider {
    /// The word by which it is chosen.
    pub(crate) word: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its settings.
    pub(crate) fields: &'static [Field],
    /// The environment variable that sets it up.
    pub(crate) variable: Option<&'static str>,
}

impl Provider {
    /// The setting with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// The providers of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    /// All of them; where the environment sets up several, the first of them counts.
    pub(crate) providers: &'static [Provider],
    /// The one that is meant where settings name none.
    pub(crate) usual: Option<&'static Provider>,
    /// A second one may be set up, for when the first does not take a message.
    pub(crate) has_second: bool,
}

impl Ways {
    /// The provider with this word.
    pub(crate) fn provider(&self, word: &str) -> Option<&'static Provider> {
        self.providers.iter().find(|provider| provider.word == word)
    }
}

/// Whether the value of a setting with this name is a credential, whosever it is.
pub(crate) fn is_secret(name: &str) -> bool {
    let mut all = Channel::ALL.into_iter().flat_map(|channel| ways(channel).providers);
    all.any(|provider| provider.field(name).is_some_and(|field| field.kind.is_secret()))
}

/// The name of the field that says whether a credential is saved: `hasApiKey`.
pub(crate) fn has(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().fold("has".to_owned(), |mut has, first| {
        has.push(first);
        has.push_str(letters.as_str());
        has
    })
}

/// The providers of a channel.
pub(crate) const fn ways(channel: Channel) -> Ways {
    let (providers, usual, has_second): (&'static [Provider], _, _) = match channel {
        Channel::Email => (&EMAIL, Some(&EMAIL[0]), true),
        Channel::Sms => (&SMS, None, true),
        Channel::Voice => (&VOICE, Some(&VOICE[0]), false),
        Channel::Push => (&PUSH, Some(&PUSH[0]), false),
        Channel::Whatsapp => (&WHATSAPP, None, false),
        Channel::Slack => (&SLACK, Some(&SLACK[0]), false),
    };
    Ways {
        providers,
        usual,
        has_second,
    }
}

const fn needs(name: &'static str, kind: Kind, says: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        says,
    }
}

const fn may(name: &'static str, kind: Kind, says: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        says,
    }
}

const fn provider(
    word: &'static str,
    name: &'static str,
    variable: Option<&'static str>,
    fields: &'static [Field],
) -> Provider {
    Provider {
        word,
        name,
        fields,
        variable,
    }
}

const FROM: Field = needs(
    "from",
    Kind::Mailbox,
    "From whom mail comes: `noreply@example.com` or `Paging <noreply@example.com>`.",
);
const REGION: Field = needs("region", Kind::Region, "The region, such as `eu-central-1`.");
const ACCESS_KEY_ID: Field = needs("accessKeyId", Kind::Identity(""), "The access key's public half.");
const SECRET_ACCESS_KEY: Field = needs("secretAccessKey", Kind::Secret, "The access key's secret half.");
const SESSION_TOKEN: Field = may("sessionToken", Kind::Secret, "Goes with a temporary access key.");
const ACCOUNT_SID: Field = needs("accountSid", Kind::Identity("AC"), "The account, `AC…`.");
const AUTH_TOKEN: Field = needs(
    "authToken",
    Kind::Secret,
    "The account's token. What Twilio reports is checked with it too.",
);

/// How the line to a mail server is encrypted: from the STARTTLS command on, from the first byte, or not at all.
const TLS: Kind = Kind::Choice(&["starttls", "tls", "none"]);

static EMAIL: [Provider; 4] = [
    provider(
        "SMTP",
        "SMTP",
        Some("SMTP_HOST"),
        &[
            needs("host", Kind::Host, "Name or address of the mail server."),
            may("port", Kind::Port, "Its port; null: the one that goes with `tls`."),
            may(
                "tls",
                TLS,
                "How the line to it is encrypted: from the STARTTLS command on, from the first byte, or not at all.",
            ),
            may("user", Kind::Text, "The name to sign in with; null: it asks for none."),
            may("password", Kind::Password, "The password."),
            FROM,
        ],
    ),
    provider(
        "RESEND",
        "Resend",
        Some("RESEND_API_KEY"),
        &[
            needs("apiKey", Kind::Secret, "The API key, `re_…`."),
            FROM,
            may(
                "webhookSecret",
                Kind::Secret,
                "With what Resend signs its reports of bounces, `whsec_…`.",
            ),
        ],
    ),
    provider(
        "SENDGRID",
        "SendGrid",
        Some("SENDGRID_API_KEY"),
        &[
            needs(
                "apiKey",
                Kind::Secret,
                "The API key, `SG.…`, with the permission Mail Send.",
            ),
            FROM,
            may(
                "webhookPublicKey",
                Kind::Text,
                "The public key of SendGrid's signed event webhook, which reports bounces.",
            ),
        ],
    ),
    provider(
        "SES",
        "Amazon SES",
        Some("SES_FROM"),
        &[
            REGION,
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
            SESSION_TOKEN,
            FROM,
            may(
                "topicArn",
                Kind::Identity("arn:"),
                "The topic of SNS by which SES reports bounces.",
            ),
        ],
    ),
];

static SMS: [Provider; 2] = [
    provider(
        "TWILIO",
        "Twilio",
        Some("TWILIO_ACCOUNT_SID"),
        &[
            ACCOUNT_SID,
            AUTH_TOKEN,
            may(
                "phoneNumber",
                Kind::Sender,
                "The number, short code or name that sends; needed without `messagingServiceSid`.",
            ),
            may(
                "messagingServiceSid",
                Kind::Identity("MG"),
                "The messaging service that picks the number, `MG…`.",
            ),
        ],
    ),
    provider(
        "AWS_SNS",
        "Amazon SNS",
        Some("AWS_ACCESS_KEY_ID"),
        &[
            REGION,
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
            SESSION_TOKEN,
            may(
                "senderId",
                Kind::SenderName,
                "The name that messages come from, in countries that allow one.",
            ),
        ],
    ),
];

static VOICE: [Provider; 1] = [provider(
    "TWILIO",
    "Twilio",
    Some("TWILIO_PHONE_NUMBER"),
    &[
        ACCOUNT_SID,
        AUTH_TOKEN,
        needs("phoneNumber", Kind::Phone, "The number that calls."),
    ],
)];

static PUSH: [Provider; 2] = [
    provider("WEB_PUSH", "Web Push", None, &[]),
    provider(
        "ONESIGNAL",
        "OneSignal",
        Some("ONESIGNAL_APP_ID"),
        &[
            needs("appId", Kind::Identity(""), "The app's identity."),
            needs("apiKey", Kind::Secret, "The app's API key."),
        ],
    ),
];

static WHATSAPP: [Provider; 2] = [
    provider(
        "META",
        "Meta's Cloud API",
        Some("WHATSAPP_PHONE_NUMBER_ID"),
        &[
            needs(
                "phoneNumberId",
                Kind::Identity(""),
                "The identity of the number that sends; not the number itself.",
            ),
            needs("accessToken", Kind::Secret, "The token of a system user."),
            may("appSecret", Kind::Secret, "With what Meta signs what it reports."),
            may(
                "verifyToken",
                Kind::Secret,
                "The token that Meta shows when its webhook is set up.",
            ),
            may(
                "template",
                Kind::Identity(""),
                "The approved template of pages: without it only people who wrote to the number within a day are reached.",
            ),
            may(
                "templateLanguage",
                Kind::Identity(""),
                "The language of the template, such as `en_US`.",
            ),
        ],
    ),
    provider(
        "TWILIO",
        "Twilio",
        Some("TWILIO_WHATSAPP_NUMBER"),
        &[
            ACCOUNT_SID,
            AUTH_TOKEN,
            needs("phoneNumber", Kind::Phone, "The number that sends."),
            may(
                "contentSid",
                Kind::Identity("HX"),
                "The approved template of pages, `HX…`.",
            ),
        ],
    ),
];

/// The app, not who it speaks for: that are the workspaces.
static SLACK: [Provider; 1] = [provider(
    "SLACK",
    "Slack",
    Some("SLACK_BOT_TOKEN"),
    &[
        may("clientId", Kind::Identity(""), "The app's public identity."),
        may("clientSecret", Kind::Secret, "The app's secret."),
        may(
            "signingSecret",
            Kind::Secret,
            "With what Slack signs the buttons, commands and events that it sends.",
        ),
    ],
)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_a_credential_everywhere_or_nowhere() {
        for channel in Channel::ALL {
            for provider in ways(channel).providers {
                let mut seen = BTreeSet::new();
                for field in provider.fields {
                    assert!(seen.insert(field.name), "{} has {} once", provider.word, field.name);
                    assert_eq!(is_secret(field.name), field.kind.is_secret(), "{}", field.name);
                    assert!(field.says.ends_with('.'), "{}", field.says);
                }
            }
        }
        assert!(is_secret("apiKey") && !is_secret("from") && !is_secret("provider"));
        assert_eq!(has("apiKey"), "hasApiKey");
    }
}
