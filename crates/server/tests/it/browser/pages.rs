//! The one list of pages. Whatever must hold for every page is asked along it, and the pictures of the guide are taken
//! from it; a page of the access table that is not here fails a test.

use std::collections::{BTreeMap, BTreeSet};

use opsknight_web::api::rules::RULES;

use super::window::{DESK, PHONE, Size};

/// A page, and where to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Its path and query. What must be there before stands in braces, by the name that [`Known`] has it under.
    pub(super) path: &'static str,
    /// The picture that the guide shows of it.
    pub(super) picture: Option<Picture>,
}

/// A picture in the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    /// The name of its file, without `.webp`.
    pub(super) name: &'static str,
    /// On what it is looked at.
    pub(super) size: Size,
}

const fn page(path: &'static str) -> Page {
    Page { path, picture: None }
}

impl Page {
    /// The guide shows it on a large screen.
    const fn shown(self, name: &'static str) -> Self {
        let picture = Some(Picture { name, size: DESK });
        Self { picture, ..self }
    }

    /// The guide shows it on a telephone.
    const fn in_hand(self, name: &'static str) -> Self {
        let picture = Some(Picture { name, size: PHONE });
        Self { picture, ..self }
    }
}

/// The pages that an administrator sees who is signed in. To add one, add its line, and to [`super::filled`]
/// what must be there before.
#[rustfmt::skip]
pub(super) const PAGES: &[Page] = &[
    page("/").shown("dashboard"),
    page("/incidents").shown("incidents"),
    page("/incidents?status=OPEN").in_hand("incidents-phone"),
    page("/incidents/new").shown("incident-new"),
    page("/incidents/{incident}").shown("incident"),
    page("/incidents/{working}").in_hand("incident-phone"),
    page("/incidents/{ended}"),
    page("/incidents/{incident}?story=people"),
    page("/services").shown("services"),
    page("/services/new").shown("service-new"),
    page("/services/{service}").shown("service"),
    page("/services/{service}/integrations").shown("integrations"),
    page("/services/{service}/integrations/new").shown("gallery"),
    page("/services/{service}/integrations/new?type=PROMETHEUS").shown("integration-new"),
    page("/services/{service}/integrations?open={integration}").shown("integration"),
    page("/services/{service}/settings").shown("service-settings"),
    page("/services/{service}/maintenance").shown("maintenance"),
    page("/services/{service}/activity").shown("activity"),
    page("/policies").shown("policies"),
    page("/policies/new"),
    page("/policies/{policy}").shown("policy"),
    page("/policies/{policy}/edit").shown("policy-editor"),
    page("/policies/new?copy={policy}"),
    page("/schedules").shown("schedules"),
    page("/schedules/new"),
    page("/schedules/{schedule}").shown("schedule"),
    page("/schedules/{schedule}?view=day"),
    page("/schedules/{schedule}?view=month&zone=mine&at=2026-06-01T03:00"),
    page("/schedules/{schedule}/edit").shown("schedule-editor"),
    page("/schedules/new?copy={schedule}"),
    page("/teams").shown("teams"),
    page("/teams/{team}").shown("team"),
    page("/users").shown("users"),
    page("/users/new").shown("user-new"),
    page("/users/{user}").shown("user"),
    page("/analytics").shown("analytics"),
    page("/test-page").shown("test-page"),
    page("/search"),
    page("/search?q=checkout").shown("search"),
    page("/profile").shown("profile"),
    page("/profile/security").shown("security"),
    page("/events").shown("events"),
    page("/events/{event}").shown("event"),
    page("/notifications").shown("notifications"),
    page("/notifications/{delivery}").shown("notification"),
    page("/audit").shown("audit"),
    page("/settings/notifications").shown("channels"),
    page("/settings/email").shown("settings-email"),
    page("/settings/sms").shown("settings-sms"),
    page("/settings/voice").shown("settings-voice"),
    page("/settings/push").shown("settings-push"),
    page("/settings/whatsapp").shown("settings-whatsapp"),
    page("/settings/slack").shown("settings-slack"),
    page("/settings/sign-in").shown("settings-sign-in"),
    page("/settings/system").shown("settings-system"),
    page("/settings/api-keys").shown("api-keys"),
    page("/settings/webhooks").shown("webhooks"),
    page("/settings/webhooks/new"),
    page("/settings/webhooks/{webhook}").shown("webhook"),
    page("/guide").shown("guide"),
    page("/guide/channels"),
    page("/guide/sources"),
    page("/guide?q=mail"),
    page("/nothing/is/here"),
];

/// The pages of people who have not signed in.
#[rustfmt::skip]
pub(super) const OUTSIDE: &[Page] = &[
    page("/login").shown("login"),
    page("/forgot").shown("forgot"),
    page("/ack/{ack}").in_hand("ack-phone"),
    page("/ack/nonsense"),
    page("/invite/{invite}"),
    page("/unsubscribe/{unsubscribe}"),
];

/// Routes that answer GET and are no page of their own, or one that lasts only until the first person is there.
#[rustfmt::skip]
const NO_PAGES: [&str; 19] = [
    "/assets/{file}", "/guide/images/{file}", "/sw.js", "/manifest.webmanifest", "/speculation.json", "/live", "/pulse",
    "/audit.csv", "/analytics/{file}", "/calendar/{file}", "/settings", "/setup", "/login/second", "/login/oidc",
    "/login/oidc/callback", "/profile/security/second-step", "/incidents/{id}/notes/{noteId}", "/test-page/{id}",
    "/settings/webhooks/{id}/deliveries/{deliveryId}",
];

/// What is in the database, by the names that paths have in braces.
pub(super) type Known = BTreeMap<&'static str, String>;

/// A path with what is known in it.
///
/// # Panics
/// When it names what is not there.
pub(super) fn address(path: &str, known: &Known) -> String {
    let mut address = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("braces are closed");
        let value = known
            .get(name)
            .unwrap_or_else(|| panic!("nothing is known as {name} for {path}"));
        address += before;
        address += value;
        rest = after;
    }
    address + rest
}

/// Whether a page is one of a route: what a route has in braces may be anything.
fn is_of(page: &Page, route: &str) -> bool {
    let path = page.path.split('?').next().unwrap_or_default();
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len()
        && path
            .iter()
            .zip(route)
            .all(|(a, b)| *a == b || (b.starts_with('{') && b.ends_with('}')))
}

#[test]
fn every_page_of_the_access_table_is_in_the_list() {
    let routes = RULES
        .iter()
        .filter(|rule| rule.method == "GET" && !rule.path.starts_with("/api/"));
    let routes: BTreeSet<&str> = routes.map(|rule| rule.path).collect();
    let all = || PAGES.iter().chain(OUTSIDE);
    let missing: Vec<_> = routes
        .into_iter()
        .filter(|route| !NO_PAGES.contains(route) && !all().any(|page| is_of(page, route)))
        .collect();
    assert_eq!(missing, [""; 0], "pages that {} does not have", file!());
    let names: Vec<_> = all().filter_map(|page| Some(page.picture?.name)).collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), different.len(), "two pictures have one name: {names:?}");
}
