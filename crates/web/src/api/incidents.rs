//! `/api/incidents`.

mod bulk;
mod notes;
mod read;
mod respond;
mod shape;
mod write;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use bulk::{BulkError, BulkOutcome, BulkResult};
pub use read::IncidentQuery;
pub use shape::{ActorBody, AlertBody, EntryBody, ImageBody, IncidentBody, LinkBody, incident_body};

use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list, write::create))
        .routes(routes!(bulk::change))
        .routes(routes!(read::get, write::update))
        .routes(routes!(read::notes, write::add_note))
        .routes(routes!(notes::edit, notes::delete))
        .routes(routes!(respond::escalate))
        .routes(routes!(respond::responders, respond::add_responders))
        .routes(routes!(respond::merge))
        .routes(routes!(read::alerts))
        .routes(routes!(read::timeline))
        .routes(routes!(read::notifications))
}
