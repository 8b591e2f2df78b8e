//! Which messages are sent next: those that are due, leased for one try each, line by line.
//!
//! Pages to one address that come close together are leased together and go as one message; when, is
//! [`paging::not_before`]'s to say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use opsknight_domain::{
    id::{DeliveryId, WebhookId},
    paging,
    urgency::Urgency,
};

use super::{LEASED, Leased, leased, pause};
use crate::{
    db::{DbError, Row, Tx, Val},
    incidents::word,
};

/// Most pages that go as one message.
const BUNDLE_MAX: i64 = 2_000;
/// How many times a line is looked at in one transaction: each time what may not go yet is put off.
const LOOKS_MAX: usize = 8;
/// Most messages that are looked back on.
const LOOK_BACK_MAX: i64 = 20;

/// Messages that wait in one line. Each webhook has its own, so that one that is slow holds up nobody else, and what
/// merely tells people something never stands before what calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// What calls people, and what concerns their accounts.
    Pages,
    /// What tells people and rooms something, and what mends messages of before.
    News,
    /// To one outbound webhook.
    Webhook(WebhookId),
}

/// From each lane, takes up to so many messages that are due, those that wait longest first, for one try each. Those
/// that belong into one message stand together, the one whose identity it carries first.
///
/// # Errors
/// When the database does not take it.
pub async fn lease(
    tx: &mut Tx<'_>,
    lanes: &[(Lane, i64)],
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Vec<Leased>>, DbError> {
    // The few messages of the incident are looked through, never the many of the webhook: coalesce keeps its index out.
    // A message about an incident waits for the one before it at the same place, until that was tried once: so a room
    // hears of things in their order, and one that fails holds up no other.
    let news = format!(
        "UPDATE delivery SET state = 'SENDING', tries = tries + 1, lease_until = $1 WHERE id IN \
         (SELECT d.id FROM delivery d WHERE d.state = 'PENDING' AND d.purpose IN ('NOTICE', 'EDIT') AND d.due_at <= $2 \
          AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.incident_id = d.incident_id AND e.id < d.id \
              AND e.purpose = d.purpose AND e.channel = d.channel AND e.address = d.address \
              AND (e.state = 'SENDING' OR (e.state = 'PENDING' AND e.tries = 0))) \
          ORDER BY d.due_at LIMIT $3 {{skip}}) RETURNING {LEASED}"
    );
    let webhook = format!(
        "UPDATE delivery SET state = 'SENDING', tries = tries + 1, lease_until = $1 WHERE id IN \
         (SELECT d.id FROM delivery d WHERE d.state = 'PENDING' AND d.webhook_id = $4 AND d.webhook_id IS NOT NULL \
          AND d.due_at <= $2 \
          AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.incident_id = d.incident_id AND e.id < d.id \
              AND coalesce(e.webhook_id, '') = d.webhook_id \
              AND (e.state = 'SENDING' OR (e.state = 'PENDING' AND e.tries = 0))) \
          ORDER BY d.due_at LIMIT $3 {{skip}}) RETURNING {LEASED}"
    );
    pause::keep(tx, now).await?;
    let mut groups = Vec::new();
    let mut rows = Vec::new();
    let mut asked = Vec::new();
    for (lane, limit) in lanes {
        match lane {
            Lane::Pages => groups.extend(lease_pages(tx, *limit, now, until).await?),
            Lane::News => rows.extend(tx.query(&news, &[until.into(), now.into(), (*limit).into()]).await?),
            Lane::Webhook(id) => asked.push(vec![until.into(), now.into(), (*limit).into(), (*id).into()]),
        }
    }
    rows.extend(tx.query_each(&webhook, asked).await?.into_iter().flatten());
    let mut single = rows.into_iter().map(leased).collect::<Result<Vec<_>, _>>()?;
    single.sort_by_key(|delivery| delivery.id);
    groups.extend(single.into_iter().map(|delivery| vec![delivery]));
    Ok(groups)
}

/// An address on a channel: `SMS`, `+14155550100`.
type Place = (String, String);

/// What waits for one address: the most urgent of it, one of them, and how many were seen.
struct Waiting {
    urgency: Urgency,
    one: DeliveryId,
    seen: usize,
}

async fn lease_pages(
    tx: &mut Tx<'_>,
    limit: i64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Vec<Leased>>, DbError> {
    let due = "SELECT id, purpose, channel, address, urgency FROM delivery \
         WHERE state = 'PENDING' AND purpose IN ('PAGE', 'ACCOUNT') AND due_at <= $1 ORDER BY due_at LIMIT $2 {skip}";
    let mut groups = Vec::new();
    for _ in 0..LOOKS_MAX {
        let room = limit - i64::try_from(groups.len()).unwrap_or(limit);
        let rows = tx.query(due, &[now.into(), room.into()]).await?;
        if room <= 0 || rows.is_empty() {
            break;
        }
        let all_seen = i64::try_from(rows.len()).is_ok_and(|n| n < room);
        let (accounts, pages) = sort(rows)?;
        groups.extend(lease_accounts(tx, &accounts, until).await?);
        for (place, waiting) in pages {
            let at = paging::not_before(&recent(tx, &place, now).await?, waiting.urgency, now);
            if at > now {
                put_off(tx, &place, waiting.urgency, now, at).await?;
            } else {
                let leader = if all_seen && waiting.seen == 1 {
                    Some(waiting.one)
                } else {
                    None
                };
                groups.extend(lease_bundle(tx, &place, leader, now, until).await?);
            }
        }
        if all_seen {
            break;
        }
    }
    Ok(groups)
}

/// Account messages go one by one; pages by their address.
fn sort(rows: Vec<Row>) -> Result<(Vec<DeliveryId>, BTreeMap<Place, Waiting>), DbError> {
    let mut accounts = Vec::new();
    let mut pages: BTreeMap<Place, Waiting> = BTreeMap::new();
    for mut row in rows {
        let id: DeliveryId = row.take()?;
        if row.take::<String>()? == "ACCOUNT" {
            accounts.push(id);
            continue;
        }
        let place = (row.take()?, row.take::<Option<String>>()?.unwrap_or_default());
        let urgency = word(&mut row, "delivery.urgency", Urgency::from_word)?;
        let waiting = pages.entry(place).or_insert(Waiting {
            urgency,
            one: id,
            seen: 0,
        });
        waiting.urgency = waiting.urgency.max(urgency);
        waiting.seen += 1;
    }
    Ok((accounts, pages))
}

async fn lease_accounts(tx: &mut Tx<'_>, ids: &[DeliveryId], until: Timestamp) -> Result<Vec<Vec<Leased>>, DbError> {
    let sql = format!(
        "UPDATE delivery SET state = 'SENDING', tries = tries + 1, lease_until = $1 \
         WHERE id = $2 AND state = 'PENDING' RETURNING {LEASED}"
    );
    let asked = ids.iter().map(|id| vec![until.into(), (*id).into()]).collect();
    let rows = tx.query_each(&sql, asked).await?.into_iter().flatten();
    rows.map(|row| Ok(vec![leased(row)?])).collect()
}

/// The messages that went to an address lately or are on their way, with how urgent they were.
async fn recent(tx: &mut Tx<'_>, place: &Place, now: Timestamp) -> Result<Vec<(Timestamp, Urgency)>, DbError> {
    let sql = "SELECT finished_at, urgency FROM (SELECT finished_at, urgency FROM delivery \
          WHERE state = 'SENT' AND purpose = 'PAGE' AND bundle_id IS NULL AND channel = $1 AND address = $2 \
          AND finished_at > $3 ORDER BY finished_at DESC LIMIT $4) AS sent \
         UNION ALL SELECT $5, urgency FROM delivery \
          WHERE state = 'SENDING' AND purpose = 'PAGE' AND bundle_id IS NULL AND channel = $1 AND address = $2";
    let since = now.saturating_sub(paging::REMEMBERED).unwrap_or(Timestamp::MIN);
    let params = [
        place.0.as_str().into(),
        place.1.as_str().into(),
        since.into(),
        LOOK_BACK_MAX.into(),
        now.into(),
    ];
    let rows = tx.query(sql, &params).await?;
    let read = |mut row: Row| Ok((row.take()?, word(&mut row, "delivery.urgency", Urgency::from_word)?));
    rows.into_iter().map(read).collect()
}

/// Everything that is due at an address and no more urgent than this waits until `at`.
async fn put_off(
    tx: &mut Tx<'_>,
    (channel, address): &Place,
    urgency: Urgency,
    now: Timestamp,
    at: Timestamp,
) -> Result<(), DbError> {
    let words: Vec<Val> = Urgency::ALL
        .into_iter()
        .filter(|other| *other <= urgency)
        .map(|other| other.word().into())
        .collect();
    let sql = format!(
        "UPDATE delivery SET due_at = $1 WHERE state = 'PENDING' AND purpose = 'PAGE' AND channel = $2 \
         AND address = $3 AND due_at <= $4 AND urgency IN ({})",
        Tx::in_list(5, words.len())
    );
    let mut params = vec![at.into(), channel.as_str().into(), address.as_str().into(), now.into()];
    params.extend(words);
    tx.execute(&sql, &params).await?;
    Ok(())
}

/// Leases all pages that are due at an address as one message: `leader`'s where it is known to be the only one.
async fn lease_bundle(
    tx: &mut Tx<'_>,
    (channel, address): &Place,
    leader: Option<DeliveryId>,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Vec<Leased>>, DbError> {
    const DUE: &str = "FROM delivery WHERE state = 'PENDING' AND purpose = 'PAGE' AND channel = $1 AND address = $2 \
         AND due_at <= $3 ORDER BY CASE urgency WHEN 'HIGH' THEN 0 WHEN 'MEDIUM' THEN 1 ELSE 2 END, due_at, id";
    let place: [Val; 3] = [channel.as_str().into(), address.as_str().into(), now.into()];
    let leader = match leader {
        Some(leader) => leader,
        None => match tx
            .query_opt(&format!("SELECT id {DUE} LIMIT 1 {{skip}}"), &place)
            .await?
        {
            Some(mut row) => row.take()?,
            None => return Ok(None),
        },
    };
    let sql = format!(
        "UPDATE delivery SET state = 'SENDING', tries = tries + 1, lease_until = $4, \
         bundle_id = CASE WHEN id = $5 THEN NULL ELSE $5 END \
         WHERE id IN (SELECT id {DUE} LIMIT $6 {{skip}}) RETURNING {LEASED}"
    );
    let mut params = place.to_vec();
    params.extend([until.into(), leader.into(), BUNDLE_MAX.into()]);
    let rows = tx.query(&sql, &params).await?;
    let mut bundle = rows.into_iter().map(leased).collect::<Result<Vec<_>, _>>()?;
    bundle.sort_by_key(|delivery| (delivery.id != leader, std::cmp::Reverse(delivery.urgency), delivery.id));
    Ok((!bundle.is_empty()).then_some(bundle))
}

/// Whether any lease has ended without a result.
///
/// # Errors
/// When the database cannot answer.
pub async fn any_abandoned(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT id FROM delivery WHERE state = 'SENDING' AND lease_until < $1 LIMIT 1";
    Ok(tx.query_opt(sql, &[now.into()]).await?.is_some())
}

/// The messages whose lease ended without a result, held against other workers: the worker died or stood still.
///
/// # Errors
/// When the database cannot answer.
pub async fn lock_abandoned(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Leased>, DbError> {
    let sql = format!(
        "SELECT {LEASED} FROM delivery WHERE state = 'SENDING' AND lease_until < $1 ORDER BY lease_until LIMIT $2 {{skip}}"
    );
    let rows = tx.query(&sql, &[now.into(), limit.into()]).await?;
    rows.into_iter().map(leased).collect()
}

/// When the next message is due, to people or to webhooks.
///
/// # Errors
/// When the database cannot answer.
pub async fn next_due(tx: &mut Tx<'_>, webhooks: &[WebhookId]) -> Result<Option<Timestamp>, DbError> {
    let people = "SELECT due_at FROM (SELECT due_at FROM delivery \
          WHERE state = 'PENDING' AND purpose IN ('PAGE', 'ACCOUNT') ORDER BY due_at LIMIT 1) AS page \
         UNION ALL SELECT due_at FROM (SELECT due_at FROM delivery \
          WHERE state = 'PENDING' AND purpose IN ('NOTICE', 'EDIT') ORDER BY due_at LIMIT 1) AS news";
    let webhook = "SELECT due_at FROM delivery WHERE state = 'PENDING' AND webhook_id = $1 AND webhook_id IS NOT NULL \
         ORDER BY due_at LIMIT 1";
    let mut rows = tx.query(people, &[]).await?;
    let asked = webhooks.iter().map(|id| vec![(*id).into()]).collect();
    rows.extend(tx.query_each(webhook, asked).await?.into_iter().flatten());
    let mut next = None;
    for mut row in rows {
        let due: Timestamp = row.take()?;
        next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
    }
    Ok(next)
}

/// Makes another message of a bundle the one that it goes by, when the first one is not sent after all.
///
/// # Errors
/// When the database does not take it.
pub async fn lead(tx: &mut Tx<'_>, leader: &Leased, along: &[Leased]) -> Result<(), DbError> {
    let sql = "UPDATE delivery SET bundle_id = $1 WHERE id = $2 RETURNING id";
    let mut asked = vec![vec![Val::Null, leader.id.into()]];
    asked.extend(along.iter().map(|one| vec![leader.id.into(), one.id.into()]));
    tx.query_each(sql, asked).await?;
    Ok(())
}
