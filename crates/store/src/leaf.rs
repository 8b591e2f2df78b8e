//! Leafing through a log that grows at its head: a leaf is found by the identity at its edge, so that it stays the same
//! while rows arrive, and the ten thousandth costs as much as the first. Knows no table.

use crate::db::Val;

/// Which leaf of a log is wanted; identities are made in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edge {
    /// The newest.
    #[default]
    Newest,
    /// Those right before this one.
    OlderThan(String),
    /// Those right after this one.
    NewerThan(String),
}

/// A leaf, the newest row in front.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// There are newer ones.
    pub newer: bool,
    /// There are older ones.
    pub older: bool,
}

impl Edge {
    /// The end of a statement whose condition stands already: `column` holds the identity. One row more than `limit` is
    /// asked for, which tells whether there are more.
    pub(crate) fn clause(&self, column: &str, limit: i64, params: &mut Vec<Val>) -> String {
        let (sign, way, id) = match self {
            Self::Newest => ("", "DESC", None),
            Self::OlderThan(id) => ("<", "DESC", Some(id)),
            Self::NewerThan(id) => (">", "ASC", Some(id)),
        };
        let edge = id.map_or_else(String::new, |id| {
            params.push(id.as_str().into());
            format!(" AND {column} {sign} ${}", params.len())
        });
        params.push(limit.saturating_add(1).into());
        format!("{edge} ORDER BY {column} {way} LIMIT ${}", params.len())
    }

    /// What was found for such a statement, as a leaf.
    pub(crate) fn leaf<T>(&self, mut rows: Vec<T>, limit: i64) -> Leaf<T> {
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let (newer, older) = match self {
            Self::Newest => (false, more),
            Self::OlderThan(_) => (true, more),
            Self::NewerThan(_) => {
                rows.reverse();
                (more, true)
            }
        };
        Leaf { rows, newer, older }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_more_tells_whether_there_are_more() {
        let leaf = |edge: Edge, rows: &[i32]| {
            let leaf = edge.leaf(rows.to_vec(), 2);
            (leaf.rows, leaf.newer, leaf.older)
        };
        assert_eq!(leaf(Edge::Newest, &[9, 8, 7]), (vec![9, 8], false, true));
        assert_eq!(leaf(Edge::Newest, &[9]), (vec![9], false, false));
        assert_eq!(leaf(Edge::OlderThan("8".into()), &[7, 6]), (vec![7, 6], true, false));
        assert_eq!(leaf(Edge::NewerThan("6".into()), &[7, 8, 9]), (vec![8, 7], true, true));
    }
}
