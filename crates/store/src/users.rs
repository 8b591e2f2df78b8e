//! People: their account, the ways to reach them and their notification rules. Somebody who was removed stays as a name
//! in what they did.

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Role, Standing},
    id::UserId,
};

use crate::{
    db::{DbError, Row, Tx, Val},
    directory,
    incidents::word,
    listing::Part,
    refusal::{ChangeError, Refusal, found, unless_used},
};

mod reach;

pub use reach::{
    Code, ContactMethodRow, RuleRow, contact_code, contact_method, contact_methods, delete_address,
    delete_contact_method, delete_rule, insert_contact_method, insert_rule, put_contact_code, replace_rules, rule,
    rules, update_contact_method, update_rule,
};
pub(crate) use reach::{all_contact_methods, all_rules};

/// A person as they are stored, without their password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Their identity.
    pub id: UserId,
    /// Their mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they take part.
    pub standing: Standing,
    /// The IANA name of the zone in which times are shown to them.
    pub time_zone: String,
    /// Their telephone number in E.164 form.
    pub phone: Option<String>,
    /// They want news of incidents that does not call them.
    pub wants_news: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// When their account last changed.
    pub updated_at: Timestamp,
}

/// Which people are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserFilter<'a> {
    /// Which part of the list; `q` is looked for in names and mail addresses.
    pub part: Part<'a>,
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those of this standing.
    pub standing: Option<Standing>,
}

const COLUMNS: &str = "id, email, name, role, standing, time_zone, phone, wants_news, created_at, updated_at";

fn read(row: &mut Row) -> Result<UserRow, DbError> {
    Ok(UserRow {
        id: row.take()?,
        email: row.take()?,
        name: row.take()?,
        role: word(row, "role", Role::from_word)?,
        standing: word(row, "standing", Standing::from_word)?,
        time_zone: row.take()?,
        phone: row.take()?,
        wants_news: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

fn values(user: &UserRow) -> Vec<Val> {
    vec![
        user.id.into(),
        user.email.as_str().into(),
        user.name.as_str().into(),
        user.role.word().into(),
        user.standing.word().into(),
        user.time_zone.as_str().into(),
        user.phone.as_deref().into(),
        user.wants_news.into(),
        user.created_at.into(),
        user.updated_at.into(),
    ]
}

/// Adds a person. They have no password yet.
///
/// # Errors
/// Somebody has this mail address, or the database cannot take it.
pub async fn insert(tx: &mut Tx<'_>, user: &UserRow) -> Result<(), ChangeError> {
    directory::bump(tx, user.created_at).await?;
    unless_email_taken(tx, user).await?;
    let values = values(user);
    let sql = format!(
        "INSERT INTO app_user ({COLUMNS}) VALUES ({})",
        Tx::in_list(1, values.len())
    );
    tx.execute(&sql, &values).await?;
    Ok(())
}

/// Replaces a person's account as a whole; their password and when they were added stay. Whoever is disabled is signed
/// out.
///
/// # Errors
/// There is no such person, somebody else has this mail address, they are the last administrator and would no longer
/// be one, or the database cannot take it.
pub async fn update(tx: &mut Tx<'_>, user: &UserRow) -> Result<(), ChangeError> {
    directory::bump(tx, user.updated_at).await?;
    unless_email_taken(tx, user).await?;
    if user.role != Role::Admin || user.standing == Standing::Disabled {
        unless_last_administrator(tx, user.id).await?;
    }
    let sql = "UPDATE app_user SET email = $2, name = $3, role = $4, standing = $5, time_zone = $6, phone = $7, \
               wants_news = $8, updated_at = $9 WHERE id = $1 AND deleted_at IS NULL";
    let mut values = values(user);
    let created_at = values.len() - 2;
    values.remove(created_at);
    found("user", tx.execute(sql, &values).await?)?;
    if user.standing == Standing::Disabled {
        crate::sessions::delete_of(tx, user.id).await?;
    }
    Ok(())
}

async fn unless_email_taken(tx: &mut Tx<'_>, user: &UserRow) -> Result<(), ChangeError> {
    let sql = "SELECT 1 FROM app_user WHERE lower(email) = lower($1) AND id <> $2 AND deleted_at IS NULL LIMIT 1";
    match tx.query_opt(sql, &[user.email.as_str().into(), user.id.into()]).await? {
        Some(_) => Err(Refusal::EmailTaken.into()),
        None => Ok(()),
    }
}

/// Refuses when this person is an administrator who is not disabled, and nobody else is.
async fn unless_last_administrator(tx: &mut Tx<'_>, id: UserId) -> Result<(), ChangeError> {
    let sql = "SELECT count(*) FILTER (WHERE id = $1), count(*) FILTER (WHERE id <> $1) FROM app_user \
               WHERE role = 'ADMIN' AND standing <> 'DISABLED' AND deleted_at IS NULL";
    let mut row = tx.query_one(sql, &[id.into()]).await?;
    let (this, others): (i64, i64) = (row.take()?, row.take()?);
    if this > 0 && others == 0 {
        return Err(Refusal::LastAdministrator.into());
    }
    Ok(())
}

/// The person with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn get(tx: &mut Tx<'_>, id: UserId) -> Result<Option<UserRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM app_user WHERE id = $1 AND deleted_at IS NULL");
    let row = tx.query_opt(&sql, &[id.into()]).await?;
    row.map(|mut row| read(&mut row)).transpose()
}

/// The person with this mail address, in whatever case, and the hash of their password where they have one.
///
/// # Errors
/// When the database cannot answer.
pub async fn by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<(UserRow, Option<String>)>, DbError> {
    let sql =
        format!("SELECT {COLUMNS}, password_hash FROM app_user WHERE lower(email) = lower($1) AND deleted_at IS NULL");
    let row = tx.query_opt(&sql, &[email.into()]).await?;
    row.map(|mut row| Ok((read(&mut row)?, row.take()?))).transpose()
}

/// The hash of a person's password; none: no such person, or they have not chosen one.
///
/// # Errors
/// When the database cannot answer.
pub async fn password(tx: &mut Tx<'_>, id: UserId) -> Result<Option<String>, DbError> {
    let sql = "SELECT password_hash FROM app_user WHERE id = $1 AND deleted_at IS NULL";
    match tx.query_opt(sql, &[id.into()]).await? {
        Some(mut row) => row.take(),
        None => Ok(None),
    }
}

/// Sets a person's password and makes an invited person an active one.
///
/// # Errors
/// There is no such person, or the database cannot take it.
pub async fn set_password(tx: &mut Tx<'_>, id: UserId, hash: &str, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "UPDATE app_user SET password_hash = $2, updated_at = $3, \
               standing = CASE standing WHEN 'INVITED' THEN 'ACTIVE' ELSE standing END \
               WHERE id = $1 AND deleted_at IS NULL";
    found("user", tx.execute(sql, &[id.into(), hash.into(), now.into()]).await?)
}

/// Makes an invited person an active one, who signs in by something else than a password.
///
/// # Errors
/// There is no such person, or the database cannot take it.
pub async fn activate(tx: &mut Tx<'_>, id: UserId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "UPDATE app_user SET updated_at = $2, \
               standing = CASE standing WHEN 'INVITED' THEN 'ACTIVE' ELSE standing END \
               WHERE id = $1 AND deleted_at IS NULL";
    found("user", tx.execute(sql, &[id.into(), now.into()]).await?)
}

/// Whether a person has a way to sign in: a password, a passkey, or an account at a provider.
///
/// # Errors
/// When the database cannot answer.
pub async fn can_sign_in(tx: &mut Tx<'_>, id: UserId) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM app_user WHERE id = $1 AND deleted_at IS NULL AND (password_hash IS NOT NULL \
               OR EXISTS (SELECT 1 FROM passkey WHERE user_id = $1) \
               OR EXISTS (SELECT 1 FROM provider_identity WHERE user_id = $1))";
    Ok(tx.query_opt(sql, &[id.into()]).await?.is_some())
}

/// Whether there is anybody at all. Until there is, whoever holds the setup link makes the first administrator.
///
/// # Errors
/// When the database cannot answer.
pub async fn any(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let row = tx
        .query_opt("SELECT 1 FROM app_user WHERE deleted_at IS NULL LIMIT 1", &[])
        .await?;
    Ok(row.is_some())
}

/// One part of the people by name, and how many there are in all.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(tx: &mut Tx<'_>, filter: UserFilter<'_>) -> Result<(Vec<UserRow>, i64), DbError> {
    let mut condition =
        "deleted_at IS NULL AND (lower(name) LIKE $1 ESCAPE '\\' OR lower(email) LIKE $1 ESCAPE '\\')".to_owned();
    let mut params: Vec<Val> = vec![filter.part.pattern().into()];
    if let Some(role) = filter.role {
        params.push(role.word().into());
        condition = format!("{condition} AND role = ${}", params.len());
    }
    if let Some(standing) = filter.standing {
        params.push(standing.word().into());
        condition = format!("{condition} AND standing = ${}", params.len());
    }
    let sql = format!("SELECT count(*) FROM app_user WHERE {condition}");
    let total = tx.query_one(&sql, &params).await?.take()?;
    let (limit, offset) = (params.len() + 1, params.len() + 2);
    params.extend([filter.part.limit.into(), filter.part.offset.into()]);
    let sql = format!(
        "SELECT {COLUMNS} FROM app_user WHERE {condition} ORDER BY lower(name), id LIMIT ${limit} OFFSET ${offset}"
    );
    let rows = tx.query(&sql, &params).await?;
    let rows = rows.into_iter().map(|mut row| read(&mut row));
    Ok((rows.collect::<Result<_, _>>()?, total))
}

/// Everybody who was not removed.
pub(crate) async fn all(tx: &mut Tx<'_>) -> Result<Vec<UserRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM app_user WHERE deleted_at IS NULL");
    let rows = tx.query(&sql, &[]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// Removes a person, with their sessions, memberships, rules, ways to reach them, and the overrides in which they take
/// over or are relieved and that have not ended.
///
/// # Errors
/// There is no such person, a policy or a schedule names them, they are the last administrator, or the database cannot
/// take it.
pub async fn delete(tx: &mut Tx<'_>, id: UserId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let text = id.to_string();
    let mut uses = crate::policies::naming(tx, &text).await?;
    uses.extend(crate::schedules::naming(tx, &text).await?);
    unless_used("user", uses)?;
    unless_last_administrator(tx, id).await?;
    let sql = "UPDATE app_user SET deleted_at = $2, updated_at = $2, password_hash = NULL \
               WHERE id = $1 AND deleted_at IS NULL";
    found("user", tx.execute(sql, &[id.into(), now.into()]).await?)?;
    crate::sessions::delete_of(tx, id).await?;
    for sql in [
        "DELETE FROM login_token WHERE user_id = $1",
        "DELETE FROM login_step WHERE user_id = $1",
        "DELETE FROM second_factor WHERE user_id = $1",
        "DELETE FROM recovery_code WHERE user_id = $1",
        "DELETE FROM passkey WHERE user_id = $1",
        "DELETE FROM provider_identity WHERE user_id = $1",
        "DELETE FROM team_member WHERE user_id = $1",
        "DELETE FROM notification_rule WHERE user_id = $1",
        "DELETE FROM contact_method WHERE user_id = $1",
    ] {
        tx.execute(sql, &[id.into()]).await?;
    }
    let sql = "DELETE FROM schedule_override WHERE (user_id = $1 OR replaces_user_id = $1) AND end_at > $2";
    tx.execute(sql, &[id.into(), now.into()]).await?;
    Ok(())
}
