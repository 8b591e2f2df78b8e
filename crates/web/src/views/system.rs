//! `/settings/system`: how this server and its database are.

use askama::Template;

use super::{Badge, Link, Shell, Times};

/// `/settings/system`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/system.html")]
pub struct SystemPage {
    /// Around the page.
    pub shell: Shell,
    /// The version of the program.
    pub version: &'static str,
    /// When this server began to serve.
    pub started: Times,
    /// Facts about the database: name and value.
    pub database: Vec<(&'static str, String)>,
    /// It is the embedded one, which `opsknight backup` copies.
    pub is_sqlite: bool,
    /// What works by itself.
    pub workers: Vec<WorkerLine>,
    /// How many messages are due and wait.
    pub waiting: i64,
    /// Since when the oldest of them is due.
    pub oldest: Option<Times>,
    /// When a provider last took a page.
    pub last_page: Option<Times>,
    /// The channels by which people are reached.
    pub channels: Vec<ChannelLine>,
    /// What the auditor found and mended, the last first.
    pub findings: Vec<Finding>,
    /// The file of the last backup, and when it was made.
    pub backup: Option<(String, Times)>,
    /// What is forgotten, and after how long.
    pub forgets: Vec<(String, String)>,
    /// The names of the environment variables that are in force.
    pub environment: Vec<String>,
}

/// Something that works by itself.
#[derive(Debug, Clone)]
pub struct WorkerLine {
    /// "Escalation"
    pub title: &'static str,
    /// Works, Stands still.
    pub state: Badge,
    /// When it last finished a run.
    pub last_run: Times,
}

/// A channel by which people are reached.
#[derive(Debug, Clone)]
pub struct ChannelLine {
    /// Its settings and its name.
    pub link: Link,
    /// Set up, Not set up, 3 failed.
    pub state: Badge,
    /// How the last failure was explained by its provider.
    pub words: String,
}

/// Something that the auditor found and mended.
#[derive(Debug, Clone)]
pub struct Finding {
    /// When.
    pub at: Times,
    /// What: "2 incidents".
    pub what: String,
    /// Which.
    pub which: String,
}
