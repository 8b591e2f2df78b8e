//! Pages of a list that go on from a row, so that they stay what they are when others come in; for people, who need no
//! exact number of what is very much.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use opsknight_domain::{
    incident::Status,
    search::{self, Asked},
    urgency::Urgency,
};

use super::{
    Filter, Listed, Sort,
    list::numbered,
    lookup::{self, End},
    plan::{self, Sql},
};
use crate::db::{DbError, Row, Tx};

/// Up to how many incidents are counted for a page.
pub const COUNT_MAX: i64 = 5_000;
/// How many rows of a list are looked through for words before the index of words is asked: what is common stands on
/// them, and what is rare has few entries there.
const SCAN_ROWS: i64 = 1_000;
/// A word is common, and the index of words is not asked for it, when one row of so many has it.
const COMMON_IN: i64 = 10;
/// How many incidents the index of words gives at most: of a list by time the next ones, of others the last ones.
const MATCHES_MAX: i64 = 1_000;
/// How often it is asked for one page.
const ROUNDS_MAX: usize = 5;

/// A row's place in a list: what the list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The urgency, in a list by urgency.
    pub urgency: Option<Urgency>,
    /// The time, in microseconds.
    pub at: i64,
    /// The number.
    pub number: i64,
}

impl Cursor {
    fn of(row: &Listed, sort: Sort) -> Self {
        let incident = &row.incident;
        let at: Timestamp = match sort {
            Sort::UpdatedAt => incident.updated_at,
            Sort::CreatedAt | Sort::Urgency | Sort::Number => incident.created_at,
        };
        Self {
            urgency: (sort == Sort::Urgency).then_some(incident.urgency),
            at: at.as_microsecond(),
            number: incident.number,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urgency, at, number } = self;
        if let Some(urgency) = urgency {
            write!(f, "{}.", urgency.word())?;
        }
        write!(f, "{at}.{number}")
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "is not a place in this list".to_owned();
        let parts: Vec<&str> = text.split('.').collect();
        let (urgency, at, number) = match parts.as_slice() {
            [at, number] => (None, at, number),
            [urgency, at, number] => (Some(Urgency::from_word(urgency).ok_or_else(wrong)?), at, number),
            _ => return Err(wrong()),
        };
        Ok(Self {
            urgency,
            at: at.parse().map_err(|_| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
        })
    }
}

/// Where a page begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// It is the first.
    #[default]
    Start,
    /// It begins after this row.
    After(Cursor),
    /// It ends before this row.
    Before(Cursor),
}

/// How many incidents are in a list, as far as they were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(i64),
    /// More than so many.
    MoreThan(i64),
    /// Nobody has counted.
    Unknown,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Its rows.
    pub rows: Vec<Listed>,
    /// Before which row the page before ends.
    pub previous: Option<Cursor>,
    /// After which row the page after begins.
    pub next: Option<Cursor>,
    /// How many are in the whole list.
    pub total: Total,
}

/// One page of incidents. The filter's offset is not looked at, and by number there is no page: that is the order of
/// time.
///
/// # Errors
/// When the database cannot answer.
pub async fn page(tx: &mut Tx<'_>, filter: &Filter, from: From) -> Result<Slice, DbError> {
    let from = fitting(filter, from);
    let limit = usize::try_from(filter.limit).unwrap_or_default();
    if let From::Before(cursor) = from {
        let back = Filter {
            ascending: !filter.ascending,
            ..filter.clone()
        };
        let (mut numbers, _) = found(tx, &back, Some(&cursor)).await?;
        if numbers.len() > limit {
            numbers.truncate(limit);
            numbers.reverse();
            let rows = numbered(tx, &numbers).await?;
            let total = total(tx, filter, Total::Unknown).await?;
            return Ok(slice(filter, rows, true, true, total));
        }
        // The page before is the first one: it is shown in full.
    }
    let after = match from {
        From::After(cursor) => Some(cursor),
        From::Start | From::Before(_) => None,
    };
    let (mut numbers, seen) = found(tx, filter, after.as_ref()).await?;
    let more = numbers.len() > limit;
    numbers.truncate(limit);
    let rows = numbered(tx, &numbers).await?;
    let seen = if after.is_some() { Total::Unknown } else { seen };
    let total = total(tx, filter, seen).await?;
    Ok(slice(filter, rows, after.is_some(), more, total))
}

/// The numbers of a part near the beginning of what very many incidents match by words: found without putting all of them
/// in order. None where that does not find enough.
pub(super) async fn beginning(tx: &mut Tx<'_>, filter: &Filter, total: i64) -> Result<Option<Vec<i64>>, DbError> {
    let end = filter.offset.saturating_add(filter.limit);
    if filter.q.is_none() || filter.sort == Sort::Number || total <= SCAN_ROWS || end > SCAN_ROWS {
        return Ok(None);
    }
    let first = Filter {
        limit: end,
        offset: 0,
        ..filter.clone()
    };
    let (mut numbers, _) = found(tx, &first, None).await?;
    if length(&numbers) < end.min(total) {
        return Ok(None);
    }
    numbers.truncate(usize::try_from(end).unwrap_or_default());
    Ok(Some(
        numbers.split_off(usize::try_from(filter.offset).unwrap_or_default()),
    ))
}

/// A cursor of a list with another order is none.
fn fitting(filter: &Filter, from: From) -> From {
    match from {
        From::After(cursor) | From::Before(cursor) if cursor.urgency.is_some() != (filter.sort == Sort::Urgency) => {
            From::Start
        }
        from => from,
    }
}

fn slice(filter: &Filter, rows: Vec<Listed>, previous: bool, next: bool, total: Total) -> Slice {
    let cursor = |row: Option<&Listed>, wanted: bool| row.filter(|_| wanted).map(|row| Cursor::of(row, filter.sort));
    Slice {
        previous: cursor(rows.first(), previous),
        next: cursor(rows.last(), next),
        rows,
        total,
    }
}

async fn total(tx: &mut Tx<'_>, filter: &Filter, seen: Total) -> Result<Total, DbError> {
    if filter.q.is_some() {
        return Ok(seen);
    }
    let count = plan::count(tx, filter, Some(COUNT_MAX + 1)).await?;
    Ok(if count > COUNT_MAX {
        Total::MoreThan(COUNT_MAX)
    } else {
        Total::Exactly(count)
    })
}

/// The numbers of a page and of one more row, if there is one; and for words how many rows have them.
async fn found(tx: &mut Tx<'_>, filter: &Filter, after: Option<&Cursor>) -> Result<(Vec<i64>, Total), DbError> {
    let wanted = filter.limit.saturating_add(1);
    let Some(q) = &filter.q else {
        return Ok((plan::numbers(tx, filter, after, wanted, 0).await?, Total::Unknown));
    };
    let asked = search::asked(q);
    if asked.is_empty() {
        return Ok((Vec::new(), Total::Exactly(0)));
    }
    let mut sql = Sql::default();
    let rows = plan::rows(filter, after, SCAN_ROWS, &mut sql);
    let words: Vec<String> = asked
        .iter()
        .enumerate()
        .map(|(n, word)| flag(n, word, &mut sql))
        .collect();
    let (words, order) = (words.join(" + "), plan::order_of_rows(filter, "list"));
    let text = format!(
        "SELECT list.number, {words} FROM \
         (SELECT rank, at, number FROM ({rows}) AS list ORDER BY {order} LIMIT {SCAN_ROWS}) AS list \
         CROSS JOIN incident i WHERE i.number = list.number ORDER BY {order}"
    );
    let seen = Seen::read(tx.query(&text, sql.params()).await?)?;
    let mut numbers = seen.having((1 << asked.len()) - 1);
    let all = seen.count() < SCAN_ROWS;
    if all || length(&numbers) >= wanted {
        let total = counted(&numbers, all);
        numbers.truncate(usize::try_from(wanted).unwrap_or_default());
        return Ok((numbers, total));
    }
    let common = |n: usize| length(&seen.having(1 << n)) * COMMON_IN >= seen.count();
    let (common, rare): (Vec<_>, Vec<_>) = asked.into_iter().enumerate().partition(|(n, _)| common(*n));
    let words = |words: Vec<(usize, Asked)>| words.into_iter().map(|(_, word)| word).collect::<Vec<_>>();
    let (common, rare) = (words(common), words(rare));
    // Each may be common and all together rare.
    let (common, rare) = if rare.is_empty() {
        (rare, common)
    } else {
        (common, rare)
    };
    by_index(tx, filter, &rare, &common, after).await
}

/// Two to the power of `n` where an incident has the word, or nothing.
fn flag(n: usize, word: &Asked, sql: &mut Sql) -> String {
    let place = sql.place(lookup::pattern(word));
    format!("CASE WHEN i.words LIKE {place} THEN {} ELSE 0 END", 1 << n)
}

/// The rows that were looked through, in their order, each with flags of what it has.
struct Seen(Vec<(i64, i64)>);

impl Seen {
    fn read(rows: Vec<Row>) -> Result<Self, DbError> {
        let read = |mut row: Row| Ok((row.take()?, row.take()?));
        rows.into_iter().map(read).collect::<Result<_, DbError>>().map(Self)
    }

    fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// The numbers of the rows that have all these flags.
    fn having(&self, flags: i64) -> Vec<i64> {
        let with = self.0.iter().filter(|(_, has)| has & flags == flags);
        with.map(|(number, _)| *number).collect()
    }
}

fn length(numbers: &[i64]) -> i64 {
    i64::try_from(numbers.len()).unwrap_or(i64::MAX)
}

fn counted(numbers: &[i64], all: bool) -> Total {
    let count = length(numbers);
    if all {
        Total::Exactly(count)
    } else {
        Total::MoreThan(count)
    }
}

/// The same from the index of words: there the rare words are looked up, and the common ones in what it finds.
async fn by_index(
    tx: &mut Tx<'_>,
    filter: &Filter,
    rare: &[Asked],
    common: &[Asked],
    after: Option<&Cursor>,
) -> Result<(Vec<i64>, Total), DbError> {
    let wanted = usize::try_from(filter.limit.saturating_add(1)).unwrap_or_default();
    if !filter.statuses.is_empty() && !filter.statuses.contains(&Status::Resolved) {
        let mut numbers = among_unresolved(tx, filter, rare, common, after).await?;
        let total = counted(&numbers, true);
        numbers.truncate(wanted);
        return Ok((numbers, total));
    }
    // Numbers are given in the order of time, so that a list by time can go on behind what was looked through.
    let by_time = filter.sort == Sort::CreatedAt;
    let mut beyond = after.filter(|_| by_time).map(|cursor| cursor.number);
    let mut numbers = Vec::new();
    for _ in 0..if by_time { ROUNDS_MAX } else { 1 } {
        let end = End {
            most: MATCHES_MAX,
            ascending: by_time && filter.ascending,
            beyond,
        };
        let seen = round(tx, filter, (rare, common), after, end).await?;
        numbers.extend(seen.having(1));
        if seen.count() < MATCHES_MAX || numbers.len() >= wanted {
            let total = counted(&numbers, seen.count() < MATCHES_MAX);
            numbers.truncate(wanted);
            return Ok((numbers, total));
        }
        beyond = seen.0.last().map(|(number, _)| *number);
    }
    let total = counted(&numbers, false);
    Ok((numbers, total))
}

/// What some entries of the index of words have of the rest, in the order of the list.
async fn round(
    tx: &mut Tx<'_>,
    filter: &Filter,
    (rare, common): (&[Asked], &[Asked]),
    after: Option<&Cursor>,
    end: End,
) -> Result<Seen, DbError> {
    let mut sql = Sql::default();
    let Some(matches) = lookup::matches(tx.dialect(), rare, Some(end), &mut sql) else {
        return Ok(Seen(Vec::new()));
    };
    let mut condition = plan::condition(filter, &mut sql) + &likes(common, &mut sql);
    if let Some(cursor) = after {
        condition.push_str(&plan::after_cursor(filter, cursor, &mut sql));
    }
    let order = match filter.sort {
        Sort::CreatedAt if filter.ascending => "i.number".to_owned(),
        Sort::CreatedAt => "i.number DESC".to_owned(),
        Sort::UpdatedAt | Sort::Urgency | Sort::Number => plan::order_of_incidents(filter),
    };
    let text = format!(
        "SELECT i.number, CASE WHEN {condition} THEN 1 ELSE 0 END FROM ({matches}) AS m CROSS JOIN incident i \
         WHERE i.number = m.number ORDER BY {order}"
    );
    Seen::read(tx.query(&text, sql.params()).await?)
}

fn likes(words: &[Asked], sql: &mut Sql) -> String {
    let like = |word: &Asked| format!(" AND i.words LIKE {}", sql.place(lookup::pattern(word)));
    words.iter().map(like).collect()
}

/// The numbers of all that are in the list and have the words, where the list is of what is not resolved: those are few.
async fn among_unresolved(
    tx: &mut Tx<'_>,
    filter: &Filter,
    rare: &[Asked],
    common: &[Asked],
    after: Option<&Cursor>,
) -> Result<Vec<i64>, DbError> {
    let mut sql = Sql::default();
    let rows = plan::rows(filter, after, i64::MAX, &mut sql);
    let Some(matches) = lookup::matches(tx.dialect(), rare, None, &mut sql) else {
        return Ok(Vec::new());
    };
    let likes = likes(common, &mut sql);
    let order = plan::order_of_rows(filter, "list");
    let text = format!(
        "SELECT list.number FROM ({rows}) AS list CROSS JOIN incident i WHERE list.number IN ({matches}) \
         AND i.number = list.number{likes} ORDER BY {order}"
    );
    let rows = tx.query(&text, sql.params()).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for text in ["1780315200000000.7", "HIGH.-5.1847"] {
            assert_eq!(
                text.parse::<Cursor>().map(|cursor| cursor.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in [
            "",
            "1",
            "1.2.3",
            "HIGH.1",
            "high.1.2",
            "1.x",
            "99999999999999999999.1",
            "HIGH.1.2.3",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
