//! `/audit`: who changed what, before and after in words, and the same as a table for other programs.

pub(super) mod words;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{Uri, header};
use opsknight_domain::id::{AuditId, UserId};
use opsknight_store::{
    audit::{self, AuditFilter, AuditRow as StoredLine},
    db::Tx,
    leaf::Edge,
    listing::Part,
};

use super::{PageError, choices, log, records::select, rows::shorten, viewer::Viewer};
use crate::{
    state::AppState,
    views::{Audit, AuditRow, Choice, Link, Section},
};

/// How many lines are read at a time for a table.
const CSV_LEAF_ROWS: i64 = 1_000;
/// Most lines of a table; whoever needs more asks for a shorter time, or the API.
const CSV_ROWS_MAX: usize = 50_000;

/// The kinds of things that are changed, by the words that are stored.
const KINDS: [(&str, &str); 14] = [
    ("api_key", "API keys"),
    ("auditor", "Auditor"),
    ("database", "Database"),
    ("escalation_policy", "Escalation policies"),
    ("event", "Events"),
    ("integration", "Integrations"),
    ("notification", "Notifications"),
    ("schedule", "Schedules"),
    ("service", "Services"),
    ("setting", "Settings"),
    ("slack_workspace", "Slack workspaces"),
    ("team", "Teams"),
    ("user", "Users"),
    ("webhook", "Webhooks"),
];

/// What is asked for, apart from which leaf.
struct Wanted {
    asked: log::Asked,
    actor: Option<String>,
    kind: Option<&'static str>,
}

fn wanted(uri: &Uri, viewer: &Viewer) -> Result<Wanted, PageError> {
    let mut asked = log::asked::<AuditId>(uri, viewer);
    let actor = asked.id::<UserId>("actor").map(|id| id.to_string());
    let kind = asked.word("kind", &KINDS.map(|(word, _)| word));
    asked.check()?;
    Ok(Wanted { asked, actor, kind })
}

async fn read(
    state: &AppState,
    wanted: &Wanted,
    edge: Edge,
    limit: i64,
) -> Result<opsknight_store::leaf::Leaf<StoredLine>, PageError> {
    let (actor, kind, q) = (wanted.actor.clone(), wanted.kind, wanted.asked.q.clone());
    let (after, before) = (wanted.asked.after, wanted.asked.before);
    let unit = async move |tx: &mut Tx<'_>| {
        let part = Part {
            limit,
            offset: 0,
            q: q.as_deref(),
        };
        let filter = AuditFilter {
            actor_id: actor.as_deref(),
            object_kind: kind,
            after,
            before,
            ..AuditFilter::all(part)
        };
        audit::log(tx, &filter, &edge).await
    };
    Ok(state.store.db.read(unit).await?)
}

/// `GET /audit`
pub(super) async fn list(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let wanted = wanted(&uri, &viewer)?;
    let leaf = read(&state, &wanted, wanted.asked.edge.clone(), log::LEAF_ROWS).await?;
    let kinds = KINDS.map(|(word, name)| Choice::new(word, name));
    let page = Audit {
        shell: viewer.shell("Audit log", Section::Audit),
        filtered: wanted.actor.is_some() || wanted.kind.is_some() || wanted.asked.is_filtered(),
        actor: select(
            "actor",
            wanted.actor.clone(),
            "Anybody",
            choices::people(viewer.directory()),
        ),
        kind: select("kind", wanted.kind.map(str::to_owned), "Anything", kinds.into()),
        filters: wanted.asked.filters(),
        export: log::elsewhere("/audit.csv", &uri),
        pager: log::pager(&uri, &leaf, |row| row.id.to_string()),
        rows: leaf.rows.into_iter().map(|row| audit_row(&viewer, row)).collect(),
    };
    viewer.page(&page)
}

fn audit_row(viewer: &Viewer, line: StoredLine) -> AuditRow {
    let changes = line.changes.as_object().into_iter().flatten();
    let said = |value| words::said(value, viewer.directory());
    AuditRow {
        id: line.id.to_string(),
        at: viewer.times(line.at),
        actor: line.actor_name,
        address: line.ip.unwrap_or_default(),
        what: words::done(&line.action, &line.object_kind),
        changes: changes
            .map(|(name, change)| (words::field(name), said(&change["from"]), said(&change["to"])))
            .collect(),
        target: Link::new(page_of(&line.object_kind, &line.object_id), shorten(&line.object_name)),
    }
}

/// The page of what was changed; empty where it has none.
fn page_of(kind: &str, id: &str) -> String {
    let folder = match kind {
        "user" => "/users",
        "team" => "/teams",
        "service" => "/services",
        "schedule" => "/schedules",
        "event" => "/events",
        "notification" => "/notifications",
        "webhook" => "/settings/webhooks",
        "policy" | "escalation_policy" => "/policies",
        "auditor" | "database" => return "/settings/system".to_owned(),
        _ => return String::new(),
    };
    format!("{folder}/{id}")
}

/// `GET /audit.csv`: the lines that fit the filters, the newest in front, as RFC 4180 has it.
pub(super) async fn export(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let wanted = wanted(&uri, &viewer)?;
    let mut table = String::from("at,actorType,actorId,actor,ip,action,objectType,objectId,object,changes\r\n");
    let (mut edge, mut rows) = (Edge::Newest, 0);
    loop {
        let leaf = read(&state, &wanted, edge, CSV_LEAF_ROWS).await?;
        for row in &leaf.rows {
            table.push_str(&csv(row));
        }
        rows += leaf.rows.len();
        match leaf.rows.last() {
            Some(last) if leaf.older && rows < CSV_ROWS_MAX => edge = Edge::OlderThan(last.id.to_string()),
            _ => break,
        }
    }
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit-log.csv\""),
    ];
    Ok((head, Body::from(table)).into_response())
}

fn csv(row: &StoredLine) -> String {
    let at = row.at.to_string();
    let (id, ip) = (
        row.actor_id.as_deref().unwrap_or_default(),
        row.ip.as_deref().unwrap_or_default(),
    );
    let changes = row.changes.to_string();
    let cells = [
        at.as_str(),
        &row.actor_kind,
        id,
        &row.actor_name,
        ip,
        &row.action,
        &row.object_kind,
        &row.object_id,
        &row.object_name,
        &changes,
    ];
    let line = cells.map(cell).join(",");
    format!("{line}\r\n")
}

/// A cell in quotes. A text that spreadsheets take for a formula begins with an apostrophe (OWASP, "CSV Injection").
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if is_formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(cell("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
        assert_eq!(cell(""), "\"\"");
    }
}
