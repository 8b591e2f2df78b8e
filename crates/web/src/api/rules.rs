//! The table of every route and what it asks for. `access` reads it and tests it; nothing else decides.

use opsknight_domain::directory::Role;

use super::scope::Scope;

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: anybody.
    Nothing,
    /// A session of a person with at least this role; API keys are refused.
    SignedIn(Role),
    /// A session of a person with at least this role, or a key with this scope.
    Role(Role, Scope),
    /// The person whom the first identity of the path names, an administrator, or a key with this scope.
    Own(Scope),
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The method; `GET` holds for `HEAD` too.
    pub method: &'static str,
    /// The path as the router has it.
    pub path: &'static str,
    /// What it asks for.
    pub need: Need,
}

const fn rule(method: &'static str, path: &'static str, need: Need) -> Rule {
    Rule { method, path, need }
}

/// Reading: every role, or the scope.
const fn get(path: &'static str, scope: Scope) -> Rule {
    rule("GET", path, Need::Role(Role::User, scope))
}

/// The work of responders, or the scope.
const fn respond(method: &'static str, path: &'static str, scope: Scope) -> Rule {
    rule(method, path, Need::Role(Role::Responder, scope))
}

/// Trying out what a body would lead to: the work of responders, or the scope to read, for it writes nothing.
const fn try_out(path: &'static str) -> Rule {
    rule("POST", path, Need::Role(Role::Responder, Scope::ServicesRead))
}

/// The work of administrators, or the scope.
const fn admin(method: &'static str, path: &'static str, scope: Scope) -> Rule {
    rule(method, path, Need::Role(Role::Admin, scope))
}

/// Everybody for themselves, administrators for all, or the scope.
const fn own(method: &'static str, path: &'static str) -> Rule {
    rule(method, path, Need::Own(Scope::UsersWrite))
}

/// A page that everybody who is signed in may see, or a form that is theirs to send.
const fn page(method: &'static str, path: &'static str) -> Rule {
    rule(method, path, Need::SignedIn(Role::User))
}

/// A form of responders.
const fn respond_form(path: &'static str) -> Rule {
    rule("POST", path, Need::SignedIn(Role::Responder))
}

/// A page that only responders need.
const fn respond_page(path: &'static str) -> Rule {
    rule("GET", path, Need::SignedIn(Role::Responder))
}

/// A page or form of administrators.
const fn admin_page(method: &'static str, path: &'static str) -> Rule {
    rule(method, path, Need::SignedIn(Role::Admin))
}

/// Open to anybody.
const fn open(method: &'static str, path: &'static str) -> Rule {
    rule(method, path, Need::Nothing)
}

/// Every route of this crate.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    open("GET", "/api/openapi.json"),

    get("/api/users", Scope::UsersRead),
    admin("POST", "/api/users", Scope::UsersWrite),
    get("/api/users/{id}", Scope::UsersRead),
    own("PATCH", "/api/users/{id}"),
    admin("DELETE", "/api/users/{id}", Scope::UsersWrite),
    get("/api/users/{id}/contact-methods", Scope::UsersRead),
    own("POST", "/api/users/{id}/contact-methods"),
    own("PATCH", "/api/users/{id}/contact-methods/{methodId}"),
    own("DELETE", "/api/users/{id}/contact-methods/{methodId}"),
    own("POST", "/api/users/{id}/contact-methods/{methodId}/verify"),
    own("POST", "/api/users/{id}/contact-methods/{methodId}/send-code"),
    own("POST", "/api/users/{id}/test-page"),
    get("/api/push/key", Scope::UsersRead),
    get("/api/users/{id}/notification-rules", Scope::UsersRead),
    own("POST", "/api/users/{id}/notification-rules"),
    own("PUT", "/api/users/{id}/notification-rules"),
    own("DELETE", "/api/users/{id}/notification-rules/{ruleId}"),
    own("GET", "/api/users/{id}/calendar"),
    own("POST", "/api/users/{id}/calendar/renew"),

    own("GET", "/api/users/{id}/sessions"),
    own("DELETE", "/api/users/{id}/sessions"),
    own("DELETE", "/api/users/{id}/sessions/{sessionId}"),
    own("GET", "/api/users/{id}/passkeys"),
    own("DELETE", "/api/users/{id}/passkeys/{passkeyId}"),
    own("GET", "/api/users/{id}/second-step"),
    admin("DELETE", "/api/users/{id}/second-step", Scope::UsersWrite),
    admin("POST", "/api/users/{id}/invitation", Scope::UsersWrite),
    admin("DELETE", "/api/users/{id}/invitation", Scope::UsersWrite),

    get("/api/teams", Scope::TeamsRead),
    admin("POST", "/api/teams", Scope::TeamsWrite),
    get("/api/teams/{id}", Scope::TeamsRead),
    admin("PATCH", "/api/teams/{id}", Scope::TeamsWrite),
    admin("DELETE", "/api/teams/{id}", Scope::TeamsWrite),

    get("/api/services", Scope::ServicesRead),
    admin("POST", "/api/services", Scope::ServicesWrite),
    get("/api/services/{id}", Scope::ServicesRead),
    admin("PATCH", "/api/services/{id}", Scope::ServicesWrite),
    admin("DELETE", "/api/services/{id}", Scope::ServicesWrite),
    get("/api/services/{id}/integrations", Scope::ServicesRead),
    admin("POST", "/api/services/{id}/integrations", Scope::ServicesWrite),
    get("/api/services/{id}/integrations/{integrationId}", Scope::ServicesRead),
    admin("PATCH", "/api/services/{id}/integrations/{integrationId}", Scope::ServicesWrite),
    admin("DELETE", "/api/services/{id}/integrations/{integrationId}", Scope::ServicesWrite),
    admin("POST", "/api/services/{id}/integrations/{integrationId}/rotate-key", Scope::ServicesWrite),
    admin("POST", "/api/services/{id}/integrations/{integrationId}/test", Scope::ServicesWrite),
    try_out("/api/services/{id}/integrations/{integrationId}/preview"),
    get("/api/services/{id}/maintenance", Scope::ServicesRead),
    respond("POST", "/api/services/{id}/maintenance", Scope::ServicesWrite),
    get("/api/services/{id}/maintenance/{maintenanceId}", Scope::ServicesRead),
    respond("PATCH", "/api/services/{id}/maintenance/{maintenanceId}", Scope::ServicesWrite),
    respond("DELETE", "/api/services/{id}/maintenance/{maintenanceId}", Scope::ServicesWrite),

    get("/api/escalation-policies", Scope::PoliciesRead),
    admin("POST", "/api/escalation-policies", Scope::PoliciesWrite),
    get("/api/escalation-policies/{id}", Scope::PoliciesRead),
    admin("PATCH", "/api/escalation-policies/{id}", Scope::PoliciesWrite),
    admin("DELETE", "/api/escalation-policies/{id}", Scope::PoliciesWrite),

    get("/api/schedules", Scope::SchedulesRead),
    respond("POST", "/api/schedules", Scope::SchedulesWrite),
    get("/api/schedules/{id}", Scope::SchedulesRead),
    respond("PATCH", "/api/schedules/{id}", Scope::SchedulesWrite),
    respond("DELETE", "/api/schedules/{id}", Scope::SchedulesWrite),
    rule("POST", "/api/schedules/preview", Need::Role(Role::Responder, Scope::SchedulesRead)),
    get("/api/schedules/{id}/gaps", Scope::SchedulesRead),
    get("/api/schedules/{id}/on-call", Scope::SchedulesRead),
    get("/api/schedules/{id}/shifts", Scope::SchedulesRead),
    get("/api/schedules/{id}/calendar.ics", Scope::SchedulesRead),
    get("/api/schedules/{id}/overrides", Scope::SchedulesRead),
    respond("POST", "/api/schedules/{id}/overrides", Scope::SchedulesWrite),
    get("/api/schedules/{id}/overrides/{overrideId}", Scope::SchedulesRead),
    respond("PATCH", "/api/schedules/{id}/overrides/{overrideId}", Scope::SchedulesWrite),
    respond("DELETE", "/api/schedules/{id}/overrides/{overrideId}", Scope::SchedulesWrite),

    get("/api/analytics/{report}", Scope::IncidentsRead),
    get("/api/incidents", Scope::IncidentsRead),
    respond("POST", "/api/incidents", Scope::IncidentsWrite),
    respond("POST", "/api/incidents/bulk", Scope::IncidentsWrite),
    get("/api/incidents/{id}", Scope::IncidentsRead),
    respond("PATCH", "/api/incidents/{id}", Scope::IncidentsWrite),
    get("/api/incidents/{id}/notes", Scope::IncidentsRead),
    respond("POST", "/api/incidents/{id}/notes", Scope::IncidentsWrite),
    respond("PATCH", "/api/incidents/{id}/notes/{noteId}", Scope::IncidentsWrite),
    respond("DELETE", "/api/incidents/{id}/notes/{noteId}", Scope::IncidentsWrite),
    respond("POST", "/api/incidents/{id}/escalate", Scope::IncidentsWrite),
    get("/api/incidents/{id}/responders", Scope::IncidentsRead),
    respond("POST", "/api/incidents/{id}/responders", Scope::IncidentsWrite),
    respond("POST", "/api/incidents/{id}/merge", Scope::IncidentsWrite),
    get("/api/incidents/{id}/alerts", Scope::IncidentsRead),
    get("/api/incidents/{id}/timeline", Scope::IncidentsRead),
    get("/api/incidents/{id}/notifications", Scope::IncidentsRead),

    get("/api/webhooks", Scope::SettingsRead),
    admin("POST", "/api/webhooks", Scope::SettingsWrite),
    get("/api/webhooks/{id}", Scope::SettingsRead),
    admin("PATCH", "/api/webhooks/{id}", Scope::SettingsWrite),
    admin("DELETE", "/api/webhooks/{id}", Scope::SettingsWrite),
    admin("POST", "/api/webhooks/{id}/test", Scope::SettingsWrite),
    get("/api/webhooks/{id}/deliveries", Scope::SettingsRead),
    admin("POST", "/api/webhooks/{id}/deliveries/{deliveryId}/retry", Scope::SettingsWrite),

    get("/api/settings/notifications/{channel}", Scope::SettingsRead),
    admin("PATCH", "/api/settings/notifications/{channel}", Scope::SettingsWrite),
    admin("PUT", "/api/settings/notifications/{channel}", Scope::SettingsWrite),
    admin("DELETE", "/api/settings/notifications/{channel}", Scope::SettingsWrite),
    admin("POST", "/api/settings/notifications/{channel}/test", Scope::SettingsWrite),
    get("/api/settings/notifications/slack/workspaces", Scope::SettingsRead),
    admin("PATCH", "/api/settings/notifications/slack/workspaces/{team}", Scope::SettingsWrite),
    admin("DELETE", "/api/settings/notifications/slack/workspaces/{team}", Scope::SettingsWrite),
    get("/api/settings/notifications/slack/channels", Scope::SettingsRead),
    get("/api/settings/notifications/slack/manifest", Scope::SettingsRead),
    admin_page("GET", "/api/settings/slack-oauth/start"),
    admin_page("GET", "/api/settings/slack-oauth/callback"),

    get("/api/settings/sign-in", Scope::SettingsRead),
    admin("PUT", "/api/settings/sign-in", Scope::SettingsWrite),
    admin("DELETE", "/api/settings/sign-in", Scope::SettingsWrite),
    admin("POST", "/api/settings/sign-in/test", Scope::SettingsWrite),

    get("/api/api-keys", Scope::SettingsRead),
    admin("POST", "/api/api-keys", Scope::SettingsWrite),
    get("/api/api-keys/{id}", Scope::SettingsRead),
    admin("PATCH", "/api/api-keys/{id}", Scope::SettingsWrite),
    admin("DELETE", "/api/api-keys/{id}", Scope::SettingsWrite),

    get("/api/events/log", Scope::ServicesRead),
    get("/api/events/log/{id}", Scope::ServicesRead),
    // For real it needs ADMIN or services:write besides.
    try_out("/api/events/log/{id}/replay"),
    get("/api/notifications", Scope::IncidentsRead),
    get("/api/notifications/{id}", Scope::IncidentsRead),
    // Of a webhook it needs ADMIN or settings:write besides.
    respond("POST", "/api/notifications/{id}/retry", Scope::IncidentsWrite),
    get("/api/audit-log", Scope::AuditRead),
    // Of each kind a key is told what its scopes are for.
    get("/api/search", Scope::IncidentsRead),
    get("/api/settings/system", Scope::SettingsRead),

    open("GET", "/assets/{file}"),
    open("GET", "/sw.js"),
    open("GET", "/manifest.webmanifest"),
    open("GET", "/speculation.json"),
    open("GET", "/login"),
    open("POST", "/login"),
    open("POST", "/logout"),
    open("GET", "/login/second"),
    open("POST", "/login/second"),
    open("POST", "/login/passkey/start"),
    open("POST", "/login/passkey/finish"),
    open("GET", "/login/oidc"),
    open("GET", "/login/oidc/callback"),
    open("GET", "/forgot"),
    open("POST", "/forgot"),
    open("GET", "/setup"),
    open("POST", "/setup"),
    open("GET", "/invite/{token}"),
    open("POST", "/invite/{token}"),
    open("POST", "/invite/{token}/passkey/start"),
    open("POST", "/invite/{token}/passkey/finish"),
    open("GET", "/ack/{token}"),
    open("POST", "/ack/{token}"),
    open("GET", "/unsubscribe/{token}"),
    open("POST", "/unsubscribe/{token}"),
    open("POST", "/theme"),
    open("GET", "/calendar/{file}"),

    page("GET", "/"),
    page("GET", "/live"),
    page("GET", "/pulse"),
    page("GET", "/search"),
    admin_page("POST", "/first-steps/dismiss"),
    page("GET", "/test-page"),
    page("POST", "/test-page"),
    page("GET", "/test-page/{id}"),
    page("GET", "/analytics"),
    page("GET", "/analytics/{file}"),
    page("GET", "/incidents"),
    respond_form("/incidents"),
    respond_page("/incidents/new"),
    respond_form("/incidents/bulk"),
    page("POST", "/incidents/views"),
    page("POST", "/incidents/views/{viewId}"),
    page("GET", "/incidents/{id}"),
    respond_form("/incidents/{id}/acknowledge"),
    respond_form("/incidents/{id}/resolve"),
    respond_form("/incidents/{id}/reopen"),
    respond_form("/incidents/{id}/suppress"),
    respond_form("/incidents/{id}/snooze"),
    respond_form("/incidents/{id}/reassign"),
    respond_form("/incidents/{id}/details"),
    respond_form("/incidents/{id}/escalate"),
    respond_form("/incidents/{id}/responders"),
    respond_form("/incidents/{id}/merge"),
    respond_form("/incidents/{id}/notes"),
    respond_page("/incidents/{id}/notes/{noteId}"),
    respond_form("/incidents/{id}/notes/{noteId}"),
    page("GET", "/events"),
    page("GET", "/events/{id}"),
    respond_form("/events/{id}/preview"),
    admin_page("POST", "/events/{id}/replay"),
    page("GET", "/notifications"),
    page("GET", "/notifications/{id}"),
    respond_form("/notifications/{id}/retry"),
    admin_page("GET", "/audit"),
    admin_page("GET", "/audit.csv"),
    page("GET", "/guide"),
    page("GET", "/guide/{page}"),
    page("GET", "/guide/images/{file}"),

    page("GET", "/services"),
    admin_page("POST", "/services"),
    admin_page("GET", "/services/new"),
    page("GET", "/services/{id}"),
    admin_page("GET", "/services/{id}/settings"),
    admin_page("POST", "/services/{id}/settings"),
    admin_page("POST", "/services/{id}/delete"),
    page("GET", "/services/{id}/activity"),
    page("GET", "/services/{id}/maintenance"),
    respond_form("/services/{id}/maintenance"),
    respond_form("/services/{id}/maintenance/{maintenanceId}"),
    respond_form("/services/{id}/maintenance/{maintenanceId}/end"),
    page("GET", "/services/{id}/integrations"),
    admin_page("POST", "/services/{id}/integrations"),
    admin_page("GET", "/services/{id}/integrations/new"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/mapping"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/enabled"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/proofs"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/secret"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/rotate-key"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/test"),
    admin_page("POST", "/services/{id}/integrations/{integrationId}/delete"),
    page("GET", "/policies"),
    admin_page("POST", "/policies"),
    admin_page("GET", "/policies/new"),
    page("GET", "/policies/{id}"),
    admin_page("POST", "/policies/{id}"),
    admin_page("GET", "/policies/{id}/edit"),
    admin_page("POST", "/policies/{id}/delete"),
    page("GET", "/schedules"),
    respond_form("/schedules"),
    respond_page("/schedules/new"),
    page("GET", "/schedules/{id}"),
    respond_form("/schedules/{id}"),
    respond_page("/schedules/{id}/edit"),
    respond_form("/schedules/{id}/delete"),
    respond_form("/schedules/{id}/overrides"),
    respond_form("/schedules/{id}/take"),
    respond_form("/schedules/{id}/overrides/{overrideId}"),
    respond_form("/schedules/{id}/overrides/{overrideId}/delete"),
    page("GET", "/teams"),
    admin_page("POST", "/teams"),
    page("GET", "/teams/{id}"),
    admin_page("POST", "/teams/{id}"),
    admin_page("POST", "/teams/{id}/delete"),
    admin_page("POST", "/teams/{id}/members"),
    admin_page("POST", "/teams/{id}/members/{userId}"),
    page("GET", "/users"),
    admin_page("POST", "/users"),
    admin_page("GET", "/users/new"),
    page("GET", "/users/{id}"),
    admin_page("POST", "/users/{id}"),
    admin_page("POST", "/users/{id}/invite"),
    admin_page("POST", "/users/{id}/invite/delete"),
    admin_page("POST", "/users/{id}/second-step/reset"),
    admin_page("POST", "/users/{id}/passkeys/{passkey}/delete"),
    admin_page("POST", "/users/{id}/sessions/delete"),
    admin_page("POST", "/users/{id}/sessions/{session}/delete"),
    admin_page("POST", "/users/{id}/disable"),
    admin_page("POST", "/users/{id}/enable"),
    admin_page("POST", "/users/{id}/contact-methods"),
    admin_page("POST", "/users/{id}/contact-methods/{methodId}"),
    admin_page("POST", "/users/{id}/notification-rules"),
    admin_page("POST", "/users/{id}/mail"),
    page("GET", "/profile"),
    page("POST", "/profile/contact-methods"),
    page("POST", "/profile/contact-methods/{methodId}"),
    page("POST", "/profile/notification-rules"),
    page("POST", "/profile/mail"),
    page("POST", "/profile/calendar"),
    page("POST", "/profile/shortcuts"),
    page("POST", "/profile"),
    page("POST", "/profile/password"),
    page("POST", "/profile/sessions/delete"),
    page("POST", "/profile/sessions/{session}/delete"),
    page("GET", "/profile/security"),
    page("GET", "/profile/security/second-step"),
    page("POST", "/profile/security/second-step"),
    page("POST", "/profile/security/second-step/confirm"),
    page("POST", "/profile/security/second-step/change"),
    page("POST", "/profile/security/passkeys/start"),
    page("POST", "/profile/security/passkeys/finish"),
    page("POST", "/profile/security/passkeys/{passkey}"),
    admin_page("GET", "/settings"),
    admin_page("GET", "/settings/notifications"),
    admin_page("GET", "/settings/{channel}"),
    admin_page("POST", "/settings/{channel}"),
    admin_page("POST", "/settings/{channel}/test"),
    admin_page("POST", "/settings/{channel}/forget"),
    admin_page("GET", "/settings/system"),
    admin_page("GET", "/settings/slack"),
    admin_page("POST", "/settings/slack"),
    admin_page("POST", "/settings/slack/token"),
    admin_page("POST", "/settings/slack/test"),
    admin_page("POST", "/settings/slack/forget"),
    admin_page("POST", "/settings/slack/workspaces/{team}"),
    admin_page("GET", "/settings/sign-in"),
    admin_page("POST", "/settings/sign-in"),
    admin_page("POST", "/settings/sign-in/test"),
    admin_page("POST", "/settings/sign-in/forget"),
    admin_page("GET", "/settings/api-keys"),
    admin_page("POST", "/settings/api-keys"),
    admin_page("POST", "/settings/api-keys/{id}/delete"),
    admin_page("GET", "/settings/webhooks"),
    admin_page("POST", "/settings/webhooks"),
    admin_page("GET", "/settings/webhooks/new"),
    admin_page("GET", "/settings/webhooks/{id}"),
    admin_page("POST", "/settings/webhooks/{id}"),
    admin_page("POST", "/settings/webhooks/{id}/test"),
    admin_page("POST", "/settings/webhooks/{id}/secret"),
    admin_page("POST", "/settings/webhooks/{id}/delete"),
    admin_page("GET", "/settings/webhooks/{id}/deliveries/{deliveryId}"),
    admin_page("POST", "/settings/webhooks/{id}/deliveries/{deliveryId}/retry"),
];
