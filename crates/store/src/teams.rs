//! Teams and who belongs to them.

use std::collections::HashMap;

use jiff::Timestamp;
use opsknight_domain::{
    directory::Member,
    id::{TeamId, UserId},
};

use crate::{
    db::{DbError, Row, Tx},
    directory,
    listing::Part,
    refusal::{ChangeError, Use, found, unless_used},
};

/// A team as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRow {
    /// Its identity.
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// Who belongs to it, in the order in which they were given.
    pub members: Vec<Member>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, created_at, updated_at";

fn read(mut row: Row) -> Result<TeamRow, DbError> {
    Ok(TeamRow {
        id: row.take()?,
        name: row.take()?,
        members: Vec::new(),
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Adds a team.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, team: &TeamRow) -> Result<(), ChangeError> {
    directory::bump(tx, team.created_at).await?;
    let sql = "INSERT INTO team (id, name, created_at, updated_at) VALUES ($1, $2, $3, $4)";
    tx.execute(
        sql,
        &[
            team.id.into(),
            team.name.as_str().into(),
            team.created_at.into(),
            team.updated_at.into(),
        ],
    )
    .await?;
    write_members(tx, team).await?;
    Ok(())
}

/// Replaces a team and its members as a whole.
///
/// # Errors
/// There is no such team, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, team: &TeamRow) -> Result<(), ChangeError> {
    directory::bump(tx, team.updated_at).await?;
    let sql = "UPDATE team SET name = $2, updated_at = $3 WHERE id = $1";
    let rows = tx
        .execute(
            sql,
            &[team.id.into(), team.name.as_str().into(), team.updated_at.into()],
        )
        .await?;
    found("team", rows)?;
    tx.execute("DELETE FROM team_member WHERE team_id = $1", &[team.id.into()])
        .await?;
    write_members(tx, team).await?;
    Ok(())
}

async fn write_members(tx: &mut Tx<'_>, team: &TeamRow) -> Result<(), DbError> {
    let sql = "INSERT INTO team_member (team_id, user_id, position, lead, receives_notifications) \
               VALUES ($1, $2, $3, $4, $5)";
    for (position, member) in (0_i64..).zip(&team.members) {
        tx.execute(
            sql,
            &[
                team.id.into(),
                member.user.into(),
                position.into(),
                member.lead.into(),
                member.receives_notifications.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// The team with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: TeamId) -> Result<Option<TeamRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM team WHERE id = $1");
    let Some(row) = tx.query_opt(&sql, &[id.into()]).await? else {
        return Ok(None);
    };
    let mut teams = vec![read(row)?];
    read_members(tx, &mut teams).await?;
    Ok(teams.pop())
}

/// One part of the teams by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, part: Part<'_>) -> Result<(Vec<TeamRow>, i64), DbError> {
    let pattern = part.pattern();
    let total = tx
        .query_one(
            "SELECT count(*) FROM team WHERE lower(name) LIKE $1 ESCAPE '\\'",
            &[pattern.as_str().into()],
        )
        .await?
        .take()?;
    let sql = format!(
        "SELECT {COLUMNS} FROM team WHERE lower(name) LIKE $1 ESCAPE '\\' ORDER BY lower(name), id LIMIT $2 OFFSET $3"
    );
    let rows = tx
        .query(&sql, &[pattern.as_str().into(), part.limit.into(), part.offset.into()])
        .await?;
    let mut teams = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    read_members(tx, &mut teams).await?;
    Ok((teams, total))
}

/// Fills in the members of these teams with one query.
async fn read_members(tx: &mut Tx<'_>, teams: &mut [TeamRow]) -> Result<(), DbError> {
    if teams.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT team_id, user_id, lead, receives_notifications FROM team_member WHERE team_id IN ({}) \
         ORDER BY team_id, position",
        Tx::in_list(1, teams.len())
    );
    let ids: Vec<_> = teams.iter().map(|team| team.id.into()).collect();
    let mut places: HashMap<TeamId, &mut Vec<Member>> =
        teams.iter_mut().map(|team| (team.id, &mut team.members)).collect();
    for mut row in tx.query(&sql, &ids).await? {
        let team: TeamId = row.take()?;
        let member = Member {
            user: row.take()?,
            lead: row.take()?,
            receives_notifications: row.take()?,
        };
        if let Some(members) = places.get_mut(&team) {
            members.push(member);
        }
    }
    Ok(())
}

/// The teams that a person belongs to, by name.
///
/// # Errors
/// When the database cannot answer.
pub async fn of_user(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<(TeamId, String)>, DbError> {
    let sql = "SELECT t.id, t.name FROM team t JOIN team_member m ON m.team_id = t.id WHERE m.user_id = $1 \
               ORDER BY lower(t.name), t.id";
    let rows = tx.query(sql, &[user.into()]).await?;
    rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}

/// Removes a team.
///
/// # Errors
/// There is no such team, a service or a policy uses it, or the database cannot take it.
pub async fn delete(tx: &mut Tx<'_>, id: TeamId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let mut uses = services_with(tx, "team_id", id).await?;
    uses.extend(crate::policies::naming(tx, &id.to_string()).await?);
    unless_used("team", uses)?;
    tx.execute("DELETE FROM team_member WHERE team_id = $1", &[id.into()])
        .await?;
    found(
        "team",
        tx.execute("DELETE FROM team WHERE id = $1", &[id.into()]).await?,
    )
}

/// The services whose `column`, `team_id` or `policy_id`, is this.
pub(crate) async fn services_with(
    tx: &mut Tx<'_>,
    column: &'static str,
    id: impl Into<crate::db::Val>,
) -> Result<Vec<Use>, DbError> {
    let sql =
        format!("SELECT id, name FROM service WHERE {column} = $1 AND deleted_at IS NULL ORDER BY lower(name), id");
    let rows = tx.query(&sql, &[id.into()]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Use {
                kind: "service",
                id: row.take()?,
                name: row.take()?,
            })
        })
        .collect()
}
