//! How a person is reached: their contact methods, and their notification rules.

use jiff::Timestamp;
use opsknight_domain::{
    directory::{Channel, ContactMethod, NotificationRule},
    id::{ContactMethodId, RuleId, UserId},
    urgency::Urgency,
};

use crate::{
    db::{DbError, Insert, Kind, Row, Tx},
    directory,
    incidents::word,
    refusal::{ChangeError, Refusal, found},
};

/// A way to reach a person as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactMethodRow {
    /// Its identity.
    pub id: ContactMethodId,
    /// Whom it reaches.
    pub user: UserId,
    /// Which channel reaches it.
    pub channel: Channel,
    /// A mail address, an E.164 number, a Slack user, a push subscription.
    pub address: String,
    /// Since when it is known to be theirs; none: not yet, and nothing is paged on it.
    pub verified_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl ContactMethodRow {
    /// What decisions need to know of it.
    #[must_use]
    pub fn into_domain(self) -> ContactMethod {
        ContactMethod {
            id: self.id,
            channel: self.channel,
            address: self.address,
            verified: self.verified_at.is_some(),
        }
    }
}

/// A personal notification rule as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Its identity.
    pub id: RuleId,
    /// Whose it is.
    pub user: UserId,
    /// What it says.
    pub rule: NotificationRule,
}

const METHOD_COLUMNS: &str = "id, user_id, channel, address, verified_at, created_at";

const RULE_COLUMNS: &str = "id, user_id, urgency, channel, delay_minutes";

static RULES: Insert = Insert {
    table: "notification_rule",
    columns: &[
        ("id", Kind::Text),
        ("user_id", Kind::Text),
        ("urgency", Kind::Text),
        ("position", Kind::Int),
        ("channel", Kind::Text),
        ("delay_minutes", Kind::Int),
    ],
    tail: "",
};

fn read_method(mut row: Row) -> Result<ContactMethodRow, DbError> {
    Ok(ContactMethodRow {
        id: row.take()?,
        user: row.take()?,
        channel: word(&mut row, "channel", Channel::from_word)?,
        address: row.take()?,
        verified_at: row.take()?,
        created_at: row.take()?,
    })
}

fn read_rule(mut row: Row) -> Result<RuleRow, DbError> {
    Ok(RuleRow {
        id: row.take()?,
        user: row.take()?,
        rule: NotificationRule {
            urgency: word(&mut row, "urgency", Urgency::from_word)?,
            channel: word(&mut row, "channel", Channel::from_word)?,
            delay_minutes: row.take()?,
        },
    })
}

/// Adds a way to reach a person. The person exists: the caller has read them in this unit.
///
/// # Errors
/// The person has this address already, or the database cannot take it.
pub async fn insert_contact_method(tx: &mut Tx<'_>, method: &ContactMethodRow) -> Result<(), ChangeError> {
    directory::bump(tx, method.created_at).await?;
    unless_address_taken(tx, method).await?;
    let sql = "INSERT INTO contact_method (id, user_id, channel, address, verified_at, code_tries, created_at) \
               VALUES ($1, $2, $3, $4, $5, 0, $6)";
    tx.execute(
        sql,
        &[
            method.id.into(),
            method.user.into(),
            method.channel.word().into(),
            method.address.as_str().into(),
            method.verified_at.into(),
            method.created_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Replaces a way to reach a person.
///
/// # Errors
/// There is no such contact method, the person has this address already, or the database cannot take it.
pub async fn update_contact_method(
    tx: &mut Tx<'_>,
    method: &ContactMethodRow,
    now: Timestamp,
) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    unless_address_taken(tx, method).await?;
    let sql = "UPDATE contact_method SET channel = $3, address = $4, verified_at = $5 WHERE user_id = $1 AND id = $2";
    let rows = tx
        .execute(
            sql,
            &[
                method.user.into(),
                method.id.into(),
                method.channel.word().into(),
                method.address.as_str().into(),
                method.verified_at.into(),
            ],
        )
        .await?;
    found("contact method", rows)
}

async fn unless_address_taken(tx: &mut Tx<'_>, method: &ContactMethodRow) -> Result<(), ChangeError> {
    let sql = "SELECT 1 FROM contact_method WHERE user_id = $1 AND channel = $2 AND address = $3 AND id <> $4";
    let params = [
        method.user.into(),
        method.channel.word().into(),
        method.address.as_str().into(),
        method.id.into(),
    ];
    match tx.query_opt(sql, &params).await? {
        Some(_) => Err(Refusal::AddressTaken.into()),
        None => Ok(()),
    }
}

/// A code that was sent to a contact method, to see whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its hash, see [`crate::secret::token_hash`]; none once it has been used up.
    pub hash: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// How many wrong ones have been entered in its place.
    pub tries: u32,
}

/// The code that was sent to a contact method last.
///
/// # Errors
/// When the database cannot answer.
pub async fn contact_code(tx: &mut Tx<'_>, id: ContactMethodId) -> Result<Option<Code>, DbError> {
    let sql = "SELECT code_hash, code_sent_at, code_expires_at, code_tries FROM contact_method \
         WHERE id = $1 AND code_sent_at IS NOT NULL {lock}";
    let read = |mut row: Row| {
        Ok(Code {
            hash: row.take()?,
            sent_at: row.take()?,
            expires_at: row.take()?,
            tries: row.take()?,
        })
    };
    tx.query_opt(sql, &[id.into()]).await?.map(read).transpose()
}

/// Keeps the code of a contact method, or what has become of it.
///
/// # Errors
/// When the database does not take it.
pub async fn put_contact_code(tx: &mut Tx<'_>, id: ContactMethodId, code: &Code) -> Result<(), DbError> {
    let sql = "UPDATE contact_method SET code_hash = $2, code_sent_at = $3, code_expires_at = $4, code_tries = $5 \
         WHERE id = $1";
    let params = [
        id.into(),
        code.hash.as_deref().into(),
        code.sent_at.into(),
        code.expires_at.into(),
        code.tries.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Removes a contact method by its address, whosever it is: a device that is gone. Says how many that were.
///
/// # Errors
/// When the database does not take it.
pub async fn delete_address(tx: &mut Tx<'_>, channel: Channel, address: &str, now: Timestamp) -> Result<u64, DbError> {
    let sql = "DELETE FROM contact_method WHERE channel = $1 AND address = $2";
    let n = tx.execute(sql, &[channel.word().into(), address.into()]).await?;
    if n > 0 {
        directory::bump(tx, now).await?;
    }
    Ok(n)
}

/// A person's contact method with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn contact_method(
    tx: &mut Tx<'_>,
    user: UserId,
    id: ContactMethodId,
) -> Result<Option<ContactMethodRow>, DbError> {
    let sql = format!("SELECT {METHOD_COLUMNS} FROM contact_method WHERE user_id = $1 AND id = $2");
    let row = tx.query_opt(&sql, &[user.into(), id.into()]).await?;
    row.map(read_method).transpose()
}

/// The ways to reach a person besides their own mail address, in the order in which they were added.
///
/// # Errors
/// When the database cannot answer.
pub async fn contact_methods(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<ContactMethodRow>, DbError> {
    let sql = format!("SELECT {METHOD_COLUMNS} FROM contact_method WHERE user_id = $1 ORDER BY created_at, id");
    let rows = tx.query(&sql, &[user.into()]).await?;
    rows.into_iter().map(read_method).collect()
}

/// Everybody's contact methods, in the order in which they were added.
pub(crate) async fn all_contact_methods(tx: &mut Tx<'_>) -> Result<Vec<ContactMethodRow>, DbError> {
    let sql = format!("SELECT {METHOD_COLUMNS} FROM contact_method ORDER BY created_at, id");
    tx.query(&sql, &[]).await?.into_iter().map(read_method).collect()
}

/// Removes a way to reach a person.
///
/// # Errors
/// The person has no such contact method, or the database cannot take it.
pub async fn delete_contact_method(
    tx: &mut Tx<'_>,
    user: UserId,
    id: ContactMethodId,
    now: Timestamp,
) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "DELETE FROM contact_method WHERE user_id = $1 AND id = $2";
    found("contact method", tx.execute(sql, &[user.into(), id.into()]).await?)
}

/// A person's notification rules, by urgency and in their order.
///
/// # Errors
/// When the database cannot answer.
pub async fn rules(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<RuleRow>, DbError> {
    let sql = format!("SELECT {RULE_COLUMNS} FROM notification_rule WHERE user_id = $1 ORDER BY urgency, position, id");
    let rows = tx.query(&sql, &[user.into()]).await?;
    rows.into_iter().map(read_rule).collect()
}

/// A person's notification rule with this identity.
///
/// # Errors
/// When the database cannot answer.
pub async fn rule(tx: &mut Tx<'_>, user: UserId, id: RuleId) -> Result<Option<RuleRow>, DbError> {
    let sql = format!("SELECT {RULE_COLUMNS} FROM notification_rule WHERE user_id = $1 AND id = $2");
    let row = tx.query_opt(&sql, &[user.into(), id.into()]).await?;
    row.map(read_rule).transpose()
}

/// Everybody's rules, in their order.
pub(crate) async fn all_rules(tx: &mut Tx<'_>) -> Result<Vec<RuleRow>, DbError> {
    let sql = format!("SELECT {RULE_COLUMNS} FROM notification_rule ORDER BY user_id, position, id");
    tx.query(&sql, &[]).await?.into_iter().map(read_rule).collect()
}

/// Adds a rule after the person's others. The person exists: the caller has read them in this unit.
///
/// # Errors
/// When the database cannot take it.
pub async fn insert_rule(tx: &mut Tx<'_>, rule: &RuleRow, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "SELECT CAST(coalesce(max(position), -1) AS BIGINT) FROM notification_rule WHERE user_id = $1";
    let last: i64 = tx.query_one(sql, &[rule.user.into()]).await?.take()?;
    tx.insert_many(&RULES, vec![rule_values(rule, last.saturating_add(1))])
        .await?;
    Ok(())
}

/// Replaces what a rule says; it keeps its place.
///
/// # Errors
/// The person has no such rule, or the database cannot take it.
pub async fn update_rule(tx: &mut Tx<'_>, row: &RuleRow, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "UPDATE notification_rule SET urgency = $3, channel = $4, delay_minutes = $5 \
               WHERE user_id = $1 AND id = $2";
    let rows = tx
        .execute(
            sql,
            &[
                row.user.into(),
                row.id.into(),
                row.rule.urgency.word().into(),
                row.rule.channel.word().into(),
                row.rule.delay_minutes.into(),
            ],
        )
        .await?;
    found("notification rule", rows)
}

/// Replaces all of a person's rules. The person exists: the caller has read them in this unit.
///
/// # Errors
/// When the database cannot take it.
pub async fn replace_rules(
    tx: &mut Tx<'_>,
    user: UserId,
    rules: &[RuleRow],
    now: Timestamp,
) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    tx.execute("DELETE FROM notification_rule WHERE user_id = $1", &[user.into()])
        .await?;
    let rows = (0_i64..).zip(rules).map(|(position, rule)| rule_values(rule, position));
    tx.insert_many(&RULES, rows.collect()).await?;
    Ok(())
}

fn rule_values(row: &RuleRow, position: i64) -> Vec<crate::db::Val> {
    vec![
        row.id.into(),
        row.user.into(),
        row.rule.urgency.word().into(),
        position.into(),
        row.rule.channel.word().into(),
        row.rule.delay_minutes.into(),
    ]
}

/// Removes a rule.
///
/// # Errors
/// The person has no such rule, or the database cannot take it.
pub async fn delete_rule(tx: &mut Tx<'_>, user: UserId, id: RuleId, now: Timestamp) -> Result<(), ChangeError> {
    directory::bump(tx, now).await?;
    let sql = "DELETE FROM notification_rule WHERE user_id = $1 AND id = $2";
    found("notification rule", tx.execute(sql, &[user.into(), id.into()]).await?)
}
