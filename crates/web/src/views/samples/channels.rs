//! Samples of the notification channels.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("settings-notifications", &ChannelList::sample(k)),
        draw("settings-email", &ChannelSettings::sample(k, "Email")),
        draw("settings-voice", &ChannelSettings::sample_of_one(k)),
        draw("settings-slack", &SlackSettings::sample(k)),
    ]
}

impl ChannelList {
    fn sample(k: Kind) -> Self {
        let row = |name: &str, icon, says, provider: &str, origin, state| ChannelRow {
            href: "/settings/email".into(),
            name: k.text(name),
            icon,
            says,
            provider: k.text(provider),
            origin,
            state,
            sent: k.maybe(at(-7)),
            failed: (k != Kind::Empty).then(|| (at(-90), k.text("550 no such mailbox"))),
        };
        let ready = || Badge::new(Tone::Good, "Ready");
        let absent = || Badge::new(Tone::Quiet, "Not set up");
        Self {
            shell: k.shell(Section::Settings, "Notifications", "/settings/notifications"),
            rows: k.list(vec![
                row(
                    "Email",
                    "mail",
                    "Always sent",
                    "SMTP, then Resend",
                    "These settings",
                    ready(),
                ),
                row(
                    "SMS",
                    "chat",
                    "Text messages, for high urgency",
                    "Twilio",
                    "Environment",
                    ready(),
                ),
                row("WhatsApp", "chat", "Messages by WhatsApp", "", "", absent()),
                row(
                    "Push",
                    "phone",
                    "In browsers and on telephones",
                    "Web Push",
                    "Built in",
                    ready(),
                ),
            ]),
        }
    }
}

/// A choice with fields.
pub(super) fn ways(k: Kind, prefix: &str, chosen: &str) -> Ways {
    let name = |word: &str, field: &str| format!("{prefix}{word}.{field}");
    let text = |word: &str, field: &str, label: &str, value: &str, required| Setting {
        label: k.text(label),
        hint: k.text("Its name or address."),
        required,
        control: Control::Text {
            field: k.field(&name(word, field), value),
            kind: "text",
        },
    };
    let secret = |word: &str, field: &str, saved: bool| Setting {
        label: k.text("API key"),
        hint: String::new(),
        required: !saved,
        control: Control::Secret {
            field: k.field(&name(word, field), ""),
            saved,
            remove: saved.then(|| Field::new(&name(word, &format!("{field}.remove")))),
        },
    };
    let tls = Setting {
        label: "Encryption".into(),
        hint: String::new(),
        required: false,
        control: Control::Choice(k.select(
            &name("SMTP", "tls"),
            &[("starttls", "STARTTLS"), ("none", "None")],
            "starttls",
        )),
    };
    let paste = |id: &str, text: &str| Paste {
        id: format!("{prefix}{id}").replace('.', "-"),
        title: "Where bounces are reported".into(),
        says: k.text("At Resend: Webhooks, Add endpoint."),
        long: text.contains('\n'),
        text: k.text(text),
    };
    let way = |word: &str, name: &str, fields, pastes| Way {
        word: word.into(),
        name: k.text(name),
        chosen: word == chosen,
        says: String::new(),
        fields,
        pastes,
    };
    let smtp = vec![
        text("SMTP", "host", "Mail server", "smtp.example.com", true),
        tls,
        secret("SMTP", "password", true),
    ];
    let pastes = vec![
        paste("callback", "https://opsknight.example.com/api/email/resend"),
        paste("template", "Message from OpsKnight: {{1}}\nYou get this."),
    ];
    Ways {
        field: k.field(&format!("{prefix}provider"), chosen),
        ways: vec![
            way("SMTP", "SMTP", smtp, Vec::new()),
            way("RESEND", "Resend", vec![secret("RESEND", "apiKey", false)], pastes),
        ],
    }
}

fn trial(k: Kind) -> TrialForm {
    TrialForm {
        to: k.field("to", "jane@example.com"),
        label: "Email address",
        kind: "email",
        hint: if k == Kind::Empty { "" } else { "With its country code." },
        answer: k.maybe((k == Kind::Typical, k.text("250 2.0.0 OK: queued as 4F1A"))),
        retype: k == Kind::Hostile,
    }
}

impl ChannelSettings {
    fn sample(k: Kind, name: &str) -> Self {
        Self {
            shell: k.shell(Section::Settings, name, "/settings/email"),
            name: name.into(),
            path: "/settings/email".into(),
            state: if k == Kind::Empty {
                Badge::new(Tone::Quiet, "Not set up")
            } else {
                Badge::new(Tone::Good, "Ready")
            },
            says: k.text("SMTP delivers, by what is saved here."),
            providers: ways(k, "", if k == Kind::Empty { "" } else { "SMTP" }),
            second: k.maybe(ways(k, "second.", "RESEND")),
            second_open: k == Kind::Hostile,
            trial: trial(k),
            is_saved: k != Kind::Empty,
            whole: (k == Kind::Hostile).then(|| k.text("Try later")),
        }
    }

    fn sample_of_one(k: Kind) -> Self {
        let mut page = Self::sample(k, "Voice");
        page.providers.ways.truncate(1);
        page.second = None;
        page
    }
}

impl SlackSettings {
    fn sample(k: Kind) -> Self {
        let row = |team: &str, name: &str| WorkspaceRow {
            team: team.into(),
            name: k.text(name),
            since: at(-9000),
            room: room(k, &format!("{team}-default_channel")),
        };
        let app = ways(k, "", "SMTP").ways.swap_remove(0).fields;
        Self {
            shell: k.shell(Section::Settings, "Slack", "/settings/slack"),
            state: Badge::new(Tone::Good, "Ready"),
            by_environment: k == Kind::Hostile,
            manifest: k.text("display_information:\n  name: OpsKnight\n"),
            app,
            app_by_environment: k == Kind::Hostile,
            can_connect: k != Kind::Empty,
            can_hear: k == Kind::Typical,
            workspaces: k.list(vec![row("T01", "Acme"), row("T02", "Acme Labs")]),
            bot_token: k.field("bot_token", "").with(""),
            trial: trial(k),
            is_saved: k != Kind::Empty,
            whole: None,
        }
    }
}

/// A conversation of Slack.
pub(super) fn room(k: Kind, name: &str) -> RoomField {
    RoomField {
        field: k.field(name, "#ops"),
        rooms: k.list(vec![
            (k.text("#ops"), String::new()),
            (k.text("#ops-private"), k.text("private")),
        ]),
        why: if k == Kind::Hostile {
            k.text("Slack was not asked.")
        } else {
            String::new()
        },
    }
}
