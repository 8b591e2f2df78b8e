//! `/api/events/log/{id}/replay`: what a received request would lead to now, and running it again.

use axum::extract::State;
use opsknight_domain::{directory::Role, id::ReceiptId};
use opsknight_store::receipts::Receipt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::found;
use crate::{
    api::{
        access::Caller,
        error::{ApiError, ErrorBody},
        extract::{Json, OptionalJson, Path},
        preview::{PreviewBody, hindered},
        scope::Scope,
        wire::{Id, ids, present},
    },
    receive::{Again, Replayed, Trial},
    state::AppState,
};

/// Whether it is only to be looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = NewReplay)]
pub(super) struct Wish {
    /// `true`, also where it is left out: nothing is stored, and the answer says what it would lead to. `false`: it is
    /// run for real.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    preview: Option<bool>,
}

/// What came of a request that was run again.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Replay)]
#[serde(rename_all = "camelCase")]
pub(super) struct RanBody {
    /// The new received request, in `/api/events/log`.
    #[schema(inline)]
    event_id: ids::Receipt,
    /// The one that was run again.
    #[schema(inline)]
    replay_of: ids::Receipt,
    /// The status that a sender would have been answered: 202, or 400 where the body is not understood.
    status: u16,
    /// The body of that answer; for a call of the Events API in the form of `/api/events`.
    body: Value,
}

/// What it would lead to, or what it led to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReplayAnswer)]
#[serde(untagged)]
pub(super) enum Answer {
    /// Of a preview.
    Foreseen(PreviewBody),
    /// Of a run for real.
    Ran(RanBody),
}

/// Says what this request would lead to if it came in now.
pub(crate) async fn foresee(state: &AppState, receipt: &Receipt) -> Result<PreviewBody, ApiError> {
    let trial = Trial::of(receipt).ok_or_else(|| ApiError::conflict("the request belongs to no service"))?;
    let preview = state.receive.preview(trial).await.map_err(hindered)?;
    Ok(preview.into())
}

/// Runs this request again.
pub(crate) async fn run(state: &AppState, caller: &Caller, receipt: Receipt) -> Result<Replayed, ApiError> {
    let name = receipt
        .integration
        .and_then(|id| state.store.pictures.cached().integrations.get(&id).cloned());
    let again = Again {
        name: name.map_or_else(|| receipt.kind.clone(), |row| row.name.clone()),
        audit: opsknight_domain::id::AuditId::new(state.clock.uuid_v7()),
        at: state.clock.now(),
        by: caller.actor(),
        by_id: caller.id(),
        ip: caller.ip.map(|ip| ip.to_string()),
    };
    state.receive.replay(receipt, again).await.map_err(hindered)
}

/// Runs a received request through the code and the field mapping of now: as a preview that stores nothing, or, with
/// `"preview": false`, for real.
///
/// For real it is a new request in the log, and `replayOf` says which it repeats. The integration is the one through
/// which it came: it is answered 409 when that is gone and 403 when it is disabled. Headers are there without the
/// credentials, signatures are not checked again, the sender's delivery id does not count, and the integration's rate
/// limit is left alone. The audit log names who ran it.
///
/// A preview needs the role RESPONDER or the scope `services:read`; a run for real what changes of integrations need,
/// the role ADMIN or the scope `services:write` besides.
#[utoipa::path(
    post, path = "/api/events/log/{id}/replay", tag = "Events", operation_id = "replayReceivedEvent",
    params(("id" = inline(ids::Receipt), Path)), request_body = Wish,
    responses((status = 200, body = Answer), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)),
)]
pub(super) async fn again(
    State(state): State<AppState>,
    caller: Caller,
    Path(Id(id)): Path<ids::Receipt>,
    OptionalJson(wish): OptionalJson<Wish>,
) -> Result<Json<Answer>, ApiError> {
    let real = wish.preview == Some(false);
    if real {
        caller.must(Role::Admin, Scope::ServicesWrite)?;
    }
    let receipt = found(&state, id).await?;
    if !real {
        return Ok(Json(Answer::Foreseen(foresee(&state, &receipt).await?)));
    }
    Ok(Json(Answer::Ran(ran(id, run(&state, &caller, receipt).await?))))
}

fn ran(id: ReceiptId, replayed: Replayed) -> RanBody {
    RanBody {
        event_id: Id(replayed.receipt),
        replay_of: Id(id),
        status: replayed.status,
        body: replayed.body,
    }
}
