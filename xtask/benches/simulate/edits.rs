//! Changes of the configuration while incidents are live, each in one unit of work, written to the database by the store's
//! own functions and to the simulation's picture at the same time.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{
    directory::{Channel, Standing},
    id::{ContactMethodId, MaintenanceId, OverrideId},
    maintenance::Window,
    oncall::Override,
};
use opsknight_store::{
    db::{DbError, Tx},
    maintenance::{self, MaintenanceRow},
    policies,
    refusal::ChangeError,
    schedules::{self, OverrideRow},
    services, teams,
    users::{self, ContactMethodRow},
};
use uuid::Uuid;

use crate::{dice::Dice, org::Org, plan};

/// Makes one change, and says which.
pub(crate) async fn make(
    tx: &mut Tx<'_>,
    org: &mut Org,
    dice: &mut Dice,
    fresh: &(dyn Fn() -> Uuid + Sync),
    now: Timestamp,
) -> Result<String, ChangeError> {
    match dice.below(14) {
        0 => rules(tx, org, dice, fresh, now).await,
        1 => standing(tx, org, dice, now).await,
        2 => method(tx, org, dice, fresh, now).await,
        3 => members(tx, org, dice, now).await,
        4..7 => policy(tx, org, dice, now).await,
        7 => layers(tx, org, dice, now).await,
        8..11 => overrule(tx, org, dice, fresh, now).await,
        11 => service(tx, org, dice, now).await,
        _ => maintain(tx, org, dice, fresh, now).await,
    }
}

async fn rules(
    tx: &mut Tx<'_>,
    org: &mut Org,
    dice: &mut Dice,
    fresh: &(dyn Fn() -> Uuid + Sync),
    now: Timestamp,
) -> Result<String, ChangeError> {
    let place = dice.below(org.people.len());
    let person = &mut org.people[place];
    person.rules = plan::rules(dice, person.row.id, fresh);
    users::replace_rules(tx, person.row.id, &person.rules, now).await?;
    Ok(format!("{} has {} other rules", person.row.name, person.rules.len()))
}

async fn standing(tx: &mut Tx<'_>, org: &mut Org, dice: &mut Dice, now: Timestamp) -> Result<String, ChangeError> {
    let place = 1 + dice.below(org.people.len() - 1);
    let row = &mut org.people[place].row;
    row.standing = match row.standing {
        Standing::Disabled => Standing::Active,
        Standing::Active | Standing::Invited => Standing::Disabled,
    };
    row.updated_at = now;
    users::update(tx, row).await?;
    Ok(format!("{} is {}", row.name, row.standing.word()))
}

async fn method(
    tx: &mut Tx<'_>,
    org: &mut Org,
    dice: &mut Dice,
    fresh: &(dyn Fn() -> Uuid + Sync),
    now: Timestamp,
) -> Result<String, ChangeError> {
    let place = dice.below(org.people.len());
    let person = &mut org.people[place];
    if !person.methods.is_empty() && dice.one_in(2) {
        let gone = person.methods.remove(dice.below(person.methods.len()));
        users::delete_contact_method(tx, person.row.id, gone.id, now).await?;
        return Ok(format!("{} has no {} any more", person.row.name, gone.address));
    }
    let channel = *dice.pick(&[Channel::Push, Channel::Slack, Channel::Sms]);
    let id = fresh();
    let row = ContactMethodRow {
        id: ContactMethodId::new(id),
        user: person.row.id,
        channel,
        address: format!("new-{}@example.com", id.as_u128() & 0xffff_ffff),
        verified_at: Some(now),
        created_at: now,
    };
    users::insert_contact_method(tx, &row).await?;
    let line = format!("{} has {} too", person.row.name, row.address);
    person.methods.push(row);
    Ok(line)
}

async fn members(tx: &mut Tx<'_>, org: &mut Org, dice: &mut Dice, now: Timestamp) -> Result<String, ChangeError> {
    let who: Vec<_> = org.people.iter().map(|person| person.row.id).collect();
    let place = dice.below(org.teams.len());
    let team = &mut org.teams[place];
    team.members = plan::members(dice, &who);
    team.updated_at = now;
    teams::update(tx, team).await?;
    Ok(format!("{} has other members", team.name))
}

async fn policy(tx: &mut Tx<'_>, org: &mut Org, dice: &mut Dice, now: Timestamp) -> Result<String, ChangeError> {
    let steps = plan::steps(dice, org);
    let place = dice.below(org.policies.len());
    let policy = &mut org.policies[place];
    match dice.below(4) {
        0 => policy.steps = steps,
        1 => policy.repeat = (policy.repeat + 1) % 3,
        2 => policy.steps.truncate(1),
        _ => policy.steps.extend(steps.into_iter().take(1)),
    }
    policy.updated_at = now;
    policies::update(tx, policy).await?;
    let (name, steps, repeat) = (&policy.name, policy.steps.len(), policy.repeat);
    Ok(format!("{name} has {steps} steps and is repeated {repeat} times"))
}

async fn layers(tx: &mut Tx<'_>, org: &mut Org, dice: &mut Dice, now: Timestamp) -> Result<String, ChangeError> {
    let who: Vec<_> = org.people.iter().map(|person| person.row.id).collect();
    let place = dice.below(org.rotas.len());
    let row = &mut org.rotas[place].row;
    row.layers = plan::layers(dice, &who, now);
    row.updated_at = now;
    schedules::update(tx, row).await?;
    Ok(format!("{} has {} other layers", row.name, row.layers.len()))
}

async fn overrule(
    tx: &mut Tx<'_>,
    org: &mut Org,
    dice: &mut Dice,
    fresh: &(dyn Fn() -> Uuid + Sync),
    now: Timestamp,
) -> Result<String, ChangeError> {
    let who: Vec<_> = org.people.iter().map(|person| person.row.id).collect();
    let place = dice.below(org.rotas.len());
    let rota = &mut org.rotas[place];
    let start = now + SignedDuration::from_secs(dice.between(-3_600, 1_800));
    let row = OverrideRow {
        schedule: rota.row.id,
        change: Override {
            id: OverrideId::new(fresh()),
            user: *dice.pick(&who),
            start,
            end: start + SignedDuration::from_secs(dice.between(60, 7_200)),
            replaces: dice.one_in(3).then(|| *dice.pick(&who)),
        },
        created_at: now,
    };
    schedules::insert_override(tx, &row).await?;
    rota.overrides.push(row);
    Ok(format!("{} has an override", rota.row.name))
}

async fn service(tx: &mut Tx<'_>, org: &mut Org, dice: &mut Dice, now: Timestamp) -> Result<String, ChangeError> {
    let policy = dice.percent(90).then(|| dice.pick(&org.policies).id);
    let place = dice.below(org.services.len());
    let service = &mut org.services[place];
    service.policy = policy;
    service.updated_at = now;
    services::update(tx, service).await?;
    Ok(format!("{} has another policy", service.name))
}

/// A window begins, ends now, or is taken away. What waits for its end is looked at again in the same unit.
async fn maintain(
    tx: &mut Tx<'_>,
    org: &mut Org,
    dice: &mut Dice,
    fresh: &(dyn Fn() -> Uuid + Sync),
    now: Timestamp,
) -> Result<String, ChangeError> {
    let active = org.windows.iter().position(|row| row.window.end > now);
    let (service, line) = match active.filter(|_| dice.one_in(2)) {
        Some(place) if org.windows[place].window.start < now && dice.one_in(2) => {
            let row = &mut org.windows[place];
            row.window.end = now;
            row.updated_at = now;
            maintenance::update(tx, row).await?;
            (row.window.service, "a maintenance ends")
        }
        Some(place) => {
            let row = org.windows.remove(place);
            maintenance::delete(tx, row.window.service, row.window.id, now).await?;
            (row.window.service, "a maintenance is called off")
        }
        None => {
            let start = now + SignedDuration::from_secs(dice.between(0, 600));
            let row = MaintenanceRow {
                window: Window {
                    id: MaintenanceId::new(fresh()),
                    service: dice.pick(&org.services).id,
                    start,
                    end: start + SignedDuration::from_secs(dice.between(60, 2_400)),
                    reason: None,
                },
                created_by: "somebody".into(),
                created_at: now,
                updated_at: now,
            };
            maintenance::insert(tx, &row).await?;
            let service = row.window.service;
            org.windows.push(row);
            (service, "a maintenance is planned")
        }
    };
    let waiting = maintenance::look_again(tx, service, now)
        .await
        .map_err(|error: DbError| error)?;
    Ok(format!("{line}, {waiting} incidents wait for it"))
}
