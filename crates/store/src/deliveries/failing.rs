//! What could not be sent lately, by channel: for the banner on pages and for the page about this system.

use jiff::Timestamp;

use crate::db::{DbError, Tx};

/// A channel on which messages were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Which: `SMS`, or `WEBHOOK`.
    pub channel: String,
    /// How many messages.
    pub count: i64,
    /// When the first of them was given up.
    pub first_at: Timestamp,
    /// How the last of them ended, in the provider's words.
    pub words: String,
}

/// The channels on which messages were given up since then, those with the most first.
///
/// # Errors
/// When the database cannot answer.
pub async fn failing(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<Failing>, DbError> {
    let sql = "SELECT channel, count(*), min(finished_at) FROM delivery WHERE state = 'FAILED' AND finished_at >= $1 \
         GROUP BY channel ORDER BY count(*) DESC, channel";
    let mut all = Vec::new();
    for mut row in tx.query(sql, &[since.into()]).await? {
        all.push(Failing {
            channel: row.take()?,
            count: row.take()?,
            first_at: row.take()?,
            words: String::new(),
        });
    }
    let sql = "SELECT outcome FROM delivery WHERE state = 'FAILED' AND finished_at >= $1 AND channel = $2 \
         ORDER BY finished_at DESC LIMIT 1";
    for failing in &mut all {
        let last = tx
            .query_opt(sql, &[since.into(), failing.channel.as_str().into()])
            .await?;
        let words: Option<Option<String>> = last.map(|mut row| row.take()).transpose()?;
        failing.words = words.flatten().unwrap_or_default();
    }
    Ok(all)
}
