//! By which ways the demo reaches people and rooms. None of them works where the demo is served: nobody is to be called
//! about what never was.

use std::collections::BTreeSet;

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Channel, NotificationRule},
    id::{ContactMethodId, RuleId, UserId, WebhookId},
    incident::Happening,
    urgency::Urgency,
};
use opsknight_store::{
    secret::Secret,
    users::{ContactMethodRow, RuleRow},
    webhooks::{WebhookKind, WebhookRow},
};
use opsknight_web::state::Clock;

use super::cast::PEOPLE;

/// How people are reached besides mail: WhatsApp where they use it, and a text for high urgency, some minutes later. None
/// of it has a provider where the demo is served, so nobody is called.
pub(super) fn ways(clock: &dyn Clock, people: &[UserId], since: Timestamp) -> Vec<(ContactMethodRow, RuleRow)> {
    let mut ways = Vec::new();
    for (n, (user, (.., phone, chats))) in people.iter().zip(PEOPLE).enumerate() {
        let Some(phone) = phone else { continue };
        let address = format!("{phone}{n:03}");
        let chat = chats.then_some((Channel::Whatsapp, 0));
        let text = (Channel::Sms, if chats { 3 } else { 0 });
        for (channel, delay_minutes) in chat.into_iter().chain([text]) {
            let method = ContactMethodRow {
                id: ContactMethodId::new(clock.uuid_v7()),
                user: *user,
                channel,
                address: address.clone(),
                verified_at: Some(since),
                created_at: since,
            };
            ways.push((method, rule(clock, *user, channel, delay_minutes)));
        }
    }
    ways
}

fn rule(clock: &dyn Clock, user: UserId, channel: Channel, delay_minutes: u32) -> RuleRow {
    RuleRow {
        id: RuleId::new(clock.uuid_v7()),
        user,
        rule: NotificationRule {
            urgency: Urgency::High,
            channel,
            delay_minutes,
        },
    }
}

/// Where others are told. All are disabled: nobody is to be called about what never was.
pub(super) fn webhook_rows(clock: &dyn Clock, since: Timestamp) -> Vec<WebhookRow> {
    let row = |name: &str, kind, url: &str| WebhookRow {
        id: WebhookId::new(clock.uuid_v7()),
        name: name.into(),
        kind,
        url: Secret::new(url.to_owned()),
        secret: None,
        channel: None,
        enabled: false,
        happenings: BTreeSet::from([Happening::Triggered, Happening::Resolved]),
        services: BTreeSet::new(),
        created_at: since,
        updated_at: since,
    };
    vec![
        row(
            "Status page",
            WebhookKind::Generic,
            "https://status.example.com/hooks/incidents",
        ),
        row(
            "Ops room",
            WebhookKind::Discord,
            "https://discord.com/api/webhooks/1/demo",
        ),
        row(
            "Shop room",
            WebhookKind::GoogleChat,
            "https://chat.googleapis.com/v1/spaces/demo/messages?key=k&token=t",
        ),
    ]
}
