//! The health of Azure itself, as alerts of the activity log tell it: an issue of a service, or the state of a resource.
//!
//! Azure knows no end of such an alert: each change is an alert of its own that is fired. What has changed stands in the
//! context, and so the messages of one issue, or about one resource, have one key. Facts are from
//! learn.microsoft.com/azure/service-health: "Service health notifications" (`trackingId`, `stage`) and "Resource health
//! alerts" (`currentHealthStatus`).

use jiff::Timestamp;
use serde_json::Value;

use crate::pick;

/// Something of Azure's that is not well, or is again.
pub(super) struct Health {
    pub(super) key: String,
    pub(super) is_over: bool,
    /// When that came about.
    pub(super) at: Option<Timestamp>,
}

/// What a context (`alertContext` or `activityLog`) says about health; `resource` is what the alert is about.
pub(super) fn health(context: &Value, resource: Option<&str>) -> Option<Health> {
    let (key, is_over) = service(context).or_else(|| of_resource(context, resource?))?;
    Some(Health {
        key,
        is_over,
        at: pick::time(context, &["/eventTimestamp"]),
    })
}

/// An issue of a service, of which many notifications tell.
fn service(context: &Value) -> Option<(String, bool)> {
    let id = pick::text(context, "/properties/trackingId")?;
    let stage = pick::word(context, "/properties/stage");
    let ends = ["resolved", "complete", "completed", "rca", "canceled"];
    Some((
        format!("azure:service-health:{id}"),
        stage.is_some_and(|stage| ends.contains(&stage.as_str())),
    ))
}

/// The state of one resource.
fn of_resource(context: &Value, resource: &str) -> Option<(String, bool)> {
    let state = pick::word(context, "/properties/currentHealthStatus")?;
    // "Unknown" says that Azure hears nothing: after the end of the event that is none of its business.
    let is_over = match state.as_str() {
        "available" => true,
        "unavailable" | "degraded" => false,
        _ => pick::word(context, "/status").as_deref() == Some("resolved"),
    };
    Some((
        format!("azure:resource-health:{}", resource.to_ascii_lowercase()),
        is_over,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn resources_are_well_again_by_their_state() {
        for (state, status, is_over) in [
            ("Unavailable", "Active", false),
            ("Degraded", "Updated", false),
            ("Unavailable", "Resolved", false),
            ("Available", "Resolved", true),
            ("Available", "Updated", true),
            ("Unknown", "Active", false),
            ("Unknown", "Resolved", true),
        ] {
            let context = json!({"status": status, "properties": {"currentHealthStatus": state}});
            let health = health(&context, Some("/Subscriptions/S/VM")).expect("health");
            assert_eq!(
                (health.key.as_str(), health.is_over),
                ("azure:resource-health:/subscriptions/s/vm", is_over),
                "{state} {status}"
            );
        }
        assert!(health(&json!({"properties": {"currentHealthStatus": "Unavailable"}}), None).is_none());
        assert!(health(&json!({"properties": null}), Some("x")).is_none());
    }
}
