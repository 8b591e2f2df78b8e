//! A change of the configuration: one unit of work in which the change and its line in the audit log stand or fall
//! together.

use jiff::{SignedDuration, Timestamp};
use opsknight_domain::{id::AuditId, incident::Actor};
use opsknight_store::{
    audit::{self, AuditLine},
    db::{DbError, Tx},
    directory,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use super::{access::Caller, error::ApiError, settings::providers::is_secret};
use crate::state::AppState;

/// The least by which two states of one thing differ in time: what the database can tell apart.
const TICK: SignedDuration = SignedDuration::from_micros(1);
/// What stands in the audit log in the place of a credential.
const HIDDEN: &str = "(hidden)";

/// Who changes something, and when. A unit of work may be run more than once; this stays the same.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The present time.
    pub(crate) now: Timestamp,
    id: AuditId,
    actor: Actor,
    actor_id: String,
    ip: Option<String>,
    expects: Option<Timestamp>,
}

/// Which state of a thing is to be changed, for callers that must not overwrite what they have not seen.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes the header; the gate reads it")]
pub(crate) struct IfMatch {
    /// The `updatedAt` of what is changed, as it was read, in quotation marks. Where it has changed since, the answer is 412
    /// and nothing is changed.
    #[param(rename = "If-Match", required = false, value_type = String, example = "\"2026-01-31T08:00:00Z\"")]
    if_match: (),
}

/// What is changed.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    /// What kind of thing: `service`.
    pub(crate) kind: &'static str,
    /// Its identity.
    pub(crate) id: &'a dyn std::fmt::Display,
    /// Its name.
    pub(crate) name: &'a str,
}

impl Change {
    /// A change that this caller makes now.
    pub(crate) fn new(state: &AppState, caller: &Caller) -> Self {
        Self {
            now: state.clock.now(),
            id: AuditId::new(state.clock.uuid_v7()),
            actor: caller.actor(),
            actor_id: caller.id(),
            ip: caller.ip.map(|ip| ip.to_string()),
            expects: caller.expects,
        }
    }

    /// When something counts as changed that last changed at `before`; to be called before it is changed. No two states
    /// of one thing have the same time, whatever the clocks say, so that the time tells them apart.
    ///
    /// # Errors
    /// 412 when the caller expects another state than this.
    pub(crate) fn follows(&self, before: Timestamp) -> Result<Timestamp, ApiError> {
        // The database keeps microseconds.
        let same = |seen: Timestamp| seen.as_microsecond() == before.as_microsecond();
        if self.expects.is_some_and(|seen| !same(seen)) {
            return Err(ApiError::changed_meanwhile());
        }
        let next = before.saturating_add(TICK).unwrap_or(Timestamp::MAX);
        Ok(self.now.max(next))
    }

    /// To be called before anything is read that the change depends on: from here to the end of the unit nobody else
    /// changes the configuration.
    pub(crate) async fn begin(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        directory::bump(tx, self.now).await
    }

    /// Something was made; `body` is what it is now.
    pub(crate) async fn created(
        &self,
        tx: &mut Tx<'_>,
        object: Object<'_>,
        body: &impl Serialize,
    ) -> Result<(), DbError> {
        self.record(tx, "created", object, differences(&Value::Null, &as_value(body)))
            .await
    }

    /// Something was changed from `before` to `after`. Where nothing differs, nothing is written.
    pub(crate) async fn updated(
        &self,
        tx: &mut Tx<'_>,
        object: Object<'_>,
        before: &impl Serialize,
        after: &impl Serialize,
    ) -> Result<(), DbError> {
        let changes = differences(&as_value(before), &as_value(after));
        if changes.as_object().is_some_and(Map::is_empty) {
            return Ok(());
        }
        self.record(tx, "updated", object, changes).await
    }

    /// Something was removed.
    pub(crate) async fn deleted(&self, tx: &mut Tx<'_>, object: Object<'_>) -> Result<(), DbError> {
        self.record(tx, "deleted", object, json!({})).await
    }

    /// Something else was done to it: `key_rotated`.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx<'_>,
        what: &str,
        object: Object<'_>,
        changes: Value,
    ) -> Result<(), DbError> {
        let action = format!("{}.{what}", object.kind);
        let line = AuditLine {
            id: self.id,
            at: self.now,
            actor: &self.actor,
            actor_id: Some(self.actor_id.clone()),
            ip: self.ip.clone(),
            action: &action,
            object_kind: object.kind,
            object_id: object.id.to_string(),
            object_name: object.name,
            changes,
        };
        audit::record(tx, &line).await
    }
}

fn as_value(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

/// The fields that the program itself sets, and those that are named beside the line.
const NOT_TOLD: [&str; 6] = [
    "id",
    "createdAt",
    "updatedAt",
    "webhookUrl",
    "lastEventAt",
    "lastUsedAt",
];

/// The fields whose value is a credential: that they changed is told, what they are is not. Those of providers stand in
/// their own table.
const CREDENTIALS: [&str; 4] = ["key", "url", "secret", "signatureSecret"];

/// Whether the value of a field is never told. A credential of a second provider stands as `second.apiKey`.
fn is_credential(field: &str) -> bool {
    let name = field.rsplit('.').next().unwrap_or(field);
    CREDENTIALS.contains(&name) || is_secret(name)
}

/// The fields that differ, each with what it was and what it is.
fn differences(before: &Value, after: &Value) -> Value {
    let empty = Map::new();
    let (before, after) = (
        before.as_object().unwrap_or(&empty),
        after.as_object().unwrap_or(&empty),
    );
    let mut changes = Map::new();
    for (field, now) in after {
        let was = before.get(field).unwrap_or(&Value::Null);
        if was == now || NOT_TOLD.contains(&field.as_str()) {
            continue;
        }
        let told = |value: &Value| match value {
            Value::Null => Value::Null,
            _ if is_credential(field) => HIDDEN.into(),
            value => value.clone(),
        };
        changes.insert(field.clone(), json!({ "from": told(was), "to": told(now) }));
    }
    Value::Object(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_and_no_credential() {
        let before = json!({ "id": "svc_1", "name": "a", "key": "k1", "team": "x", "description": null });
        let after = json!({ "id": "svc_1", "name": "b", "key": "k2", "team": "x", "description": null });
        assert_eq!(
            differences(&before, &after),
            json!({ "name": { "from": "a", "to": "b" }, "key": { "from": HIDDEN, "to": HIDDEN } })
        );
        assert_eq!(differences(&before, &before), json!({}));
        assert_eq!(
            differences(&Value::Null, &json!({ "name": "a", "team": null })),
            json!({ "name": { "from": null, "to": "a" } })
        );
    }
}
