//! How lists of incidents are read from their indexes.
//!
//! Incidents that are not resolved are few: whichever are wanted, one look through their index finds them. Those that
//! are resolved are very many. A list of them is put together from runs, one for each urgency and each service (or
//! person, or team) that is wanted: every run goes through one index in the order of the list and ends when it has as
//! many rows as are shown, so that a page costs the same however many incidents there are.

use std::fmt::Write as _;

use opsknight_domain::{incident::Status, search, urgency::Urgency};

use super::{Cursor, Filter, Sort, lookup};
use crate::db::{DbError, Tx, Val};

/// Most runs of one list; what would need more is read as one, which is slower and the same.
const RUNS_MAX: usize = 60;

/// A statement in the making.
#[derive(Debug, Default)]
pub(super) struct Sql {
    params: Vec<Val>,
}

impl Sql {
    /// The place of a value in the text.
    pub(super) fn place(&mut self, value: impl Into<Val>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    fn places(&mut self, values: Vec<Val>) -> String {
        let start = self.params.len() + 1;
        let list = Tx::in_list(start, values.len());
        self.params.extend(values);
        list
    }

    /// The values in their order.
    pub(super) fn params(&self) -> &[Val] {
        &self.params
    }
}

/// Which column leads into the index of a run, and with which values.
type Lead = Option<(&'static str, Vec<Val>)>;

/// What is selected, condition by condition, with the index's own column in front.
fn lead(filter: &Filter) -> Lead {
    let of = |column, values: Vec<Val>| (!values.is_empty()).then_some((column, values));
    of("service_id", filter.services.iter().map(Val::from).collect())
        .or_else(|| of("assignee_id", filter.assignees.iter().map(Val::from).collect()))
        .or_else(|| of("team_id", filter.teams.iter().map(Val::from).collect()))
}

/// The conditions on one row that are not about state, urgency and the lead.
fn others(filter: &Filter, except: &str, sql: &mut Sql) -> String {
    let mut text = String::new();
    let columns: [(&str, Vec<Val>); 3] = [
        ("service_id", filter.services.iter().map(Val::from).collect()),
        ("assignee_id", filter.assignees.iter().map(Val::from).collect()),
        ("team_id", filter.teams.iter().map(Val::from).collect()),
    ];
    for (column, values) in columns {
        if column == except || values.is_empty() {
            continue;
        }
        let places = sql.places(values);
        if except.is_empty() {
            write!(text, " AND i.{column} IN ({places})").expect("a String takes all text");
        } else {
            // Wrapped, so that no index of this column is taken in the place of the one that leads.
            write!(text, " AND COALESCE(i.{column}, '') IN ({places})").expect("a String takes all text");
        }
    }
    if !filter.tags.is_empty() {
        let places = sql.places(filter.tags.iter().map(|tag| tag.as_str().into()).collect());
        write!(
            text,
            " AND i.id IN (SELECT incident_id FROM incident_tag WHERE tag IN ({places}))"
        )
        .expect("a String takes all text");
    }
    if let Some(at) = filter.created_after {
        let place = sql.place(at);
        write!(text, " AND i.created_at >= {place}").expect("a String takes all text");
        if filter.sort == Sort::UpdatedAt {
            // Nothing changes before it begins: here the index can stop.
            write!(text, " AND i.updated_at >= {place}").expect("a String takes all text");
        }
    }
    if let Some(at) = filter.created_before {
        let place = sql.place(at);
        write!(text, " AND i.created_at < {place}").expect("a String takes all text");
    }
    text
}

fn words(urgencies: &[Urgency]) -> Vec<Val> {
    urgencies.iter().map(|urgency| urgency.word().into()).collect()
}

/// How urgent it is as a number that orders.
const RANK: &str = "CASE i.urgency WHEN 'HIGH' THEN 3 WHEN 'MEDIUM' THEN 2 ELSE 1 END";

const fn rank(urgency: Urgency) -> i64 {
    match urgency {
        Urgency::High => 3,
        Urgency::Medium => 2,
        Urgency::Low => 1,
    }
}

/// The column of time by which a list is ordered.
const fn time_column(sort: Sort) -> &'static str {
    match sort {
        Sort::UpdatedAt => "updated_at",
        Sort::CreatedAt | Sort::Urgency | Sort::Number => "created_at",
    }
}

/// A condition on times in a form that no index has. An index of all incidents by time would be read in the place of the
/// small one of what is not resolved, to find the few among the many.
fn of_few(condition: &str) -> String {
    let columns = ["i.created_at", "i.updated_at", "i.number"];
    columns.into_iter().fold(condition.to_owned(), |text, column| {
        text.replace(column, &format!("+{column}"))
    })
}

/// The run through what is not resolved, if any of that is wanted.
fn unresolved(filter: &Filter, after: Option<&Cursor>, sql: &mut Sql) -> Option<String> {
    let statuses: Vec<Val> = filter
        .statuses
        .iter()
        .filter(|status| **status != Status::Resolved)
        .map(|status| status.word().into())
        .collect();
    if statuses.is_empty() && !filter.statuses.is_empty() {
        return None;
    }
    let mut text = "i.status <> 'RESOLVED'".to_owned();
    if !statuses.is_empty() {
        let places = sql.places(statuses);
        write!(text, " AND i.status IN ({places})").expect("a String takes all text");
    }
    if !filter.urgencies.is_empty() {
        let places = sql.places(words(&filter.urgencies));
        write!(text, " AND i.urgency IN ({places})").expect("a String takes all text");
    }
    text.push_str(&of_few(&others(filter, "", sql)));
    if let Some(cursor) = after {
        text.push_str(&of_few(&after_cursor(filter, cursor, sql)));
    }
    Some(text)
}

/// The runs through what is resolved, if that is wanted.
fn past(filter: &Filter, after: Option<&Cursor>, sql: &mut Sql) -> Vec<String> {
    if !filter.statuses.is_empty() && !filter.statuses.contains(&Status::Resolved) {
        return Vec::new();
    }
    let urgencies = match filter.urgencies.as_slice() {
        [] => &Urgency::ALL[..],
        some => some,
    };
    let lead = lead(filter);
    let leads = lead.as_ref().map_or(1, |(_, values)| values.len());
    if leads * urgencies.len() > RUNS_MAX && filter.sort != Sort::Urgency {
        let places = sql.places(words(urgencies));
        let text = format!(
            "i.status = 'RESOLVED' AND i.urgency IN ({places}){}",
            others(filter, "", sql)
        );
        return vec![text + &beyond(filter, after, sql)];
    }
    let mut runs = Vec::new();
    for urgency in urgencies {
        // In a list by urgency the cursor has passed whole urgencies.
        let mut after = after;
        if let Some(Cursor { urgency: Some(at), .. }) = after.filter(|_| filter.sort == Sort::Urgency) {
            let passed = if filter.ascending {
                rank(*urgency) < rank(*at)
            } else {
                rank(*urgency) > rank(*at)
            };
            if passed {
                continue;
            }
            after = after.filter(|_| urgency == at);
        }
        let word = urgency.word();
        let base = format!("i.status = 'RESOLVED' AND i.urgency = '{word}'");
        let heads = match &lead {
            None => vec![(String::new(), "")],
            Some((column, values)) => {
                let head = |value: &Val| (format!(" AND i.{column} = {}", sql.place(value.clone())), *column);
                values.iter().map(head).collect()
            }
        };
        for (head, column) in heads {
            let others = others(filter, column, sql);
            runs.push(format!("{base}{head}{others}{}", beyond(filter, after, sql)));
        }
    }
    runs
}

fn beyond(filter: &Filter, after: Option<&Cursor>, sql: &mut Sql) -> String {
    let Some(cursor) = after else { return String::new() };
    let sign = if filter.ascending { ">" } else { "<" };
    let (at, number) = (sql.place(cursor.at), sql.place(cursor.number));
    format!(
        " AND (i.{}, i.number) {sign} ({at}, {number})",
        time_column(filter.sort)
    )
}

/// All runs of a list.
fn runs(filter: &Filter, after: Option<&Cursor>, sql: &mut Sql) -> Vec<String> {
    let mut all: Vec<String> = unresolved(filter, after, sql).into_iter().collect();
    all.extend(past(filter, after, sql));
    all
}

/// The keys of a row and the order by them, over the rows of all runs.
fn order(filter: &Filter, rank: &str, at: &str, number: &str) -> String {
    let way = if filter.ascending { "ASC" } else { "DESC" };
    match filter.sort {
        Sort::CreatedAt | Sort::UpdatedAt => format!("{at} {way}, {number} {way}"),
        Sort::Number => format!("{number} {way}"),
        Sort::Urgency => format!("{rank} {way}, {at} {way}, {number} {way}"),
    }
}

/// A table of the first `most` rows of a list: their keys `rank`, `at` and `number`. The order is still to be made.
pub(super) fn rows(filter: &Filter, after: Option<&Cursor>, most: i64, sql: &mut Sql) -> String {
    let column = format!("i.{}", time_column(filter.sort));
    let run = |n: usize, condition: &str, order: &str| {
        format!(
            "SELECT rank, at, number FROM (SELECT {RANK} AS rank, {column} AS at, i.number AS number FROM incident i \
             WHERE {condition} ORDER BY {order} LIMIT {most}) AS run{n}"
        )
    };
    let unresolved = unresolved(filter, after, sql);
    let first = unresolved
        .iter()
        .map(|condition| run(0, condition, &of_few(&order_of_incidents(filter))));
    let mut runs: Vec<String> = first.collect();
    // All of one run are equally urgent, unless there would be too many runs.
    let way = if filter.ascending { "ASC" } else { "DESC" };
    let order = format!("{column} {way}, i.number {way}");
    let past = past(filter, after, sql);
    runs.extend(
        past.iter()
            .enumerate()
            .map(|(n, condition)| run(n + 1, condition, &order)),
    );
    if runs.is_empty() {
        return "SELECT 0 AS rank, 0 AS at, 0 AS number WHERE FALSE".to_owned();
    }
    runs.join(" UNION ALL ")
}

/// The numbers of the incidents in a part of a list.
pub(super) async fn numbers(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
    offset: i64,
) -> Result<Vec<i64>, DbError> {
    let mut sql = Sql::default();
    let text = match &filter.q {
        // Numbers are given in order: there is one index for all, and every row in it is in the list sooner or later.
        None if filter.sort == Sort::Number => {
            let condition = condition(filter, &mut sql);
            let order = order(filter, RANK, "i.created_at", "i.number");
            format!("SELECT i.number FROM incident i WHERE {condition} ORDER BY {order} LIMIT {limit} OFFSET {offset}")
        }
        None if after.is_none() && filter.sort == Sort::CreatedAt && is_everything(filter) => {
            let order = order_of_incidents(filter);
            format!("SELECT i.number FROM incident i ORDER BY {order} LIMIT {limit} OFFSET {offset}")
        }
        None => {
            let rows = rows(filter, after, limit.saturating_add(offset), &mut sql);
            let order = order(filter, "rank", "at", "number");
            format!("SELECT number FROM ({rows}) AS list ORDER BY {order} LIMIT {limit} OFFSET {offset}")
        }
        Some(q) => {
            let matches = lookup::matches(tx.dialect(), &search::asked(q), None, &mut sql);
            let Some(matches) = matches else { return Ok(Vec::new()) };
            let condition = condition(filter, &mut sql);
            let order = order_of_incidents(filter);
            format!(
                "SELECT i.number FROM ({matches}) AS m CROSS JOIN incident i WHERE i.number = m.number AND {condition} \
                 ORDER BY {order} LIMIT {limit} OFFSET {offset}"
            )
        }
    };
    let rows = tx.query(&text, sql.params()).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// How many incidents are in a list; of each run no more than `most` are counted.
pub(super) async fn count(tx: &mut Tx<'_>, filter: &Filter, most: Option<i64>) -> Result<i64, DbError> {
    let mut sql = Sql::default();
    let text = match &filter.q {
        Some(q) => {
            let Some(matches) = lookup::matches(tx.dialect(), &search::asked(q), None, &mut sql) else {
                return Ok(0);
            };
            if is_everything(filter) {
                format!("SELECT count(*) FROM ({matches}) AS m")
            } else {
                let condition = condition(filter, &mut sql);
                format!(
                    "SELECT count(*) FROM ({matches}) AS m CROSS JOIN incident i WHERE i.number = m.number AND {condition}"
                )
            }
        }
        None if most.is_none() && is_everything(filter) => "SELECT count(*) FROM incident".to_owned(),
        // All that are resolved are all but the few that are not.
        None if most.is_none() && filter.statuses.contains(&Status::Resolved) && is_everything(&whatever(filter)) => {
            let wanted = sql.places(filter.statuses.iter().map(|status| status.word().into()).collect());
            format!(
                "SELECT (SELECT count(*) FROM incident) - (SELECT count(*) FROM incident i \
                 WHERE i.status <> 'RESOLVED' AND i.status NOT IN ({wanted}))"
            )
        }
        None => {
            let run = |(n, condition): (usize, String)| match most {
                None => format!("SELECT count(*) AS n FROM incident i WHERE {condition}"),
                Some(most) => format!(
                    "SELECT count(*) AS n FROM (SELECT 1 FROM incident i WHERE {condition} LIMIT {most}) AS run{n}"
                ),
            };
            let runs: Vec<String> = runs(filter, None, &mut sql).into_iter().enumerate().map(run).collect();
            if runs.is_empty() {
                return Ok(0);
            }
            format!(
                "SELECT CAST(sum(n) AS BIGINT) FROM ({}) AS counted",
                runs.join(" UNION ALL ")
            )
        }
    };
    tx.query_one(&text, sql.params()).await?.take()
}

/// The same in whichever state.
fn whatever(filter: &Filter) -> Filter {
    Filter {
        statuses: Vec::new(),
        ..filter.clone()
    }
}

fn is_everything(filter: &Filter) -> bool {
    let all = Filter {
        q: filter.q.clone(),
        sort: filter.sort,
        ascending: filter.ascending,
        limit: filter.limit,
        offset: filter.offset,
        ..Filter::default()
    };
    *filter == all
}

/// All conditions on one row but the words.
pub(super) fn condition(filter: &Filter, sql: &mut Sql) -> String {
    let mut text = "TRUE".to_owned();
    if !filter.statuses.is_empty() {
        let places = sql.places(filter.statuses.iter().map(|status| status.word().into()).collect());
        write!(text, " AND i.status IN ({places})").expect("a String takes all text");
        // Said in so many words, so that the index of what is not resolved serves.
        if !filter.statuses.contains(&Status::Resolved) {
            text.push_str(" AND i.status <> 'RESOLVED'");
        }
    }
    if !filter.urgencies.is_empty() {
        let places = sql.places(words(&filter.urgencies));
        write!(text, " AND i.urgency IN ({places})").expect("a String takes all text");
    }
    text + &others(filter, "", sql)
}

/// The order of the rows of [`rows`].
pub(super) fn order_of_rows(filter: &Filter, table: &str) -> String {
    order(
        filter,
        &format!("{table}.rank"),
        &format!("{table}.at"),
        &format!("{table}.number"),
    )
}

/// The same where the incident itself is at hand as `i`.
pub(super) fn order_of_incidents(filter: &Filter) -> String {
    order(filter, RANK, &format!("i.{}", time_column(filter.sort)), "i.number")
}

/// The condition that a row comes after the cursor, where the incident is at hand as `i`.
pub(super) fn after_cursor(filter: &Filter, cursor: &Cursor, sql: &mut Sql) -> String {
    let sign = if filter.ascending { ">" } else { "<" };
    let (at, number) = (sql.place(cursor.at), sql.place(cursor.number));
    let keys = format!("i.{}, i.number", time_column(filter.sort));
    if filter.sort == Sort::Urgency {
        let rank = sql.place(cursor.urgency.map_or(0, rank));
        return format!(" AND ({RANK}, {keys}) {sign} ({rank}, {at}, {number})");
    }
    format!(" AND ({keys}) {sign} ({at}, {number})")
}
