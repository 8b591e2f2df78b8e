//! The demo's people, teams, schedules, policies, services and integrations.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use opsknight_domain::{
    directory::{Member, Role, Standing, Step, Target},
    id::{IntegrationId, PolicyId, ScheduleId, ServiceId, TeamId, UserId},
    oncall::{Layer, Restriction, Rotation, Unit, Weekdays},
    urgency::UrgencyTable,
};
use opsknight_store::{
    Store,
    db::Tx,
    integrations::{self, IntegrationRow},
    policies::{self, PolicyRow},
    refusal::ChangeError,
    schedules::{self, ScheduleRow},
    services::{self, ServiceRow},
    teams::{self, TeamRow},
    users::{self, UserRow},
};
use opsknight_web::state::Clock;

use crate::receive::PER_MINUTE;

/// How long ago the organisation began.
const AGE: SignedDuration = SignedDuration::from_hours(42 * 24);

/// Name, mail address and role of each person; the first is the administrator.
const PEOPLE: [(&str, &str, Role); 7] = [
    ("Alex Moreno", "alex@example.com", Role::Admin),
    ("Priya Raman", "priya@example.com", Role::Responder),
    ("Jonas Weber", "jonas@example.com", Role::Responder),
    ("Mei Tanaka", "mei@example.com", Role::Responder),
    ("Sam Okafor", "sam@example.com", Role::Responder),
    ("Lena Fischer", "lena@example.com", Role::Responder),
    ("Tom Ellis", "tom@example.com", Role::User),
];

/// Name, description, which team (0 or 1), type and name of the integration.
const SERVICES: [(&str, &str, usize, &str, &str); 5] = [
    (
        "Checkout",
        "Takes payments. Every minute of it costs money.",
        0,
        "PROMETHEUS",
        "Production Alertmanager",
    ),
    (
        "Storefront",
        "The shop that customers see.",
        0,
        "GRAFANA",
        "Grafana Cloud",
    ),
    (
        "Search",
        "Finds products; falls back to categories.",
        0,
        "PROMETHEUS",
        "Production Alertmanager",
    ),
    (
        "Postgres main",
        "The primary database and its replicas.",
        1,
        "PROMETHEUS",
        "Database Alertmanager",
    ),
    (
        "Nightly jobs",
        "Exports, reports and clean-up.",
        1,
        "EVENTS_API_V2",
        "Cron wrapper",
    ),
];

/// What was made, for the history.
pub(super) struct Made {
    pub(super) since: Timestamp,
    pub(super) people: Vec<UserId>,
    pub(super) services: Vec<ServiceId>,
}

/// Makes it all in one transaction.
pub(super) async fn make(store: &Store, clock: &dyn Clock, admin: &str, hash: &str) -> Result<Made, ChangeError> {
    let now = clock.now();
    let since = now.saturating_sub(AGE).unwrap_or(Timestamp::UNIX_EPOCH);
    let people: Vec<UserId> = PEOPLE.iter().map(|_| UserId::new(clock.uuid_v7())).collect();
    let team_ids = [TeamId::new(clock.uuid_v7()), TeamId::new(clock.uuid_v7())];
    let schedule_ids = [ScheduleId::new(clock.uuid_v7()), ScheduleId::new(clock.uuid_v7())];
    let policy_ids = [PolicyId::new(clock.uuid_v7()), PolicyId::new(clock.uuid_v7())];
    let service_ids: Vec<ServiceId> = SERVICES.iter().map(|_| ServiceId::new(clock.uuid_v7())).collect();
    let integration_rows = integration_rows(clock, &service_ids, since);
    let users = user_rows(&people, since);
    let teams = team_rows(team_ids, &people, since);
    let schedules = schedule_rows(schedule_ids, &people, since);
    let policies = policy_rows(policy_ids, schedule_ids, team_ids, since);
    let services = service_rows(&service_ids, team_ids, policy_ids, since);
    let (sealer, hash) = (store.sealer.clone(), hash.to_owned());
    debug_assert_eq!(PEOPLE[0].1, admin, "the administrator is the first");
    let made = Made {
        since,
        people: people.clone(),
        services: service_ids.clone(),
    };
    let unit = async move |tx: &mut Tx<'_>| {
        for user in &users {
            users::insert(tx, user).await?;
        }
        users::set_password(tx, people[0], &hash, now).await?;
        for team in &teams {
            teams::insert(tx, team).await?;
        }
        for schedule in &schedules {
            schedules::insert(tx, schedule).await?;
        }
        for policy in &policies {
            policies::insert(tx, policy).await?;
        }
        for service in &services {
            services::insert(tx, service).await?;
        }
        for integration in &integration_rows {
            integrations::insert(tx, &sealer, integration).await?;
        }
        Ok::<_, ChangeError>(())
    };
    store.db.write(unit).await?;
    Ok(made)
}

fn user_rows(ids: &[UserId], since: Timestamp) -> Vec<UserRow> {
    let rows = ids.iter().zip(PEOPLE).map(|(id, (name, email, role))| UserRow {
        id: *id,
        email: email.into(),
        name: name.into(),
        role,
        standing: Standing::Active,
        time_zone: "Europe/Berlin".into(),
        phone: None,
        wants_news: true,
        created_at: since,
        updated_at: since,
    });
    rows.collect()
}

fn team_rows(ids: [TeamId; 2], people: &[UserId], since: Timestamp) -> Vec<TeamRow> {
    let member = |place: usize, lead| Member {
        user: people[place],
        lead,
        receives_notifications: true,
    };
    let team = |id, name: &str, members| TeamRow {
        id,
        name: name.into(),
        members,
        created_at: since,
        updated_at: since,
    };
    vec![
        team(
            ids[0],
            "Shop",
            vec![member(0, true), member(1, false), member(2, false), member(3, false)],
        ),
        team(
            ids[1],
            "Platform",
            vec![member(4, true), member(5, false), member(0, false)],
        ),
    ]
}

fn schedule_rows(ids: [ScheduleId; 2], people: &[UserId], since: Timestamp) -> Vec<ScheduleRow> {
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let rotation = |unit, length| Rotation {
        unit,
        length,
        start: since,
        handoff: jiff::civil::time(9, 0, 0, 0),
    };
    let layer = |name: &str, users: &[usize], rotation, restrictions, priority| Layer {
        name: name.into(),
        users: users.iter().map(|place| people[*place]).collect(),
        rotation,
        restrictions,
        priority,
    };
    let working_hours = Restriction {
        days: Weekdays::from_iter([
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ]),
        from: jiff::civil::time(9, 0, 0, 0),
        to: jiff::civil::time(18, 0, 0, 0),
    };
    let schedule = |id, name: &str, layers| ScheduleRow {
        id,
        name: name.into(),
        zone: zone.clone(),
        layers,
        created_at: since,
        updated_at: since,
    };
    vec![
        schedule(
            ids[0],
            "Shop on call",
            vec![
                layer("Weekly", &[1, 2, 3], rotation(Unit::Weeks, 1), Vec::new(), 0),
                layer(
                    "Working hours",
                    &[0, 1],
                    rotation(Unit::Days, 1),
                    vec![working_hours],
                    1,
                ),
            ],
        ),
        schedule(
            ids[1],
            "Platform on call",
            vec![layer("Daily", &[4, 5], rotation(Unit::Days, 1), Vec::new(), 0)],
        ),
    ]
}

fn policy_rows(ids: [PolicyId; 2], schedules: [ScheduleId; 2], teams: [TeamId; 2], since: Timestamp) -> Vec<PolicyRow> {
    let step = |target, delay_minutes| Step {
        targets: vec![target],
        delay_minutes,
        channels: Vec::new(),
    };
    let policy = |place: usize, name: &str, repeat| PolicyRow {
        id: ids[place],
        name: name.into(),
        description: Some("Whoever is on call, then the lead, then the whole team.".into()),
        repeat,
        steps: vec![
            step(Target::Schedule(schedules[place]), 5),
            step(
                Target::Team {
                    id: teams[place],
                    lead_only: true,
                },
                10,
            ),
            step(
                Target::Team {
                    id: teams[place],
                    lead_only: false,
                },
                15,
            ),
        ],
        created_at: since,
        updated_at: since,
    };
    vec![policy(0, "Shop", 2), policy(1, "Platform", 1)]
}

fn service_rows(ids: &[ServiceId], teams: [TeamId; 2], policies: [PolicyId; 2], since: Timestamp) -> Vec<ServiceRow> {
    let rows = ids
        .iter()
        .zip(SERVICES)
        .map(|(id, (name, description, team, _, _))| ServiceRow {
            id: *id,
            name: name.into(),
            description: Some(description.into()),
            team: Some(teams[team]),
            policy: Some(policies[team]),
            region: Some("eu-central-1".into()),
            sla_tier: None,
            slack_channel: None,
            runbook_url: Some(format!(
                "https://wiki.example.com/runbooks/{}",
                name.to_lowercase().replace(' ', "-")
            )),
            repository_url: None,
            dashboard_url: None,
            target_ack_minutes: Some(10),
            target_resolve_minutes: Some(120),
            notification_channels: BTreeSet::new(),
            notify_on: BTreeSet::new(),
            urgencies: UrgencyTable::default(),
            created_at: since,
            updated_at: since,
        });
    rows.collect()
}

fn integration_rows(clock: &dyn Clock, services: &[ServiceId], since: Timestamp) -> Vec<IntegrationRow> {
    let rows = services
        .iter()
        .zip(SERVICES)
        .map(|(service, (_, _, _, type_name, name))| {
            let mut key = [0; integrations::KEY_BYTES];
            clock.fill(&mut key);
            IntegrationRow {
                id: IntegrationId::new(clock.uuid_v4()),
                service: *service,
                name: name.into(),
                type_name: type_name.into(),
                key: integrations::new_key(key),
                secret: None,
                enabled: true,
                require_key: false,
                rate_limit_per_minute: PER_MINUTE,
                field_mapping: None,
                token_rule: None,
                topics: Vec::new(),
                created_at: since,
                updated_at: since,
            }
        });
    rows.collect()
}
