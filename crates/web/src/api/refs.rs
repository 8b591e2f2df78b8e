//! What many answers hold: a thing by its id and name, and links to pages of ours.

use serde::Serialize;
use utoipa::ToSchema;

use super::wire::Id;
use crate::state::AppState;
use opsknight_domain::id::IncidentId;

/// A thing by its id and its name.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Named {
    /// A thing that may not be there (any more).
    pub(crate) fn maybe(id: Option<impl std::fmt::Display>, name: Option<String>) -> Option<Self> {
        id.map(|id| Self {
            id: id.to_string(),
            name: name.unwrap_or_else(|| "(removed)".to_owned()),
        })
    }
}

/// Makes links to pages of ours.
pub trait Urls {
    /// The page of an incident.
    fn incident_url(&self, id: IncidentId) -> String;
}

impl Urls for AppState {
    fn incident_url(&self, id: IncidentId) -> String {
        self.link(&format!("/incidents/{}", Id(id).0))
    }
}
