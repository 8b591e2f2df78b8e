//! Workspaces of Slack that have the app, with the tokens by which it speaks there.

use jiff::Timestamp;

use crate::{
    db::{DbError, Row, Tx},
    directory,
    refusal::{ChangeError, found},
    seal::{Place, Sealer},
    secret::{Secret, open, seal},
};

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Slack's identity of it: `T…`.
    pub team: String,
    /// Its name.
    pub name: String,
    /// The bot's token: `xoxb-…`.
    pub token: Secret,
    /// The bot's own member identity there.
    pub bot_user: Option<String>,
    /// The conversation that is told where a service names none.
    pub default_channel: Option<String>,
    /// Since when it has the app.
    pub installed_at: Timestamp,
}

const COLUMNS: &str = "team_id, name, token_sealed, bot_user, default_channel, installed_at";

const fn place(team: &str) -> Place<'_> {
    Place {
        table: "slack_workspace",
        column: "token",
        row: team,
    }
}

fn read(mut row: Row, sealer: &Sealer) -> Result<WorkspaceRow, DbError> {
    let team: String = row.take()?;
    let name = row.take()?;
    let token = open(sealer, place(&team), &row.take::<String>()?)?;
    Ok(WorkspaceRow {
        team,
        name,
        token,
        bot_user: row.take()?,
        default_channel: row.take()?,
        installed_at: row.take()?,
    })
}

/// All workspaces, in the order in which they were connected first.
///
/// # Errors
/// When the database cannot answer, or a token cannot be opened.
pub async fn workspaces(tx: &mut Tx<'_>, sealer: &Sealer) -> Result<Vec<WorkspaceRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM slack_workspace ORDER BY position, team_id");
    let rows = tx.query(&sql, &[]).await?;
    rows.into_iter().map(|row| read(row, sealer)).collect()
}

/// Keeps a workspace; one that is connected again gets its new token and keeps its place and its channel.
///
/// # Errors
/// When the database does not take it.
pub async fn connect(tx: &mut Tx<'_>, sealer: &Sealer, row: &WorkspaceRow, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sealed = seal(sealer, place(&row.team), &row.token)?;
    let sql = "INSERT INTO slack_workspace (team_id, name, token_sealed, bot_user, default_channel, position, \
         installed_at) VALUES ($1, $2, $3, $4, $5, \
         (SELECT CAST(coalesce(max(position), 0) + 1 AS BIGINT) FROM slack_workspace), $6) \
         ON CONFLICT (team_id) DO UPDATE SET name = excluded.name, token_sealed = excluded.token_sealed, \
         bot_user = excluded.bot_user, installed_at = excluded.installed_at, \
         default_channel = coalesce(excluded.default_channel, slack_workspace.default_channel)";
    let params = [
        row.team.as_str().into(),
        row.name.as_str().into(),
        sealed.into(),
        row.bot_user.as_deref().into(),
        row.default_channel.as_deref().into(),
        row.installed_at.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Sets the conversation that is told where a service names none.
///
/// # Errors
/// There is no such workspace, or the database does not take it.
pub async fn set_default_channel(
    tx: &mut Tx<'_>,
    team: &str,
    channel: Option<&str>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "UPDATE slack_workspace SET default_channel = $1 WHERE team_id = $2";
    found(
        "Slack workspace",
        tx.execute(sql, &[channel.into(), team.into()]).await?,
    )
}

/// Forgets a workspace: it was disconnected, or its administrator has removed the app.
///
/// # Errors
/// There is no such workspace, or the database does not take it.
pub async fn disconnect(tx: &mut Tx<'_>, team: &str, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "DELETE FROM slack_workspace WHERE team_id = $1";
    found("Slack workspace", tx.execute(sql, &[team.into()]).await?)
}

/// Whether any workspace has the app, and whether any has a default conversation.
pub(crate) async fn connected(tx: &mut Tx<'_>) -> Result<(bool, bool), DbError> {
    let sql = "SELECT count(*), count(default_channel) FROM slack_workspace";
    let mut row = tx.query_one(sql, &[]).await?;
    let (all, with_default): (i64, i64) = (row.take()?, row.take()?);
    Ok((all > 0, with_default > 0))
}
