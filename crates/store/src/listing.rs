//! One page of a list: which part is wanted and how texts are searched. Knows no table.

use crate::db::{DbError, Val};

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
    /// Only what holds this text in its name, in any case.
    pub q: Option<&'a str>,
}

impl Part<'static> {
    /// All there is. For what the program itself goes through, not for what is answered.
    pub const ALL: Self = Self {
        limit: i64::MAX,
        offset: 0,
        q: None,
    };
}

impl Part<'_> {
    /// What a lower-case column must be LIKE, with `ESCAPE '\'`.
    pub(crate) fn pattern(&self) -> String {
        match self.q {
            None => "%".to_owned(),
            Some(q) => format!("%{}%", escape_like(&q.trim().to_lowercase())),
        }
    }
}

/// Where a page of a log begins or ends: at the identity of a row, which stays where it is when others come in. Logs
/// are in the order of identities, the newest in front.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edge {
    /// It begins with the newest.
    #[default]
    Start,
    /// It begins after this row.
    After(String),
    /// It ends before this row.
    Before(String),
}

impl Edge {
    /// The condition on the column of identities, to be joined to others.
    pub(crate) fn condition(&self, column: &str, params: &mut Vec<Val>) -> String {
        let (sign, id) = match self {
            Self::Start => return String::new(),
            Self::After(id) => ("<", id),
            Self::Before(id) => (">", id),
        };
        params.push(id.as_str().into());
        format!(" AND {column} {sign} ${}", params.len())
    }

    /// The way in which rows are read.
    pub(crate) const fn way(&self) -> &'static str {
        match self {
            Self::Start | Self::After(_) => "DESC",
            Self::Before(_) => "ASC",
        }
    }
}

/// One page of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window<T> {
    /// Its rows, the newest in front.
    pub rows: Vec<T>,
    /// Before which row the page before ends, where there is one.
    pub previous: Option<String>,
    /// After which row the page after begins, where there is one.
    pub next: Option<String>,
}

/// One page of a log of `limit` rows. `read` reads so many rows from an edge, in its way; `id` is a row's identity.
pub(crate) async fn window<T>(
    edge: &Edge,
    limit: i64,
    mut read: impl AsyncFnMut(&Edge, i64) -> Result<Vec<T>, DbError>,
    id: impl Fn(&T) -> String,
) -> Result<Window<T>, DbError> {
    let most = usize::try_from(limit).unwrap_or_default();
    let wanted = limit.saturating_add(1);
    let mut edge = edge.clone();
    let mut rows = read(&edge, wanted).await?;
    if matches!(edge, Edge::Before(_)) {
        if rows.len() > most {
            rows.truncate(most);
            rows.reverse();
            let (first, last) = (rows.first().map(&id), rows.last().map(&id));
            return Ok(Window {
                rows,
                previous: first,
                next: last,
            });
        }
        // The page before is the first one: it is shown in full.
        edge = Edge::Start;
        rows = read(&edge, wanted).await?;
    }
    let more = rows.len() > most;
    rows.truncate(most);
    Ok(Window {
        previous: rows.first().filter(|_| edge != Edge::Start).map(&id),
        next: rows.last().filter(|_| more).map(&id),
        rows,
    })
}

/// A text in which LIKE finds nothing but the text itself.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_the_signs_of_like_literally() {
        let pattern = |q| Part { q, ..Part::ALL }.pattern();
        assert_eq!(pattern(None), "%");
        assert_eq!(pattern(Some(" 100%_A\\ ")), "%100\\%\\_a\\\\%");
    }
}
