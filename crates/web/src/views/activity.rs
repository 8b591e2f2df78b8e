//! `/services/{id}/activity`: what happened at a service, in one list.

use askama::Template;

use super::{Link, ServiceHead, Shell, Times};

/// `/services/{id}/activity`
#[derive(Debug, Clone, Template)]
#[template(path = "services/activity.html")]
pub struct Activity {
    /// Around the page.
    pub shell: Shell,
    /// Above the page.
    pub head: ServiceHead,
    /// What happened, the newest first.
    pub rows: Vec<ActivityRow>,
    /// It does not begin at the newest.
    pub is_later_page: bool,
    /// The address of what was before.
    pub older: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRow {
    /// The name of its icon.
    pub icon: &'static str,
    /// The class of its colour: that of a status, or none.
    pub class: &'static str,
    /// What happened: "Opened", "Ada changed Team and Region of the service".
    pub text: String,
    /// What it happened to.
    pub link: Option<Link>,
    /// More about it.
    pub detail: String,
    /// Links that help.
    pub links: Vec<Link>,
    /// When.
    pub at: Times,
}
