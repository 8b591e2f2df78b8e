//! Notes that exist: their author puts other words in their place, or takes them away. Both stand in the audit log.

use opsknight_domain::{
    event::clean,
    id::{EntryId, IncidentId},
    incident::{EntryKind, NOTE_CHARS_MAX},
};
use opsknight_store::{
    db::Tx,
    incidents,
    timeline::{self, StoredEntry},
};
use serde_json::json;

use crate::{
    api::{
        access::Caller,
        change::{Change, Object},
        error::ApiError,
    },
    state::AppState,
};

/// Whether this caller wrote the note. A program has no notes of its own: keys come and go, and share names.
#[must_use]
pub fn is_author(caller: &Caller, note: &StoredEntry) -> bool {
    let person = caller.person().map(|person| person.id.to_string());
    person.is_some() && person == note.actor_id
}

/// A note of an incident, to be changed by whoever wrote it.
///
/// # Errors
/// 404 when there is no such note, 403 when somebody else wrote it.
pub async fn own(tx: &mut Tx<'_>, caller: &Caller, incident: IncidentId, id: EntryId) -> Result<StoredEntry, ApiError> {
    let found = timeline::note(tx, incident, id).await?;
    let note = found.ok_or_else(|| ApiError::not_found("note"))?;
    if is_author(caller, &note) {
        Ok(note)
    } else {
        Err(ApiError::forbidden("only the person who wrote a note may change it"))
    }
}

/// Puts other words in the place of a note. It tells nobody: whoever is mentioned hears of a new note.
///
/// # Errors
/// Those of [`own`], 400 when the text is empty or too long.
pub async fn edit(
    state: &AppState,
    caller: &Caller,
    incident: IncidentId,
    id: EntryId,
    text: &str,
) -> Result<StoredEntry, ApiError> {
    let text = clean(text, usize::MAX);
    let length = text.chars().count();
    if length == 0 || length > NOTE_CHARS_MAX {
        let why = format!("must have from 1 to {NOTE_CHARS_MAX} characters");
        return Err(ApiError::invalid("text", why));
    }
    let (change, caller) = (Change::new(state, caller), caller.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let note = own(tx, &caller, incident, id).await?;
        if note.text != text {
            let data = json!({ "editedAt": change.now.to_string() });
            timeline::rewrite_note(tx, incident, id, EntryKind::Note, &text, &data).await?;
            let changes = json!({ "text": { "from": note.text, "to": text } });
            record(tx, &change, incident, id, "updated", changes).await?;
        }
        own(tx, &caller, incident, id).await
    };
    state.store.db.write(unit).await
}

/// Takes a note away. The story keeps that there was one, and who took it away.
///
/// # Errors
/// Those of [`own`].
pub async fn delete(state: &AppState, caller: &Caller, incident: IncidentId, id: EntryId) -> Result<(), ApiError> {
    let (change, caller) = (Change::new(state, caller), caller.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        let note = own(tx, &caller, incident, id).await?;
        let text = format!("{} took a note away", note.actor_name);
        let data = json!({ "deletedAt": change.now.to_string() });
        timeline::rewrite_note(tx, incident, id, EntryKind::NoteDeleted, &text, &data).await?;
        let changes = json!({ "text": { "from": note.text, "to": null } });
        record(tx, &change, incident, id, "deleted", changes).await
    };
    state.store.db.write(unit).await
}

async fn record(
    tx: &mut Tx<'_>,
    change: &Change,
    incident: IncidentId,
    id: EntryId,
    what: &str,
    changes: serde_json::Value,
) -> Result<(), ApiError> {
    let listed = incidents::get(tx, incident).await?;
    let number = listed.map_or(0, |listed| listed.incident.number);
    let name = format!("Note of incident #{number}");
    let object = Object {
        kind: "note",
        id: &id,
        name: &name,
    };
    Ok(change.record(tx, what, object, changes).await?)
}
