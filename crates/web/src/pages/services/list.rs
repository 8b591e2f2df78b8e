//! `/services`: thousands of services, found by name, team, policy and health.
//!
//! All that a list is made from is in memory already but the descriptions, which are read for the rows that are shown.

use std::{collections::HashMap, str::FromStr};

use axum::{extract::State, response::Response};
use http::Uri;
use opsknight_domain::{
    directory::Service,
    id::{PolicyId, ServiceId, TeamId},
};
use opsknight_store::{
    db::Tx,
    incidents::{self, Counts},
    services,
};

use super::{health_of, policy, team};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::Params,
        page::LIMIT_DEFAULT,
        wire::Id,
    },
    pages::{PageError, choices, records::select, rows::at_place, viewer::Viewer},
    state::AppState,
    views::{Choice, Field, Health, Link, Section, ServiceList, ServiceRow, Steps, grouped},
};

/// Longest text that is looked for, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// By what services are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Order {
    #[default]
    Name,
    Health,
    Open,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "name" => Ok(Self::Name),
            "health" => Ok(Self::Health),
            "open" => Ok(Self::Open),
            _ => Err("must be one of name, health, open".to_owned()),
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
struct Asked {
    q: String,
    team: Option<TeamId>,
    policy: Option<PolicyId>,
    health: Option<Health>,
    order: Order,
    after: Option<ServiceId>,
    before: Option<ServiceId>,
}

fn asked(uri: &Uri) -> Result<Asked, ApiError> {
    let mut problems = Problems::default();
    let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    let health = params.text("health").and_then(|word| {
        let known = HEALTHS.into_iter().find(|(known, _, _)| *known == word);
        problems.take(
            "health",
            known
                .map(|(_, _, health)| health)
                .ok_or("must be one of critical, degraded, maintenance, operational"),
        )
    });
    let asked = Asked {
        q: params.text("q").unwrap_or_default().trim().to_lowercase(),
        team: params.one::<Id<TeamId>>("teamId", &mut problems).map(|id| id.0),
        policy: params.one::<Id<PolicyId>>("policyId", &mut problems).map(|id| id.0),
        health,
        order: params.one("sort", &mut problems).unwrap_or_default(),
        after: params.one::<Id<ServiceId>>("after", &mut problems).map(|id| id.0),
        before: params.one::<Id<ServiceId>>("before", &mut problems).map(|id| id.0),
    };
    if asked.q.chars().count() > SEARCH_CHARS_MAX {
        problems.add("q", format!("must have at most {SEARCH_CHARS_MAX} characters"));
    }
    problems.check().map(|()| asked)
}

const HEALTHS: [(&str, &str, Health); 4] = [
    ("critical", "Critical", Health::Critical),
    ("degraded", "Degraded", Health::Degraded),
    ("maintenance", "In maintenance", Health::Maintenance),
    ("operational", "Operational", Health::Operational),
];

/// A service with what it is ordered by.
struct Line<'a> {
    service: &'a Service,
    name: String,
    health: Health,
    open: i64,
}

fn lines<'a>(viewer: &'a Viewer, counts: &HashMap<ServiceId, Counts>, asked: &Asked) -> Vec<Line<'a>> {
    let line = |service: &'a Service| {
        let counts = counts.get(&service.id).copied().unwrap_or_default();
        Line {
            service,
            name: service.name.to_lowercase(),
            health: health_of(viewer, service.id, counts),
            open: counts.open + counts.acknowledged + counts.snoozed,
        }
    };
    let wanted = |line: &Line<'_>| {
        line.name.contains(&asked.q)
            && (asked.team.is_none() || asked.team == line.service.team)
            && (asked.policy.is_none() || asked.policy == line.service.policy)
            && asked.health.is_none_or(|health| health == line.health)
    };
    let mut lines: Vec<Line<'_>> = viewer.directory().services.values().map(line).filter(wanted).collect();
    lines.sort_by(|one, other| {
        let first = match asked.order {
            Order::Name => std::cmp::Ordering::Equal,
            Order::Health => other.health.cmp(&one.health).then(other.open.cmp(&one.open)),
            Order::Open => other.open.cmp(&one.open),
        };
        first
            .then_with(|| one.name.cmp(&other.name))
            .then(one.service.id.cmp(&other.service.id))
    });
    lines
}

/// Which of the lines are shown: those after or before a service, wherever it stands now; the first where it is gone.
fn shown(lines: &[Line<'_>], asked: &Asked, limit: usize) -> std::ops::Range<usize> {
    let place = |id: Option<ServiceId>| lines.iter().position(|line| Some(line.service.id) == id);
    let start = match (place(asked.after), place(asked.before)) {
        (Some(at), _) => at + 1,
        (None, Some(at)) => at.saturating_sub(limit),
        (None, None) => 0,
    };
    start..lines.len().min(start + limit)
}

/// `GET /services`
pub(in crate::pages) async fn list(
    State(state): State<AppState>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response, PageError> {
    let asked = asked(&uri)?;
    let limit = usize::try_from(LIMIT_DEFAULT).unwrap_or_default();
    let counts = async move |tx: &mut Tx<'_>| incidents::counts(tx, &[]).await;
    let counts = state.store.db.read(counts).await?;
    let lines = lines(&viewer, &counts, &asked);
    let range = shown(&lines, &asked, limit);
    let ids: Vec<ServiceId> = lines[range.clone()].iter().map(|line| line.service.id).collect();
    let texts = async move |tx: &mut Tx<'_>| services::descriptions(tx, &ids).await;
    let texts = state.store.db.read(texts).await?;
    let mut doors: HashMap<ServiceId, u64> = HashMap::new();
    for door in viewer.picture.integrations.values() {
        *doors.entry(door.service).or_default() += 1;
    }
    let rows = lines[range.clone()]
        .iter()
        .zip(texts)
        .map(|(line, description)| ServiceRow {
            link: Link::new(format!("/services/{}", line.service.id), &line.service.name),
            description: description.unwrap_or_default(),
            health: line.health,
            open: u64::try_from(line.open).unwrap_or_default(),
            team: team(viewer.directory(), line.service),
            policy: policy(viewer.directory(), line.service),
            integrations: doors.get(&line.service.id).copied().unwrap_or_default(),
        });
    let rows = rows.collect();
    viewer.page(&page(&viewer, &uri, &asked, rows, steps(&uri, &lines, &range)))
}

fn steps(uri: &Uri, lines: &[Line<'_>], range: &std::ops::Range<usize>) -> Steps {
    let at = |name: &str, place: usize| {
        let id = lines.get(place)?.service.id.to_string();
        Some(at_place(uri, Some((name, &id))))
    };
    Steps {
        says: match lines.len() {
            1 => "1 service".to_owned(),
            count => format!("{} services", grouped(u64::try_from(count).unwrap_or(u64::MAX))),
        },
        first: (range.start > 0).then(|| at_place(uri, None)),
        previous: (range.start > 0).then(|| at("before", range.start)).flatten(),
        next: (range.end < lines.len())
            .then(|| at("after", range.end.saturating_sub(1)))
            .flatten(),
    }
}

fn page(viewer: &Viewer, uri: &Uri, asked: &Asked, rows: Vec<ServiceRow>, pager: Steps) -> ServiceList {
    let directory = viewer.directory();
    let q = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).find(|(name, _)| name == "q");
    let word = asked
        .health
        .and_then(|health| HEALTHS.iter().find(|(_, _, known)| *known == health));
    let healths = HEALTHS.iter().map(|(word, name, _)| Choice::new(*word, *name));
    let order = match asked.order {
        Order::Name => "name",
        Order::Health => "health",
        Order::Open => "open",
    };
    let orders = [("name", "Name"), ("health", "Health"), ("open", "Open incidents")];
    ServiceList {
        shell: viewer.shell("Services", Section::Services),
        q: Field::new("q").with(q.map(|(_, value)| value.into_owned()).unwrap_or_default()),
        health: select(
            "health",
            word.map(|(word, _, _)| (*word).to_owned()),
            "Any",
            healths.collect(),
        ),
        team: select(
            "teamId",
            asked.team.map(|id| id.to_string()),
            "Any",
            choices::teams(directory),
        ),
        policy: select(
            "policyId",
            asked.policy.map(|id| id.to_string()),
            "Any",
            choices::policies(directory),
        ),
        order: crate::views::Select::new(
            Field::new("sort").with(order),
            orders.map(|(word, name)| Choice::new(word, name)),
        ),
        filtered: !asked.q.is_empty() || asked.team.is_some() || asked.policy.is_some() || asked.health.is_some(),
        any: !directory.services.is_empty(),
        rows,
        pager,
    }
}
