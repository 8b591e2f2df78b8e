//! An incident as a channel tells of it, for answers that name one.

use opsknight_domain::message::{IncidentFacts, Named};
use opsknight_store::incidents::Listed;
use opsknight_web::state::AppState;

/// The facts of an incident as it stands.
pub(super) fn facts(state: &AppState, listed: &Listed) -> IncidentFacts {
    let incident = &listed.incident;
    IncidentFacts {
        id: incident.id,
        number: incident.number,
        title: incident.title.clone(),
        description: incident.description.clone(),
        status: incident.status,
        urgency: incident.urgency,
        priority: incident.priority.clone(),
        is_test: incident.is_test,
        service: Named {
            id: incident.service,
            name: listed.service_name.clone(),
        },
        assignee: incident.assignee.map(|id| Named {
            id,
            name: listed.assignee_name.clone().unwrap_or_default(),
        }),
        created_at: incident.created_at,
        url: state.link(&format!("/incidents/{}", incident.id)),
        runbook_url: None,
        links: Vec::new(),
        details: serde_json::Value::Null,
    }
}
