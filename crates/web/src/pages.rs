//! The pages: what people see and the forms that they send.
//!
//! Handlers read, ask `actions` or the API's functions, and fill the contexts of `views`. No rule is written here.

mod ack;
mod alarms;
mod analytics;
mod audit;
mod calendar;
mod choices;
mod dashboard;
mod duties;
mod error;
mod events;
mod first_steps;
mod flash;
mod foresight;
mod form;
mod gate;
pub(crate) mod glance;
mod guide;
mod incident;
mod incidents;
mod integrations;
mod log;
mod meanwhile;
mod notifications;
mod policies;
mod preview;
mod profile;
mod reach;
mod records;
mod rows;
mod schedules;
mod search;
mod security;
mod services;
mod settings;
mod teams;
mod unsubscribe;
mod users;
mod viewer;
mod webhooks;
mod zones;

pub use error::PageError;
pub(crate) use viewer::say;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    middleware,
    routing::{MethodRouter, get, post},
};

use crate::{
    api::{access, error::ApiError},
    live,
    state::AppState,
};

/// Routes with a record of them, so that a test can compare them with the access table.
struct Routes {
    router: Router<AppState>,
    paths: Vec<(&'static str, &'static str)>,
}

impl Routes {
    fn get<T: 'static, H: Handler<T, AppState>>(self, path: &'static str, handler: H) -> Self {
        self.add("GET", path, get(handler))
    }

    fn post<T: 'static, H: Handler<T, AppState>>(self, path: &'static str, handler: H) -> Self {
        self.add("POST", path, post(handler))
    }

    fn add(mut self, method: &'static str, path: &'static str, route: MethodRouter<AppState>) -> Self {
        self.router = self.router.route(path, route);
        self.paths.push((method, path));
        self
    }
}

fn all() -> Routes {
    let routes = Routes {
        router: Router::new(),
        paths: Vec::new(),
    };
    let routes = service_routes(incident_routes(gate_routes(routes)));
    security_routes(settings_routes(people_routes(plan_routes(routes))))
        .get("/", dashboard::show)
        .post("/first-steps/dismiss", first_steps::dismiss)
        .get("/test-page", first_steps::new)
        .post("/test-page", first_steps::send)
        .get("/test-page/{id}", first_steps::show)
        .get("/analytics", analytics::show)
        .get("/analytics/{file}", analytics::download)
        .get("/live", live::live)
        .get("/pulse", alarms::pulse)
        .get("/search", search::show)
        .post("/theme", gate::set_theme)
        .get("/events", events::list)
        .get("/events/{id}", events::show)
        .post("/events/{id}/preview", events::look)
        .post("/events/{id}/replay", events::replay)
        .get("/notifications", notifications::list)
        .get("/notifications/{id}", notifications::show)
        .post("/notifications/{id}/retry", notifications::retry)
        .get("/audit", audit::list)
        .get("/audit.csv", audit::export)
        .get("/guide", guide::index)
        .get("/guide/{page}", guide::show)
        .get("/guide/images/{file}", guide::image)
}

fn gate_routes(routes: Routes) -> Routes {
    routes
        .get("/login", gate::login)
        .post("/login", gate::sign_in)
        .post("/logout", gate::sign_out)
        .get("/setup", gate::setup)
        .post("/setup", gate::set_up)
        .get("/login/second", gate::second::show)
        .post("/login/second", gate::second::bring)
        .post("/login/passkey/start", gate::passkey::start)
        .post("/login/passkey/finish", gate::passkey::finish)
        .get("/login/oidc", gate::provider::set_out)
        .get("/login/oidc/callback", gate::provider::come_back)
        .get("/forgot", gate::forgot::show)
        .post("/forgot", gate::forgot::send)
        .get("/invite/{token}", gate::invite::show)
        .post("/invite/{token}", gate::invite::accept)
        .post("/invite/{token}/passkey/start", gate::passkey::start_accepting)
        .post("/invite/{token}/passkey/finish", gate::passkey::accept)
        .get("/ack/{token}", ack::show)
        .post("/ack/{token}", ack::acknowledge)
        .get("/unsubscribe/{token}", unsubscribe::show)
        .post("/unsubscribe/{token}", unsubscribe::end)
}

fn incident_routes(routes: Routes) -> Routes {
    routes
        .get("/incidents", incidents::list)
        .post("/incidents", incidents::create)
        .get("/incidents/new", incidents::new)
        .post("/incidents/bulk", incidents::bulk)
        .post("/incidents/views", incidents::save_view)
        .post("/incidents/views/{viewId}", incidents::change_view)
        .get("/incidents/{id}", incident::show)
        .post("/incidents/{id}/acknowledge", incident::acknowledge)
        .post("/incidents/{id}/resolve", incident::resolve)
        .post("/incidents/{id}/reopen", incident::reopen)
        .post("/incidents/{id}/suppress", incident::suppress)
        .post("/incidents/{id}/snooze", incident::snooze)
        .post("/incidents/{id}/reassign", incident::reassign)
        .post("/incidents/{id}/details", incident::details)
        .post("/incidents/{id}/escalate", incident::escalate)
        .post("/incidents/{id}/responders", incident::add_responders)
        .post("/incidents/{id}/merge", incident::merge)
        .post("/incidents/{id}/notes", incident::note)
        .get("/incidents/{id}/notes/{noteId}", incident::notes::show)
        .post("/incidents/{id}/notes/{noteId}", incident::notes::change)
}

fn service_routes(routes: Routes) -> Routes {
    routes
        .get("/services", services::list)
        .post("/services", services::create)
        .get("/services/new", services::new)
        .get("/services/{id}", services::show)
        .get("/services/{id}/settings", services::settings)
        .post("/services/{id}/settings", services::save_settings)
        .post("/services/{id}/delete", services::delete)
        .get("/services/{id}/activity", services::activity)
        .get("/services/{id}/maintenance", services::maintenance)
        .post("/services/{id}/maintenance", services::create_maintenance)
        .post(
            "/services/{id}/maintenance/{maintenanceId}",
            services::change_maintenance,
        )
        .post(
            "/services/{id}/maintenance/{maintenanceId}/end",
            services::end_maintenance,
        )
        .get("/services/{id}/integrations", integrations::list)
        .post("/services/{id}/integrations", integrations::create)
        .get("/services/{id}/integrations/new", integrations::gallery)
        .post("/services/{id}/integrations/{integrationId}", integrations::change)
        .post(
            "/services/{id}/integrations/{integrationId}/mapping",
            integrations::map_fields,
        )
        .post(
            "/services/{id}/integrations/{integrationId}/enabled",
            integrations::enable,
        )
        .post(
            "/services/{id}/integrations/{integrationId}/secret",
            integrations::set_secret,
        )
        .post(
            "/services/{id}/integrations/{integrationId}/proofs",
            integrations::proofs::save,
        )
        .post(
            "/services/{id}/integrations/{integrationId}/rotate-key",
            integrations::rotate_key,
        )
        .post(
            "/services/{id}/integrations/{integrationId}/test",
            integrations::send_test,
        )
        .post(
            "/services/{id}/integrations/{integrationId}/delete",
            integrations::delete,
        )
}

fn plan_routes(routes: Routes) -> Routes {
    routes
        .get("/policies", policies::list)
        .post("/policies", policies::create)
        .get("/policies/new", policies::new)
        .get("/policies/{id}", policies::show)
        .post("/policies/{id}", policies::change)
        .get("/policies/{id}/edit", policies::edit)
        .post("/policies/{id}/delete", policies::delete)
        .get("/schedules", schedules::list)
        .post("/schedules", schedules::create)
        .get("/schedules/new", schedules::new)
        .get("/schedules/{id}", schedules::show)
        .post("/schedules/{id}", schedules::change)
        .get("/schedules/{id}/edit", schedules::edit)
        .post("/schedules/{id}/delete", schedules::delete)
        .post("/schedules/{id}/overrides", schedules::add_override)
        .post("/schedules/{id}/take", schedules::take_over)
        .post("/schedules/{id}/overrides/{overrideId}", schedules::change_override)
        .post(
            "/schedules/{id}/overrides/{overrideId}/delete",
            schedules::delete_override,
        )
}

fn people_routes(routes: Routes) -> Routes {
    routes
        .get("/calendar/{file}", calendar::feed)
        .get("/teams", teams::list)
        .post("/teams", teams::create)
        .get("/teams/{id}", teams::show)
        .post("/teams/{id}", teams::rename)
        .post("/teams/{id}/delete", teams::delete)
        .post("/teams/{id}/members", teams::add_member)
        .post("/teams/{id}/members/{userId}", teams::change_member)
        .get("/users", users::list)
        .post("/users", users::create)
        .get("/users/new", users::new)
        .get("/users/{id}", users::show)
        .post("/users/{id}", users::change)
        .post("/users/{id}/invite", users::invite)
        .post("/users/{id}/disable", users::disable)
        .post("/users/{id}/enable", users::enable)
        .post("/users/{id}/contact-methods", users::add_method)
        .post("/users/{id}/contact-methods/{methodId}", users::change_method)
        .post("/users/{id}/notification-rules", users::save_rules)
        .post("/users/{id}/mail", users::save_mail)
        .get("/profile", profile::show)
        .post("/profile/contact-methods", profile::add_method)
        .post("/profile/contact-methods/{methodId}", profile::change_method)
        .post("/profile/notification-rules", profile::save_rules)
        .post("/profile/mail", profile::save_mail)
        .post("/profile/calendar", calendar::renew)
        .post("/profile/shortcuts", gate::set_keys)
        .post("/profile", profile::change)
        .post("/profile/password", security::change_password)
        .post("/profile/sessions/delete", security::end_others)
        .post("/profile/sessions/{session}/delete", security::end_session)
}

fn security_routes(routes: Routes) -> Routes {
    routes
        .get("/profile/security", security::show)
        .get("/profile/security/second-step", security::second_step::show)
        .post("/profile/security/second-step", security::second_step::begin)
        .post("/profile/security/second-step/confirm", security::second_step::confirm)
        .post("/profile/security/second-step/change", security::second_step::change)
        .post("/profile/security/passkeys/start", security::passkeys::start)
        .post("/profile/security/passkeys/finish", security::passkeys::finish)
        .post("/profile/security/passkeys/{passkey}", security::passkeys::change)
        .post("/users/{id}/invite/delete", security::access::take_back)
        .post("/users/{id}/second-step/reset", security::access::reset_second_step)
        .post(
            "/users/{id}/passkeys/{passkey}/delete",
            security::access::remove_passkey,
        )
        .post("/users/{id}/sessions/delete", security::access::end_sessions)
        .post("/users/{id}/sessions/{session}/delete", security::access::end_session)
        .get("/settings/sign-in", settings::sign_in::show)
        .post("/settings/sign-in", settings::sign_in::save)
        .post("/settings/sign-in/test", settings::sign_in::test)
        .post("/settings/sign-in/forget", settings::sign_in::forget)
}

fn settings_routes(routes: Routes) -> Routes {
    routes
        .get("/settings", settings::first)
        .get("/settings/notifications", settings::channel::list)
        .get("/settings/{channel}", settings::channel::show)
        .post("/settings/{channel}", settings::channel::save)
        .post("/settings/{channel}/test", settings::channel::test)
        .post("/settings/{channel}/forget", settings::channel::forget)
        .get("/settings/system", settings::system::show)
        .get("/settings/slack", settings::slack::show)
        .post("/settings/slack", settings::slack::save)
        .post("/settings/slack/token", settings::slack::save_token)
        .post("/settings/slack/test", settings::slack::test)
        .post("/settings/slack/forget", settings::slack::forget)
        .post("/settings/slack/workspaces/{team}", settings::slack::change_workspace)
        .get("/settings/api-keys", settings::api_keys)
        .post("/settings/api-keys", settings::create_key)
        .post("/settings/api-keys/{id}/delete", settings::delete_key)
        .get("/settings/webhooks", webhooks::list)
        .post("/settings/webhooks", webhooks::create)
        .get("/settings/webhooks/new", webhooks::new)
        .get("/settings/webhooks/{id}", webhooks::show)
        .post("/settings/webhooks/{id}", webhooks::change)
        .post("/settings/webhooks/{id}/test", webhooks::test)
        .post("/settings/webhooks/{id}/secret", webhooks::generate_secret)
        .post("/settings/webhooks/{id}/delete", webhooks::delete)
        .get("/settings/webhooks/{id}/deliveries/{deliveryId}", webhooks::delivery)
        .post("/settings/webhooks/{id}/deliveries/{deliveryId}/retry", webhooks::retry)
}

/// The pages behind their gate.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    all()
        .router
        .method_not_allowed_fallback(async || PageError::from(ApiError::method_not_allowed()))
        .route_layer(middleware::from_fn_with_state(state.clone(), access::page_gate))
        .layer(DefaultBodyLimit::max(state.limits.body_bytes))
}

/// What is answered where there is no page.
pub(crate) async fn not_found() -> PageError {
    ApiError::not_found("page").into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::api::access::RULES;

    #[test]
    fn the_access_table_holds_every_page_and_no_other() {
        let paths = super::all().paths.into_iter();
        let mut routed: BTreeSet<String> = paths.map(|(method, path)| format!("{method} {path}")).collect();
        let files = ["/assets/{file}", "/sw.js", "/manifest.webmanifest", "/speculation.json"];
        routed.extend(files.map(|path| format!("GET {path}")));
        let table = RULES.iter().filter(|rule| !rule.path.starts_with("/api/"));
        let table: BTreeSet<String> = table.map(|rule| format!("{} {}", rule.method, rule.path)).collect();
        let missing: Vec<_> = table.symmetric_difference(&routed).collect();
        assert!(missing.is_empty(), "in one and not in the other: {missing:#?}");
    }
}
