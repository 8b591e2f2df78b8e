//! The organisation as the simulation knows it: what is in the database, and how it got there. Decides nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use opsknight_domain::{
    directory::Channel,
    id::{PolicyId, ScheduleId, ServiceId, TeamId, UserId},
};
use opsknight_store::{
    db::Tx,
    maintenance::MaintenanceRow,
    policies::{self, PolicyRow},
    refusal::ChangeError,
    schedules::{self, OverrideRow, ScheduleRow},
    services::{self, ServiceRow},
    teams::{self, TeamRow},
    users::{self, ContactMethodRow, RuleRow, UserRow},
};

/// Somebody, and how they are reached.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) row: UserRow,
    pub(crate) methods: Vec<ContactMethodRow>,
    pub(crate) rules: Vec<RuleRow>,
}

/// A schedule and its overrides, in the order in which they were made.
#[derive(Debug, Clone)]
pub(crate) struct Rota {
    pub(crate) row: ScheduleRow,
    pub(crate) overrides: Vec<OverrideRow>,
}

/// All of it, as it is after the last commit that changed it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Org {
    pub(crate) people: Vec<Person>,
    pub(crate) teams: Vec<TeamRow>,
    pub(crate) rotas: Vec<Rota>,
    pub(crate) policies: Vec<PolicyRow>,
    pub(crate) services: Vec<ServiceRow>,
    pub(crate) windows: Vec<MaintenanceRow>,
    /// The channels that have a provider.
    pub(crate) channels: BTreeSet<Channel>,
}

impl Org {
    pub(crate) fn person(&self, id: UserId) -> Option<&Person> {
        self.people.iter().find(|person| person.row.id == id)
    }

    pub(crate) fn team(&self, id: TeamId) -> Option<&TeamRow> {
        self.teams.iter().find(|team| team.id == id)
    }

    pub(crate) fn rota(&self, id: ScheduleId) -> Option<&Rota> {
        self.rotas.iter().find(|rota| rota.row.id == id)
    }

    pub(crate) fn policy(&self, id: PolicyId) -> Option<&PolicyRow> {
        self.policies.iter().find(|policy| policy.id == id)
    }

    pub(crate) fn service(&self, id: ServiceId) -> Option<&ServiceRow> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Until when a service is in maintenance, windows that touch or overlap taken as one.
    pub(crate) fn maintenance_until(&self, service: ServiceId, at: Timestamp) -> Option<Timestamp> {
        let mut until = at;
        let mut grown = true;
        while grown {
            grown = false;
            for row in self.windows.iter().filter(|row| row.window.service == service) {
                if row.window.start <= until && until < row.window.end {
                    until = row.window.end;
                    grown = true;
                }
            }
        }
        (until > at).then_some(until)
    }

    /// Writes all of it into an empty database.
    pub(crate) async fn write(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), ChangeError> {
        for person in &self.people {
            users::insert(tx, &person.row).await?;
            for method in &person.methods {
                users::insert_contact_method(tx, method).await?;
            }
            users::replace_rules(tx, person.row.id, &person.rules, now).await?;
        }
        for team in &self.teams {
            teams::insert(tx, team).await?;
        }
        for rota in &self.rotas {
            schedules::insert(tx, &rota.row).await?;
            for row in &rota.overrides {
                schedules::insert_override(tx, row).await?;
            }
        }
        for policy in &self.policies {
            policies::insert(tx, policy).await?;
        }
        for service in &self.services {
            services::insert(tx, service).await?;
        }
        Ok(())
    }
}
