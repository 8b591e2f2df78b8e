//! The demo's people, teams, services, integrations, rooms and webhooks, and the lines of the audit log that tell of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Channel, Member, Standing},
    id::{AuditId, IntegrationId, MaintenanceId, ServiceId, TeamId, UserId},
    incident::{Actor, Happening},
    maintenance::Window,
    urgency::UrgencyTable,
};
use opsknight_store::{
    Store,
    audit::{self, AuditLine},
    db::Tx,
    integrations::{self, IntegrationRow},
    maintenance::{self, MaintenanceRow},
    policies,
    refusal::ChangeError,
    schedules,
    services::{self, ServiceRow},
    teams::{self, TeamRow},
    users::{self, ContactMethodRow, RuleRow, UserRow},
    webhooks::{self, WebhookRow},
};
use opsknight_web::state::Clock;
use serde_json::json;

use super::{
    cast::{MAINTENANCE, PEOPLE, SERVICES, ServiceLine, TEAMS},
    rota,
    ways::{ways, webhook_rows},
};
use crate::receive::PER_MINUTE;

/// How long ago the organisation began: eight weeks and a day.
const AGE: SignedDuration = SignedDuration::from_hours(57 * 24);

/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// When maintenance begins: two hours after midnight, UTC.
const NIGHT_HOUR: i64 = 2;

/// An integration that sends.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) id: IntegrationId,
    pub(super) name: &'static str,
    pub(super) type_name: &'static str,
}

/// What was made, for the history.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) people: Vec<UserId>,
    /// The services with the integration that sends for each.
    pub(super) services: Vec<(ServiceId, Door)>,
}

/// "14 people, 4 teams, …".
pub(super) fn counts() -> String {
    let integrations: usize = SERVICES.iter().map(|(.., doors)| doors.len()).sum();
    format!(
        "{} people, {} teams, {} schedules, {} policies, {} services with {integrations} integrations",
        PEOPLE.len(),
        TEAMS.len(),
        rota::COUNT,
        rota::COUNT,
        SERVICES.len()
    )
}

/// Makes it all in one transaction.
pub(super) async fn make(store: &Store, clock: &dyn Clock, hash: &str) -> Result<Made, ChangeError> {
    let now = clock.now();
    let since = now.saturating_sub(AGE).unwrap_or(Timestamp::UNIX_EPOCH);
    let people: Vec<UserId> = PEOPLE.iter().map(|_| UserId::new(clock.uuid_v7())).collect();
    let teams: Vec<TeamRow> = TEAMS.iter().map(|team| team_row(clock, team, &people, since)).collect();
    let team_ids: Vec<TeamId> = teams.iter().map(|team| team.id).collect();
    let rota = rota::Rota::new(clock, &people, &team_ids, since, now);
    let services: Vec<ServiceRow> = SERVICES
        .iter()
        .map(|line| service_row(clock, line, &team_ids, &rota, since))
        .collect();
    let doors: Vec<Vec<IntegrationRow>> = services
        .iter()
        .zip(SERVICES)
        .map(|(service, (.., doors))| {
            doors
                .iter()
                .map(|door| door_row(clock, service.id, door, since))
                .collect()
        })
        .collect();
    let sending = services
        .iter()
        .zip(&doors)
        .zip(SERVICES)
        .filter_map(|((service, rows), (.., named))| {
            let (first, (type_name, name)) = (rows.first()?, named.first()?);
            let door = Door {
                id: first.id,
                name,
                type_name,
            };
            Some((service.id, door))
        });
    let made = Made {
        people: people.clone(),
        services: sending.collect(),
    };
    let whole = Whole {
        users: user_rows(&people, since),
        ways: ways(clock, &people, since),
        teams,
        rota,
        maintenance: maintenance_rows(clock, &services, since),
        services,
        doors: doors.concat(),
        webhooks: webhook_rows(clock, since),
        lines: (0..AUDITED_MAX).map(|_| AuditId::new(clock.uuid_v7())).collect(),
        admin: people[0],
        since,
    };
    let (sealer, hash, admin) = (store.sealer.clone(), hash.to_owned(), people[0]);
    let unit = async move |tx: &mut Tx<'_>| {
        whole.write(tx, &sealer).await?;
        users::set_password(tx, admin, &hash, now).await
    };
    store.db.write(unit).await?;
    Ok(made)
}

/// Maintenance of these services in the nights to come.
fn maintenance_rows(clock: &dyn Clock, services: &[ServiceRow], since: Timestamp) -> Vec<MaintenanceRow> {
    let now = clock.now();
    let midnight = now.saturating_sub(SignedDuration::from_secs(now.as_second().rem_euclid(DAY_S)));
    let midnight = midnight.unwrap_or(since);
    let row = |(service, nights, hours, reason): &(&str, i64, i64, &str)| {
        let service = services.iter().find(|row| row.name == *service)?;
        let start = midnight
            .checked_add(SignedDuration::from_hours(24 * nights + NIGHT_HOUR))
            .ok()?;
        Some(MaintenanceRow {
            window: Window {
                id: MaintenanceId::new(clock.uuid_v7()),
                service: service.id,
                start,
                end: start.checked_add(SignedDuration::from_hours(*hours)).ok()?,
                reason: Some((*reason).to_owned()),
            },
            created_by: PEOPLE[0].0.to_owned(),
            created_at: since,
            updated_at: since,
        })
    };
    MAINTENANCE.iter().filter_map(row).collect()
}

/// Most lines of the audit log that are written.
const AUDITED_MAX: usize = 64;

struct Whole {
    users: Vec<UserRow>,
    ways: Vec<(ContactMethodRow, RuleRow)>,
    teams: Vec<TeamRow>,
    rota: rota::Rota,
    services: Vec<ServiceRow>,
    doors: Vec<IntegrationRow>,
    webhooks: Vec<WebhookRow>,
    maintenance: Vec<MaintenanceRow>,
    lines: Vec<AuditId>,
    admin: UserId,
    since: Timestamp,
}

impl Whole {
    async fn write(&self, tx: &mut Tx<'_>, sealer: &opsknight_store::seal::Sealer) -> Result<(), ChangeError> {
        for user in &self.users {
            users::insert(tx, user).await?;
        }
        for (method, rule) in &self.ways {
            users::insert_contact_method(tx, method).await?;
            users::insert_rule(tx, rule, self.since).await?;
        }
        for team in &self.teams {
            teams::insert(tx, team).await?;
        }
        for schedule in &self.rota.schedules {
            schedules::insert(tx, schedule).await?;
        }
        for change in &self.rota.overrides {
            schedules::insert_override(tx, change).await?;
        }
        for policy in &self.rota.policies {
            policies::insert(tx, policy).await?;
        }
        for service in &self.services {
            services::insert(tx, service).await?;
        }
        for door in &self.doors {
            integrations::insert(tx, sealer, door).await?;
        }
        for webhook in &self.webhooks {
            webhooks::insert(tx, sealer, webhook).await?;
        }
        for window in &self.maintenance {
            maintenance::insert(tx, window).await?;
        }
        Ok(self.audit(tx).await?)
    }

    /// Who made what, as the log tells it.
    async fn audit(&self, tx: &mut Tx<'_>) -> Result<(), opsknight_store::db::DbError> {
        let of = |kind: &'static str, id: String, name: &str| (kind, id, name.to_owned());
        let teams = self.teams.iter().map(|row| of("team", row.id.to_string(), &row.name));
        let schedules = self
            .rota
            .schedules
            .iter()
            .map(|row| of("schedule", row.id.to_string(), &row.name));
        let policies = self
            .rota
            .policies
            .iter()
            .map(|row| of("policy", row.id.to_string(), &row.name));
        let services = self
            .services
            .iter()
            .map(|row| of("service", row.id.to_string(), &row.name));
        let webhooks = self
            .webhooks
            .iter()
            .map(|row| of("webhook", row.id.to_string(), &row.name));
        let users = self
            .users
            .iter()
            .skip(1)
            .map(|row| of("user", row.id.to_string(), &row.name));
        let actor = Actor::User {
            id: self.admin,
            name: PEOPLE[0].0.to_owned(),
        };
        let all = users
            .chain(teams)
            .chain(schedules)
            .chain(policies)
            .chain(services)
            .chain(webhooks);
        for ((kind, id, name), (n, line)) in all.zip((0..).zip(&self.lines)) {
            let at = self
                .since
                .saturating_add(SignedDuration::from_mins(4 * n))
                .unwrap_or(self.since);
            let action = format!("{kind}.created");
            let line = AuditLine {
                id: *line,
                at,
                actor: &actor,
                actor_id: None,
                ip: Some("192.0.2.17".to_owned()),
                action: &action,
                object_kind: kind,
                object_id: id,
                object_name: &name,
                changes: json!({ "name": { "from": null, "to": name } }),
            };
            audit::record(tx, &line).await?;
        }
        Ok(())
    }
}

fn user_rows(ids: &[UserId], since: Timestamp) -> Vec<UserRow> {
    let rows = ids
        .iter()
        .zip(PEOPLE)
        .map(|(id, (name, email, role, zone, phone, _))| UserRow {
            id: *id,
            email: format!("{email}@example.com"),
            name: name.into(),
            role,
            standing: Standing::Active,
            time_zone: zone.into(),
            phone: phone.map(str::to_owned),
            wants_news: true,
            created_at: since,
            updated_at: since,
        });
    rows.collect()
}

fn team_row(clock: &dyn Clock, (name, members): &(&str, &[usize]), people: &[UserId], since: Timestamp) -> TeamRow {
    let members = members.iter().enumerate().map(|(place, person)| Member {
        user: people[*person],
        lead: place == 0,
        receives_notifications: true,
    });
    TeamRow {
        id: TeamId::new(clock.uuid_v7()),
        name: (*name).into(),
        members: members.collect(),
        created_at: since,
        updated_at: since,
    }
}

fn service_row(
    clock: &dyn Clock,
    (name, description, team, (acknowledge, resolve), _): &ServiceLine,
    teams: &[TeamId],
    rota: &rota::Rota,
    since: Timestamp,
) -> ServiceRow {
    let slug = name.to_lowercase().replace(' ', "-");
    let tells = *name == "Checkout";
    ServiceRow {
        id: ServiceId::new(clock.uuid_v7()),
        name: (*name).into(),
        description: Some((*description).into()),
        team: Some(teams[*team]),
        policy: Some(rota.policies[*team].id),
        region: Some(if *team == 2 { "us-east-1" } else { "eu-central-1" }.into()),
        sla_tier: Some(if *acknowledge <= 5 { "Gold" } else { "Silver" }.into()),
        slack_channel: None,
        runbook_url: Some(format!("https://wiki.example.com/runbooks/{slug}")),
        repository_url: Some(format!("https://git.example.com/acme/{slug}")),
        dashboard_url: Some(format!("https://grafana.example.com/d/{slug}")),
        target_ack_minutes: Some(*acknowledge),
        target_resolve_minutes: Some(*resolve),
        notification_channels: if tells {
            BTreeSet::from([Channel::Email])
        } else {
            BTreeSet::new()
        },
        notify_on: if tells {
            BTreeSet::from([Happening::SlaBreached])
        } else {
            BTreeSet::new()
        },
        urgencies: UrgencyTable::default(),
        created_at: since,
        updated_at: since,
    }
}

fn door_row(
    clock: &dyn Clock,
    service: ServiceId,
    (type_name, name): &(&str, &str),
    since: Timestamp,
) -> IntegrationRow {
    let mut key = [0; integrations::KEY_BYTES];
    clock.fill(&mut key);
    IntegrationRow {
        id: IntegrationId::new(clock.uuid_v4()),
        service,
        name: (*name).into(),
        type_name: (*type_name).into(),
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
}
