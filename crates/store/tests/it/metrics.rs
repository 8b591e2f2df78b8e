//! Figures added up by the database are those of the definitions, incident by incident, on both databases.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use opsknight_domain::{
    directory::{Directory, Policy, Step, Target},
    id::{IncidentId, IntegrationId, PolicyId, ServiceId},
    incident::{Actor, Change, Incident, Manual, OpenedBy},
    metrics::{Figures, Lived, Period, SLICE_S, notch, seconds},
    urgency::Urgency,
};
use opsknight_store::{
    db::{Db, DbError},
    effects::Batch,
    metrics::{self, Filter, Length},
    refusal::ChangeError,
    services, users,
};
use proptest::{collection, prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::Value;
use uuid::Uuid;

use crate::config::{at, service, store, user, user_id};

/// How many incidents are held against the definitions.
const INCIDENTS: usize = 120;

/// What becomes of one incident, in minutes after it was opened.
#[derive(Debug, Clone)]
struct Plan {
    opened: i64,
    service: u128,
    urgency: usize,
    through: Option<u128>,
    acknowledged: Option<i64>,
    reopened: bool,
    resolved: Option<i64>,
    breached: (bool, bool),
    step: u32,
    alerts: i64,
    is_test: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let when = (
        0_i64..20_000,
        prop::option::of(0_i64..4_000),
        prop::option::of(4_000_i64..9_000),
    );
    let what = (
        1_u128..=2,
        0_usize..3,
        prop::option::of(1_u128..=2),
        any::<bool>(),
        any::<(bool, bool)>(),
    );
    (when, what, 0_u32..3, 1_i64..9, 0_u32..10).prop_map(|(when, what, step, alerts, test)| Plan {
        opened: when.0,
        service: what.0,
        urgency: what.1,
        through: what.2,
        acknowledged: when.1,
        reopened: what.3,
        resolved: when.2,
        breached: what.4,
        step,
        alerts,
        is_test: test == 0,
    })
}

fn plans() -> Vec<Plan> {
    let strategy = collection::vec(plan(), INCIDENTS);
    strategy.new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// What is measured of it, by the definitions. Of the two services, the first has targets.
fn lived(plan: &Plan) -> Lived {
    let opened_at = at(plan.opened);
    let later = |minutes: i64| opened_at + SignedDuration::from_mins(minutes);
    Lived {
        opened_at,
        acknowledged_at: plan.acknowledged.map(later),
        resolved_at: plan.resolved.map(later),
        alerts: plan.alerts,
        has_ack_target: plan.service == 1,
        has_resolve_target: plan.service == 1,
        ack_breached: plan.breached.0,
        resolve_breached: plan.breached.1,
        escalated: plan.step > 1,
    }
}

fn integration(n: u128) -> IntegrationId {
    IntegrationId::new(Uuid::from_u128(n))
}

fn service_id(n: u128) -> ServiceId {
    service(n).id
}

/// The incident at each moment at which it is written.
fn written(n: u128, plan: &Plan, directory: &Directory) -> Vec<(Timestamp, Change)> {
    let lived = lived(plan);
    let manual = Manual {
        title: format!("Incident {n}"),
        description: None,
        urgency: Urgency::ALL[plan.urgency],
        priority: None,
        assignee: None,
        team: None,
        dedup_key: format!("key {n}"),
        custom_details: Value::Null,
    };
    let id = IncidentId::new(Uuid::from_u128(n));
    let known = &directory.services[&service_id(plan.service)];
    let opened = Incident::open(
        id,
        known,
        OpenedBy::Hand(&manual),
        &Actor::System,
        directory,
        lived.opened_at,
    );
    let mut incident = opened.incident;
    incident.number = i64::try_from(n).unwrap();
    incident.is_test = plan.is_test;
    incident.alert_count = plan.alerts;
    (incident.clocks.ack_breached, incident.clocks.resolve_breached) = plan.breached;
    let mut story = vec![(lived.opened_at, Change::of(incident.clone()))];
    let mut then = |at: Timestamp, change: Change| {
        let mut incident = change.incident;
        incident.progress.next_step = plan.step;
        story.push((at, Change::of(incident.clone())));
        incident
    };
    if let Some(at) = lived.acknowledged_at {
        incident = then(at, incident.acknowledge(&Actor::System, directory, at).unwrap());
        if plan.reopened {
            incident = then(at, incident.reopen(&Actor::System, directory, at).unwrap());
        }
    } else {
        let at = lived.opened_at;
        incident = then(at, Change::of(incident));
    }
    if let Some(at) = lived.resolved_at {
        then(at, incident.resolve(&Actor::System, None, directory, at).unwrap());
    }
    story
}

async fn fill(db: &Db, plans: &[Plan]) {
    let mut with_targets = service(1);
    (with_targets.target_ack_minutes, with_targets.target_resolve_minutes) = (Some(5), Some(60));
    let mut without = service(2);
    (without.target_ack_minutes, without.target_resolve_minutes) = (None, None);
    let rows = [with_targets, without];
    db.write(async move |tx| {
        for row in &rows {
            let mut row = row.clone();
            (row.team, row.policy) = (None, None);
            services::insert(tx, &row).await?;
        }
        users::insert(tx, &user(1, opsknight_domain::directory::Role::Responder)).await?;
        Ok::<_, ChangeError>(())
    })
    .await
    .unwrap();
    let pictures = store(db).pictures;
    let picture = db
        .read(async move |tx| pictures.current(tx, at(0)).await)
        .await
        .unwrap();
    for (n, plan) in (1..).zip(plans) {
        let (story, through) = (written(n, plan, &picture.directory), plan.through.map(integration));
        db.write(async move |tx| {
            for (place, (at, change)) in story.iter().enumerate() {
                let mut batch = Batch::default();
                if let (0, Some(through)) = (place, through) {
                    batch.opened_by(change.incident.id, through);
                }
                batch.take(change.clone(), &mut Uuid::max, *at);
                batch.write(tx, &mut Uuid::max, *at).await?;
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }
}

fn add<K: Ord>(sums: &mut BTreeMap<K, Figures>, key: K, plan: &Plan) {
    *sums.entry(key).or_default() += Figures::of(&lived(plan));
}

both! {
    async fn sums_are_those_of_the_definitions(db: Db) {
        let plans = plans();
        fill(&db, &plans).await;
        let filter = Filter {
            urgencies: vec![Urgency::High, Urgency::Low],
            ..Filter::all(Period { from: at(2_000), to: at(17_000) })
        };
        let counted: Vec<&Plan> = plans
            .iter()
            .filter(|plan| (2_000..17_000).contains(&plan.opened) && !plan.is_test)
            .filter(|plan| filter.urgencies.contains(&Urgency::ALL[plan.urgency]))
            .collect();
        assert!(counted.len() > 30, "the samples must say something");
        let asked = filter.clone();
        let (services, sources, slices, lengths) = db
            .read(async move |tx| {
                Ok::<_, DbError>((
                    metrics::by_service(tx, &asked).await?,
                    metrics::by_source(tx, &asked).await?,
                    metrics::by_time(tx, &asked).await?,
                    metrics::lengths(tx, &asked, Length::Acknowledge).await?,
                ))
            })
            .await
            .unwrap();
        let (mut by_service, mut by_source, mut by_time) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut by_notch = BTreeMap::new();
        for plan in counted {
            let service = service_id(plan.service);
            add(&mut by_service, service, plan);
            add(&mut by_source, (plan.through.map(integration), service), plan);
            let slice = lived(plan).opened_at.as_second().div_euclid(SLICE_S) * SLICE_S;
            add(&mut by_time, (slice, Urgency::ALL[plan.urgency]), plan);
            if let Some(at) = lived(plan).acknowledged_at {
                *by_notch.entry((service, notch(seconds(lived(plan).opened_at, at)))).or_insert(0) += 1;
            }
        }
        let services = services.into_iter().map(|of| (of.service, of.figures));
        assert_eq!(services.collect::<BTreeMap<_, _>>(), by_service);
        let sources = sources.into_iter().map(|of| ((of.integration, of.service), of.figures));
        assert_eq!(sources.collect::<BTreeMap<_, _>>(), by_source);
        let slices = slices.into_iter().map(|slice| ((slice.at.as_second(), slice.urgency), slice.figures));
        assert_eq!(slices.collect::<BTreeMap<_, _>>(), by_time);
        let lengths = lengths.into_iter().map(|(service, notch, count)| ((service, notch), count));
        assert_eq!(lengths.collect::<BTreeMap<_, _>>(), by_notch);
    }

    async fn nothing_measured_is_nothing(db: Db) {
        let filter = Filter {
            services: vec![service_id(1)],
            ..Filter::all(Period { from: at(0), to: at(10) })
        };
        let asked = async move |tx: &mut opsknight_store::db::Tx<'_>| {
            let services = metrics::by_service(tx, &filter).await?;
            Ok::<_, DbError>((services.len(), metrics::pages(tx, &filter).await?.len()))
        };
        assert_eq!(db.read(asked).await.unwrap(), (0, 0));
    }

    async fn a_step_that_reaches_a_person_by_two_messages_is_one_page(db: Db) {
        fill(&db, &[]).await;
        let pictures = store(&db).pictures;
        let picture = db.read(async move |tx| pictures.current(tx, at(0)).await).await.unwrap();
        let mut directory = picture.directory.clone();
        let policy = PolicyId::new(Uuid::from_u128(7));
        let step = |delay_minutes| Step { targets: vec![Target::User(user_id(1))], delay_minutes, channels: Vec::new() };
        let steps = vec![step(5), step(5)];
        directory.policies.insert(policy, Policy { id: policy, name: "P".into(), repeat: 0, steps });
        directory.channels = BTreeSet::from([opsknight_domain::directory::Channel::Email]);
        directory.services.get_mut(&service_id(1)).unwrap().policy = Some(policy);
        let opened = &directory.services[&service_id(1)];
        let manual = Manual { title: "Down".into(), description: None, urgency: Urgency::High, priority: None,
            assignee: None, team: None, dedup_key: "k".into(), custom_details: Value::Null };
        let id = IncidentId::new(Uuid::from_u128(9));
        let mut change = Incident::open(id, opened, OpenedBy::Hand(&manual), &Actor::System, &directory, at(0));
        let twice = change.deliveries[0].clone();
        change.deliveries.push(twice);
        db.write(async move |tx| {
            let mut n = 100_u128;
            let mut fresh = || { n += 1; Uuid::from_u128(n) };
            let mut batch = Batch::default();
            batch.take(change.clone(), &mut fresh, at(0));
            batch.write(tx, &mut fresh, at(0)).await?;
            tx.execute("UPDATE delivery SET state = 'SENT', finished_at = $1", &[at(3).into()]).await
        })
        .await
        .unwrap();
        let filter = Filter::all(Period { from: at(0), to: at(10) });
        let pages = db.read(async move |tx| metrics::pages(tx, &filter).await).await.unwrap();
        assert_eq!(pages, [(user_id(1), at(0), 1)]);
        let load = opsknight_domain::metrics::load([(pages[0].1, pages[0].2)], &TimeZone::UTC);
        assert_eq!((load.pages, load.nights), (1, 0));
    }
}
