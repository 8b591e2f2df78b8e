//! `/incidents/views`: lists that people save under a name.
//!
//! Everybody has their own. Administrators share theirs with everybody; what is shared, only they change.

use axum::{extract::State, response::Response};
use opsknight_domain::id::ViewId;
use opsknight_store::{
    db::Tx,
    views::{self, ViewRow},
};
use serde_json::json;

use super::asked::Asked;
use crate::{
    api::{
        change::{Change, Object},
        check,
        error::{ApiError, Problems},
        extract::Path,
        wire::{Id, ids},
    },
    pages::{
        PageError,
        form::Form,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
};

/// Most lists that somebody saves.
const VIEWS_MAX: usize = 50;
/// Longest query string of a saved list, in bytes.
const QUERY_BYTES_MAX: usize = 2_000;

/// `POST /incidents/views`
pub(in crate::pages) async fn save_view(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let query = Asked::read(form.text("query")).map(|asked| asked.canonical());
    let back = super::address(query.as_deref().unwrap_or_default());
    match save(&state, &viewer, &form, query).await {
        Ok(name) => Ok(done(&back, format!("Saved as “{name}”."))),
        Err(error) => refused(&back, error),
    }
}

async fn save(
    state: &AppState,
    viewer: &Viewer,
    form: &Form,
    query: Result<String, ApiError>,
) -> Result<String, ApiError> {
    let query = query?;
    let mut problems = Problems::default();
    let name = check::name(&mut problems, "name", form.text("name"));
    if query.len() > QUERY_BYTES_MAX {
        problems.add(
            "query",
            format!("must have at most {QUERY_BYTES_MAX} bytes; take a filter away"),
        );
    }
    problems.check()?;
    let view = ViewRow {
        id: ViewId::new(state.clock.uuid_v7()),
        user: viewer.person.id,
        name: name.clone(),
        query,
        shared: false,
        created_at: viewer.now,
        updated_at: viewer.now,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let seen = views::seen_by(tx, view.user).await?;
        let own: Vec<&ViewRow> = seen.iter().filter(|row| row.user == view.user).collect();
        // Saving under a name that there is replaces what it stood for.
        if let Some(known) = own
            .iter()
            .find(|row| row.name.to_lowercase() == view.name.to_lowercase())
        {
            let changed = ViewRow {
                query: view.query.clone(),
                name: view.name.clone(),
                updated_at: view.updated_at,
                ..(*known).clone()
            };
            return Ok(views::update(tx, &changed).await?);
        }
        if own.len() >= VIEWS_MAX {
            return Err(ApiError::conflict(format!(
                "you have {VIEWS_MAX} saved views; remove one first"
            )));
        }
        Ok::<_, ApiError>(views::insert(tx, &view).await?)
    };
    state.store.db.write(unit).await?;
    Ok(name)
}

/// What is done to a saved list.
#[derive(Debug, Clone)]
enum Deed {
    Rename(String),
    Share(bool),
    Delete,
}

/// `POST /incidents/views/{viewId}`
pub(in crate::pages) async fn change_view(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(Id(id)): Path<ids::View>,
    form: Form,
) -> Result<Response, PageError> {
    let mut problems = Problems::default();
    let (deed, says) = match form.text("do") {
        "share" => (Deed::Share(true), "Everybody sees this view now."),
        "unshare" => (Deed::Share(false), "Only you see this view now."),
        "delete" => (
            Deed::Delete,
            "The view was removed. The incidents in it are as they were.",
        ),
        _ => (
            Deed::Rename(check::name(&mut problems, "name", form.text("name"))),
            "Renamed.",
        ),
    };
    let changed = match problems.check() {
        Ok(()) => change(&state, &viewer, id, deed).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(query) => Ok(done(&super::address(&query), says)),
        Err(error) => refused("/incidents", error),
    }
}

/// Does it, and gives the query of the list; that of all incidents where it is gone.
async fn change(state: &AppState, viewer: &Viewer, id: ViewId, deed: Deed) -> Result<String, ApiError> {
    let change = Change::new(state, &viewer.caller);
    let (person, admin) = (viewer.person.id, viewer.caller.is_admin());
    let unit = async move |tx: &mut Tx<'_>| {
        let found = views::lock(tx, id).await?;
        // Somebody else's list that is not shared is not there.
        let mut view = found
            .filter(|view| view.shared || view.user == person)
            .ok_or_else(|| ApiError::not_found("saved view"))?;
        if !admin && (view.shared || matches!(deed, Deed::Share(_))) {
            return Err(ApiError::forbidden(
                "only administrators share views and change shared ones",
            ));
        }
        let was_shared = view.shared;
        match &deed {
            Deed::Rename(name) => view.name.clone_from(name),
            Deed::Share(shared) => view.shared = *shared,
            Deed::Delete => {}
        }
        view.updated_at = change.now;
        let object = Object {
            kind: "saved_view",
            id: &id,
            name: &view.name,
        };
        if matches!(deed, Deed::Delete) {
            views::delete(tx, id).await?;
            if was_shared {
                change.deleted(tx, object).await?;
            }
            return Ok::<_, ApiError>(String::new());
        }
        views::update(tx, &view).await?;
        if was_shared || view.shared {
            let changes = json!({ "name": view.name, "query": view.query, "shared": view.shared });
            change
                .record(tx, "updated", object, json!({ "view": { "to": changes } }))
                .await?;
        }
        Ok(view.query)
    };
    state.store.db.write(unit).await
}
