//! What each kind of webhook needs, and where that is found: `DISCORD.url` is the address of one that speaks to Discord.

use opsknight_store::webhooks::{WebhookKind, WebhookRow};
use serde_json::Value;

use crate::{
    pages::form::{Form, Wrong},
    views::{Control, Setting, Way, Ways},
};

/// What people call a kind.
pub(super) const fn name(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::GoogleChat => "Google Chat",
        WebhookKind::Teams => "Microsoft Teams",
        WebhookKind::Discord => "Discord",
        WebhookKind::Telegram => "Telegram",
        WebhookKind::Generic => "Generic",
    }
}

/// Where somebody finds what is asked for.
const fn says(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::Generic => {
            "Any address that takes JSON by POST: a status page, a ticket system, a script of yours."
        }
        WebhookKind::GoogleChat => {
            "In Google Chat, open the space: its name, Apps & integrations, Webhooks, Add webhook. Copy its link."
        }
        WebhookKind::Teams => {
            "In Teams, open the menu of the channel: Workflows, “Send webhook alerts to a channel”. Copy the URL that it \
             ends with."
        }
        WebhookKind::Discord => {
            "In Discord, open the channel: Edit channel, Integrations, Webhooks, New webhook, Copy webhook URL."
        }
        WebhookKind::Telegram => {
            "In Telegram, write /newbot to @BotFather, and copy the token that it answers with. Add the bot to the chat; \
             in a channel, as an administrator."
        }
    }
}

const URL: (&str, &str, &str, bool) = ("url", "URL", "", true);

/// The fields of a kind: the name, what it is called, a hint, and whether it is needed.
const fn fields(kind: WebhookKind) -> &'static [(&'static str, &'static str, &'static str, bool)] {
    match kind {
        WebhookKind::GoogleChat | WebhookKind::Teams | WebhookKind::Discord => &[URL],
        WebhookKind::Generic => &[
            URL,
            (
                "secret",
                "Signing secret",
                "Every request is signed with it (Standard Webhooks). Any text, or whsec_… with base64.",
                false,
            ),
        ],
        WebhookKind::Telegram => &[
            (
                "secret",
                "Token of the bot",
                "Such as 123456:ABC-DEF. Not needed where it stands in the URL.",
                false,
            ),
            (
                "channel",
                "Chat ID",
                "-1001234567890, or @name for a public channel. Write something in the chat, open \
                 https://api.telegram.org/bot<token>/getUpdates, and look for “chat” and its “id”.",
                true,
            ),
            (
                "url",
                "URL",
                "Only for a Bot API server of your own, or with the token in it: https://api.telegram.org/bot<token>.",
                false,
            ),
        ],
    }
}

/// The kinds in the order in which they are offered.
const OFFERED: [WebhookKind; 5] = [
    WebhookKind::Generic,
    WebhookKind::GoogleChat,
    WebhookKind::Teams,
    WebhookKind::Discord,
    WebhookKind::Telegram,
];

/// The fields of the form as they are filled in for a webhook.
pub(super) fn known(row: &WebhookRow) -> [(String, String); 2] {
    let kind = row.kind.word();
    [
        (format!("{kind}.url"), row.url.expose().to_owned()),
        (format!("{kind}.channel"), row.channel.clone().unwrap_or_default()),
    ]
}

/// The kinds with their fields, as they are typed in a form.
pub(super) fn ways(row: Option<&WebhookRow>, form: &Form, wrong: &Wrong) -> Ways {
    let chosen = form.text("type");
    let setting = |kind: WebhookKind, (name, label, hint, required): (&str, &str, &str, bool)| {
        let full = format!("{}.{name}", kind.word());
        let saved = row.is_some_and(|row| row.kind == kind && row.secret.is_some());
        let control = match name {
            "secret" => Control::Secret {
                field: form.secret_field(&full, wrong),
                saved,
                remove: saved.then(|| form.field(&format!("{full}.remove"), wrong)),
            },
            "url" => Control::Text {
                field: form.field(&full, wrong),
                kind: "url",
            },
            _ => Control::Text {
                field: form.field(&full, wrong),
                kind: "text",
            },
        };
        Setting {
            label: label.to_owned(),
            hint: hint.to_owned(),
            required,
            control,
        }
    };
    let way = |kind: WebhookKind| Way {
        word: kind.word().to_owned(),
        name: name(kind).to_owned(),
        chosen: kind.word() == chosen,
        says: says(kind).to_owned(),
        fields: fields(kind).iter().map(|field| setting(kind, *field)).collect(),
        pastes: Vec::new(),
    };
    Ways {
        field: form.field("type", wrong),
        ways: OFFERED.into_iter().map(way).collect(),
    }
}

/// What is typed for the kind that is chosen, into the body of the API. A secret that is left empty stays as it is.
pub(super) fn write(form: &Form, body: &mut Value) {
    let word = form.text("type");
    body["type"] = word.into();
    let kind = OFFERED.into_iter().find(|kind| kind.word() == word);
    for (name, ..) in kind.map_or(&[][..], fields) {
        let full = format!("{word}.{name}");
        match (*name, form.given(&full)) {
            ("secret", Some(secret)) => body["secret"] = secret.into(),
            ("secret", None) if form.ticked(&format!("{full}.remove")) => body["secret"] = Value::Null,
            ("secret", None) => {}
            ("url", url) => body["url"] = url.unwrap_or_default().into(),
            (_, value) => body[*name] = value.into(),
        }
    }
}
