//! How often senders and people did something lately: counted in memory for an embedded database, which one program
//! serves, and in a table for PostgreSQL, where all replicas count together.
//!
//! Counting is not to cost more than what is counted: tries that come while others are being counted are counted
//! together in one transaction, which does not wait for the disk, and who was refused is refused from memory until the next
//! try is due. What is allowed is the domain's to say.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::allowance::{self, Quota, Taken};
use tokio::sync::oneshot;

use crate::db::{Db, DbError, Dialect, Insert, Kind, Tx};

/// Most keys that are remembered in memory; beyond it those that are full again are forgotten, then the oldest.
pub const KEYS_MAX: usize = 10_000;
/// Most tries that are counted in one transaction.
const BATCH_MAX: usize = 512;
/// How often a try is counted anew because whoever was counting it went away.
const TURNS_MAX: usize = 3;
/// How long it is remembered that somebody was refused.
const REFUSALS_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// What is known of one key.
#[derive(Debug, Clone, Copy)]
struct Level {
    full_at: Timestamp,
    refused_at: Option<Timestamp>,
}

/// The tries of all keys. Clones share them.
#[derive(Clone)]
pub struct Allowances {
    /// Of everybody, or only of who was refused where a table knows the rest.
    memory: Arc<Mutex<HashMap<String, Level>>>,
    shared: Option<Arc<Shared>>,
}

impl fmt::Debug for Allowances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowances")
            .field("shared", &self.shared.is_some())
            .finish_non_exhaustive()
    }
}

/// Tries that are counted in the database.
struct Shared {
    db: Db,
    waiting: Mutex<Vec<Asked>>,
    /// Whoever holds it counts for all who wait.
    turn: tokio::sync::Mutex<()>,
}

/// One try.
#[derive(Clone)]
struct Try {
    key: String,
    quota: Quota,
    now: Timestamp,
}

struct Asked {
    try_: Try,
    answer: oneshot::Sender<Result<Taken, DbError>>,
}

impl Allowances {
    /// Everybody has all of their tries, as far as this database knows.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let shared = match db.dialect() {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some(Arc::new(Shared {
                db: db.clone(),
                waiting: Mutex::default(),
                turn: tokio::sync::Mutex::default(),
            })),
        };
        Self {
            memory: Arc::default(),
            shared,
        }
    }

    /// Takes one try, or says when the next one will be.
    ///
    /// # Errors
    /// When the database cannot count it.
    pub async fn take(&self, key: &str, quota: Quota, now: Timestamp) -> Result<Taken, DbError> {
        let Some(shared) = &self.shared else {
            let mut memory = locked(&self.memory);
            let before = memory.get(key).copied();
            let taken = allowance::take(before.map(|level| level.full_at), quota, now);
            let refused_at = match taken.refused_until {
                Some(_) => Some(now),
                None => before.and_then(|level| level.refused_at),
            };
            remember(&mut memory, key, taken.full_at, refused_at, now);
            return Ok(taken);
        };
        if let Some(refused) = self.refused(key, quota, now) {
            return Ok(refused);
        }
        let key = key.to_owned();
        let taken = shared
            .take(&Try {
                key: key.clone(),
                quota,
                now,
            })
            .await?;
        let mut memory = locked(&self.memory);
        match taken.refused_until {
            Some(_) => remember(&mut memory, &key, taken.full_at, Some(now), now),
            None => drop(memory.remove(&key)),
        }
        Ok(taken)
    }

    /// Others can only have taken more since.
    fn refused(&self, key: &str, quota: Quota, now: Timestamp) -> Option<Taken> {
        let level = locked(&self.memory).get(key).copied()?;
        let again = allowance::take(Some(level.full_at), quota, now);
        again.refused_until.map(|_| again)
    }

    /// Gives all tries back.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn forgive(&self, key: &str) -> Result<(), DbError> {
        locked(&self.memory).remove(key);
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let key = key.to_owned();
        let unit = async move |tx: &mut Tx<'_>| {
            let sql = "DELETE FROM allowance WHERE key = $1";
            tx.execute(sql, &[key.as_str().into()]).await.map(drop)
        };
        shared.db.write(unit).await
    }

    /// When a try was last refused, as long as that is remembered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn refused_at(&self, key: &str) -> Result<Option<Timestamp>, DbError> {
        let Some(shared) = &self.shared else {
            return Ok(locked(&self.memory).get(key).and_then(|level| level.refused_at));
        };
        let key = key.to_owned();
        let unit = async move |tx: &mut Tx<'_>| {
            let sql = "SELECT refused_at FROM allowance WHERE key = $1";
            match tx.query_opt(sql, &[key.as_str().into()]).await? {
                Some(mut row) => row.take(),
                None => Ok(None),
            }
        };
        shared.db.read(unit).await
    }
}

/// Forgets who has had all of their tries again for a while.
///
/// # Errors
/// When the database does not take it.
pub async fn forget(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    let before = now.saturating_sub(REFUSALS_KEPT).unwrap_or(Timestamp::MIN);
    tx.execute("DELETE FROM allowance WHERE full_at < $1", &[before.into()])
        .await
}

impl Shared {
    /// Whoever comes first counts for all who have come until it is their turn.
    async fn take(&self, try_: &Try) -> Result<Taken, DbError> {
        for _ in 0..TURNS_MAX {
            let (answer, mut answered) = oneshot::channel();
            let try_ = try_.clone();
            locked(&self.waiting).push(Asked { try_, answer });
            let _turn = self.turn.lock().await;
            match answered.try_recv() {
                Ok(taken) => return taken,
                Err(oneshot::error::TryRecvError::Empty) => self.count_waiting().await,
                // Whoever counted this one was told to stop.
                Err(oneshot::error::TryRecvError::Closed) => {}
            }
            if let Ok(taken) = answered.try_recv() {
                return taken;
            }
        }
        Err(DbError::other("nobody counted a try"))
    }

    async fn count_waiting(&self) {
        let mut asked = std::mem::take(&mut *locked(&self.waiting));
        while !asked.is_empty() {
            let later = asked.split_off(asked.len().min(BATCH_MAX));
            let tries: Vec<Try> = asked.iter().map(|asked| asked.try_.clone()).collect();
            let counted = self.db.write(async move |tx| count(tx, &tries).await).await;
            for (place, asked) in asked.into_iter().enumerate() {
                let taken = counted.as_ref().map(|taken| taken[place]).map_err(Clone::clone);
                // Whoever asked may be gone.
                let _gone = asked.answer.send(taken);
            }
            asked = later;
        }
    }
}

static LEVELS: Insert = Insert {
    table: "allowance",
    columns: &[("key", Kind::Text), ("full_at", Kind::Int), ("refused_at", Kind::Int)],
    tail: "ON CONFLICT (key) DO UPDATE SET full_at = excluded.full_at, \
           refused_at = coalesce(excluded.refused_at, allowance.refused_at)",
};

/// Counts these tries in their order. Keys are held in one order, so that replicas do not wait for each other in a ring.
/// What a crash of the database server forgets of it is a moment's tries, so nobody waits for the disk.
async fn count(tx: &mut Tx<'_>, tries: &[Try]) -> Result<Vec<Taken>, DbError> {
    let hold = "WITH quick AS (SELECT set_config('synchronous_commit', 'off', true) AS word) \
        INSERT INTO allowance (key, full_at) SELECT $1, $2 FROM quick WHERE word <> '' \
        ON CONFLICT (key) DO UPDATE SET full_at = allowance.full_at RETURNING full_at";
    let mut levels: BTreeMap<&str, Level> = BTreeMap::new();
    for Try { key, now, .. } in tries {
        levels.entry(key).or_insert(Level {
            full_at: *now,
            refused_at: None,
        });
    }
    let asked = levels
        .iter()
        .map(|(key, level)| vec![(*key).into(), level.full_at.into()]);
    let found = tx.query_each(hold, asked.collect()).await?;
    for (level, rows) in levels.values_mut().zip(found) {
        if let Some(mut row) = rows.into_iter().next() {
            level.full_at = row.take()?;
        }
    }
    let mut counted = Vec::with_capacity(tries.len());
    for Try { key, quota, now } in tries {
        let level = levels.get_mut(key.as_str()).expect("each key was asked for");
        let taken = allowance::take(Some(level.full_at), *quota, *now);
        level.full_at = taken.full_at;
        level.refused_at = taken.refused_until.map(|_| *now).or(level.refused_at);
        counted.push(taken);
    }
    let rows = levels
        .iter()
        .map(|(key, level)| vec![(*key).into(), level.full_at.into(), level.refused_at.into()]);
    tx.insert_many(&LEVELS, rows.collect()).await?;
    Ok(counted)
}

fn remember(
    memory: &mut HashMap<String, Level>,
    key: &str,
    full_at: Timestamp,
    refused_at: Option<Timestamp>,
    now: Timestamp,
) {
    if memory.len() >= KEYS_MAX && !memory.contains_key(key) {
        make_room(memory, now);
    }
    memory.insert(key.to_owned(), Level { full_at, refused_at });
}

fn make_room(memory: &mut HashMap<String, Level>, now: Timestamp) {
    memory.retain(|_, level| level.full_at > now);
    if memory.len() < KEYS_MAX {
        return;
    }
    let oldest = memory
        .iter()
        .min_by_key(|(_, level)| level.full_at)
        .map(|(key, _)| key.clone());
    if let Some(key) = oldest {
        memory.remove(&key);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_forgets_who_has_all_tries_first() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut memory = HashMap::new();
        remember(&mut memory, "full again", at(1), None, at(0));
        for n in 1..KEYS_MAX {
            remember(&mut memory, &n.to_string(), at(100), None, at(0));
        }
        remember(&mut memory, "one more", at(101), None, at(2));
        assert_eq!((memory.len(), memory.contains_key("full again")), (KEYS_MAX, false));
        remember(&mut memory, "and another", at(101), None, at(2));
        assert_eq!((memory.len(), memory.contains_key("one more")), (KEYS_MAX, true));
    }
}
