//! Finding incidents by words. How words are cut stands in `domain`; here is how each database keeps them and is asked
//! for them.
//!
//! On PostgreSQL the index is one of the column `words`. On SQLite it is a table of its own, which is written here and
//! not by triggers: a statement with triggers on such a table keeps a journal of its own, and with each one all that
//! was gathered would be written out.

use opsknight_domain::search::Asked;

use super::plan::Sql;
use crate::db::{DbError, Dialect, Insert, Kind, Tx};

static ADDED: Insert = Insert {
    table: "incident_word",
    columns: &[("rowid", Kind::Int), ("words", Kind::Text)],
    tail: "",
};

static REMOVED: Insert = Insert {
    table: "incident_word",
    columns: &[
        ("incident_word", Kind::Text),
        ("rowid", Kind::Int),
        ("words", Kind::Text),
    ],
    tail: "",
};

/// New incidents by number are to be found by these words.
///
/// # Errors
/// When the database cannot take it.
pub async fn add_words(tx: &mut Tx<'_>, new: Vec<(i64, String)>) -> Result<(), DbError> {
    if tx.dialect() == Dialect::Postgres {
        return Ok(());
    }
    let rows = new.into_iter().map(|(number, words)| vec![number.into(), words.into()]);
    tx.insert_many(&ADDED, rows.collect()).await.map(drop)
}

/// Known incidents by number are to be found by these words, and not by those that they were written with: to be called
/// before they are written anew.
///
/// # Errors
/// When the database cannot take it.
pub async fn change_words(tx: &mut Tx<'_>, known: Vec<(i64, String)>) -> Result<(), DbError> {
    if tx.dialect() == Dialect::Postgres || known.is_empty() {
        return Ok(());
    }
    let keys = known.iter().map(|(number, _)| vec![(*number).into()]).collect();
    let sql = "SELECT words FROM incident WHERE number = $1";
    let before: Vec<Option<String>> = tx.find_each(sql, keys, |mut row| row.take()).await?;
    let changed = known.into_iter().zip(before);
    let changed = changed
        .filter_map(|((number, words), before)| Some((number, before.filter(|before| *before != words)?, words)));
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for (number, before, words) in changed {
        removed.push(vec!["delete".into(), number.into(), before.into()]);
        added.push((number, words));
    }
    tx.insert_many(&REMOVED, removed).await?;
    add_words(tx, added).await
}

/// What a column of words must be LIKE, word by word. Words are letters and digits alone: none of the signs of LIKE is
/// in them.
pub(super) fn pattern(asked: &Asked) -> String {
    let end = if asked.prefix { "" } else { " " };
    format!("% {}{end}%", asked.word)
}

/// Which of all that match are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// How many at most.
    pub(super) most: i64,
    /// The first ones instead of the last.
    pub(super) ascending: bool,
    /// Only beyond this number.
    pub(super) beyond: Option<i64>,
}

impl End {
    fn clause(self, column: &str) -> (String, String) {
        let (sign, way) = if self.ascending { (">", "ASC") } else { ("<", "DESC") };
        let beyond = self
            .beyond
            .map_or_else(String::new, |number| format!(" AND {column} {sign} {number}"));
        (beyond, format!(" ORDER BY {column} {way} LIMIT {}", self.most))
    }
}

/// A table of the numbers of the incidents that have all these words; none where there is no word to look for.
pub(super) fn matches(dialect: Dialect, asked: &[Asked], end: Option<End>, sql: &mut Sql) -> Option<String> {
    if asked.is_empty() {
        return None;
    }
    let clause = |column: &str| end.map(|end| end.clause(column)).unwrap_or_default();
    Some(match dialect {
        Dialect::Sqlite => {
            let word = |asked: &Asked| format!("\"{}\"{}", asked.word, if asked.prefix { "*" } else { "" });
            let words: Vec<String> = asked.iter().map(word).collect();
            let place = sql.place(words.join(" "));
            let (beyond, order) = clause("rowid");
            format!("SELECT rowid AS number FROM incident_word WHERE incident_word MATCH {place}{beyond}{order}")
        }
        Dialect::Postgres => {
            let word = |asked: &Asked| format!("'{}'{}", asked.word, if asked.prefix { ":*" } else { "" });
            let words: Vec<String> = asked.iter().map(word).collect();
            let place = sql.place(words.join(" & "));
            let (beyond, order) = clause("number");
            // Found by the index first and ordered then: the other way round all incidents might be gone through.
            format!(
                "WITH found AS MATERIALIZED (SELECT w.number FROM incident w WHERE \
                 array_to_tsvector(string_to_array(btrim(w.words), ' ')) @@ CAST(CAST({place} AS TEXT) AS tsquery)) \
                 SELECT number FROM found WHERE TRUE{beyond}{order}"
            )
        }
    })
}
