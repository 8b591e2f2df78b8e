//! The pages of this program that have no name of somebody's own: the navigation, settings.

use opsknight_domain::directory::Role;

/// A page that is always there.
pub(super) struct Place {
    /// What it is called.
    pub(super) name: &'static str,
    /// Where it is.
    pub(super) path: &'static str,
    /// What is on it.
    pub(super) detail: &'static str,
    /// What else people call it.
    pub(super) also: &'static [&'static str],
    /// Who may see it.
    role: Role,
}

const fn place(
    role: Role,
    path: &'static str,
    name: &'static str,
    detail: &'static str,
    also: &'static [&'static str],
) -> Place {
    Place {
        name,
        path,
        detail,
        also,
        role,
    }
}

#[rustfmt::skip]
static PAGES: [Place; 28] = [
    place(Role::User, "/", "Dashboard", "What is open, who is on call", &["home", "overview", "who is on call"]),
    place(Role::User, "/incidents", "Incidents", "All incidents", &["alerts", "problems"]),
    place(Role::Responder, "/incidents/new", "New incident", "Open one by hand", &["create", "declare", "trigger"]),
    place(Role::User, "/services", "Services", "What alerts are about", &["integrations", "monitoring"]),
    place(Role::Admin, "/services/new", "New service", "Add a service", &["create"]),
    place(Role::User, "/policies", "Escalation policies", "Who is paged, in which order", &["rules"]),
    place(Role::Admin, "/policies/new", "New escalation policy", "Write a policy", &["create"]),
    place(Role::User, "/schedules", "Schedules", "Who is on call when", &["rotation", "calendar", "shift", "overrides"]),
    place(Role::Responder, "/schedules/new", "New schedule", "Plan who is on call", &["create", "rotation"]),
    place(Role::User, "/teams", "Teams", "Who works together", &["groups"]),
    place(Role::User, "/users", "Users", "Everybody with an account", &["people", "members"]),
    place(Role::Admin, "/users/new", "Invite somebody", "Add a person", &["new user", "create"]),
    place(Role::User, "/events", "Events log", "What monitoring tools sent", &["received", "webhooks", "payload"]),
    place(Role::User, "/notifications", "Notifications log", "Every message, and how it ended", &["pages", "deliveries", "failed"]),
    place(Role::Admin, "/audit", "Audit log", "Who changed what", &["history", "changes"]),
    place(Role::User, "/profile", "Profile", "Your account and how you are reached", &["contact methods", "password", "time zone", "devices", "notification rules", "shortcuts"]),
    place(Role::User, "/profile/security", "Security", "Password, second step, passkeys, sessions", &["two-factor", "2fa", "totp", "mfa", "sign in"]),
    place(Role::User, "/analytics", "Analytics", "How fast, how often, and for whom", &["reports", "mtta", "mttr", "metrics", "csv"]),
    place(Role::Admin, "/settings/notifications", "Settings: notifications", "By which providers people are reached", &["channels"]),
    place(Role::Admin, "/settings/email", "Settings: email", "SMTP, Resend, SendGrid, Amazon SES", &["mail"]),
    place(Role::Admin, "/settings/sms", "Settings: SMS", "Twilio, Amazon SNS", &["text messages"]),
    place(Role::Admin, "/settings/voice", "Settings: voice calls", "Twilio", &["telephone", "phone"]),
    place(Role::Admin, "/settings/push", "Settings: push", "Web Push, OneSignal", &["browser", "mobile"]),
    place(Role::Admin, "/settings/slack", "Settings: Slack", "Workspaces and the app", &["chat"]),
    place(Role::Admin, "/settings/webhooks", "Settings: webhooks", "Programs and rooms that are told", &["discord", "teams", "telegram", "google chat", "outbound"]),
    place(Role::Admin, "/settings/api-keys", "Settings: API keys", "Keys for programs", &["token"]),
    place(Role::Admin, "/settings/sign-in", "Settings: sign-in", "OpenID Connect, passwords", &["sso", "oidc", "single sign-on", "google", "entra", "okta"]),
    place(Role::Admin, "/settings/system", "Settings: system", "Version, database, workers, backups", &["status", "health", "about"]),
];

/// Those that somebody with this role may see.
pub(super) fn pages(role: Role) -> impl Iterator<Item = &'static Place> {
    PAGES.iter().filter(move |place| role >= place.role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::rules::{Need, RULES};

    #[test]
    fn every_page_is_in_the_access_table_for_the_role_that_is_told_of_it() {
        for place in &PAGES {
            // The settings of a channel share one route.
            let route = match place.path {
                "/settings/email" | "/settings/sms" | "/settings/voice" | "/settings/push" => "/settings/{channel}",
                path => path,
            };
            let rule = RULES.iter().find(|rule| rule.method == "GET" && rule.path == route);
            let need = rule.map(|rule| rule.need);
            assert_eq!(need, Some(Need::SignedIn(place.role)), "{}", place.path);
        }
    }
}
