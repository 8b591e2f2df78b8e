//! What people configure: kept as it was given, refused where it would break something, sealed where it is a credential.

mod access;
mod credentials;
mod incident_lists;
mod paging;
mod people;
mod picture;
mod sign_in;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use opsknight_domain::{
    directory::{Channel, Role, Standing, Step, Target},
    id::{IntegrationId, PolicyId, ScheduleId, ServiceId, TeamId, UserId, WebhookId},
    oncall::{Layer, Rotation, Unit},
    urgency::UrgencyTable,
};
use opsknight_store::{
    Store,
    db::Db,
    integrations::{IntegrationRow, new_key},
    listing::Part,
    policies::PolicyRow,
    refusal::{ChangeError, Refusal},
    schedules::ScheduleRow,
    seal::Sealer,
    secret::Secret,
    services::ServiceRow,
    teams::TeamRow,
    users::UserRow,
    webhooks::{WebhookKind, WebhookRow},
};
use uuid::Uuid;

/// 2026-03-02T12:00:00Z and so many minutes.
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::constant(1_772_452_800, 0) + SignedDuration::from_mins(minutes)
}

pub(crate) fn store(db: &Db) -> Store {
    Store::new(db.clone(), Sealer::new(&[7; 32]), BTreeSet::from([Channel::Email]))
}

pub(crate) fn user_id(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

pub(crate) fn user(n: u128, role: Role) -> UserRow {
    UserRow {
        id: user_id(n),
        email: format!("Person{n}@Example.com"),
        name: format!("Person {n}"),
        role,
        standing: Standing::Active,
        time_zone: "Europe/Berlin".into(),
        phone: Some("+4930123456".into()),
        wants_news: true,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn team(n: u128) -> TeamRow {
    TeamRow {
        id: TeamId::new(Uuid::from_u128(n)),
        name: format!("Team {n}"),
        members: Vec::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn policy(n: u128, targets: Vec<Target>) -> PolicyRow {
    PolicyRow {
        id: PolicyId::new(Uuid::from_u128(n)),
        name: format!("Policy {n}"),
        description: None,
        repeat: 2,
        steps: vec![Step {
            targets,
            delay_minutes: 5,
            channels: vec![Channel::Sms],
        }],
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn schedule(n: u128, users: Vec<UserId>) -> ScheduleRow {
    ScheduleRow {
        id: ScheduleId::new(Uuid::from_u128(n)),
        name: format!("Schedule {n}"),
        zone: TimeZone::get("Asia/Kathmandu").unwrap(),
        layers: vec![Layer {
            name: "Primary".into(),
            users,
            rotation: Rotation {
                unit: Unit::Days,
                length: 1,
                start: at(0),
                handoff: jiff::civil::time(9, 0, 0, 0),
            },
            restrictions: Vec::new(),
            priority: 1,
        }],
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn service(n: u128) -> ServiceRow {
    ServiceRow {
        id: ServiceId::new(Uuid::from_u128(n)),
        name: format!("Service {n}"),
        description: Some("what it is".into()),
        team: None,
        policy: None,
        region: Some("eu".into()),
        sla_tier: Some("gold".into()),
        slack_channel: Some("#ops".into()),
        runbook_url: Some("https://runbook.example".into()),
        repository_url: Some("https://repository.example".into()),
        dashboard_url: Some("https://dashboard.example".into()),
        target_ack_minutes: Some(5),
        target_resolve_minutes: Some(60),
        notification_channels: BTreeSet::from([Channel::Email, Channel::Slack]),
        notify_on: BTreeSet::from([opsknight_domain::incident::Happening::SlaBreached]),
        urgencies: UrgencyTable::default(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn integration(n: u8, service: ServiceId) -> IntegrationRow {
    IntegrationRow {
        id: IntegrationId::new(Uuid::from_u128(n.into())),
        service,
        name: format!("Integration {n}"),
        type_name: "WEBHOOK".into(),
        key: new_key([n; 16]),
        secret: Some(Secret::new("a signature secret")),
        enabled: true,
        require_key: false,
        rate_limit_per_minute: 120,
        field_mapping: Some(serde_json::json!({ "summaryField": "alert.title" })),
        token_rule: None,
        topics: Vec::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn webhook(n: u128) -> WebhookRow {
    WebhookRow {
        id: WebhookId::new(Uuid::from_u128(n)),
        name: format!("Webhook {n}"),
        kind: WebhookKind::Generic,
        url: Secret::new("https://hooks.example/very-private-path"),
        secret: Some(Secret::new("whsec_very_private")),
        channel: None,
        enabled: true,
        happenings: BTreeSet::new(),
        services: BTreeSet::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

/// The first page of everything.
pub(crate) const ALL: Part<'static> = Part {
    limit: 50,
    offset: 0,
    q: None,
};

/// The reason why a change was refused.
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, ChangeError>) -> Refusal {
    match outcome {
        Err(ChangeError::Refused(refusal)) => refusal,
        other => panic!("it should have been refused: {other:?}"),
    }
}
