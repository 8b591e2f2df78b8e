//! What a body would lead to, as a part of pages: on the card of an integration, and on the page of a received event.

use super::{Badge, Link};

/// A body that was looked at.
#[derive(Debug, Clone, Default)]
pub struct Previewed {
    /// Why it is not understood, or could not be looked at.
    pub error: Option<String>,
    /// Its alerts, as many as a page holds.
    pub alerts: Vec<PreviewedAlert>,
    /// How many more there are.
    pub more: usize,
}

/// One alert of it.
#[derive(Debug, Clone)]
pub struct PreviewedAlert {
    /// "Opens", "Joins", "Ignored".
    pub outcome: Badge,
    /// The same as a sentence: "Would open an incident."; "Would join" goes on with the incident.
    pub text: String,
    /// The incident that it is about.
    pub incident: Option<Link>,
    /// What was understood, in order.
    pub facts: Vec<PreviewedFact>,
    /// What it says besides, as JSON; empty where it says nothing.
    pub details: String,
}

/// One part of an alert.
#[derive(Debug, Clone)]
pub struct PreviewedFact {
    /// What it is: "Summary".
    pub name: &'static str,
    /// What it says.
    pub value: String,
    /// Where in the body it was found; empty where that is not known.
    pub origin: String,
}
