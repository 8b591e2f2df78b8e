//! What to say, before any channel formats it.
//!
//! A message holds facts, never markup: each channel escapes and shortens for its own medium.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    event::Link,
    id::{DeliveryId, IncidentId, ServiceId, UserId},
    incident::{Happening, Status},
    urgency::Urgency,
};

/// A thing with a name that people know and an identity that programs know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<Id> {
    /// For programs.
    pub id: Id,
    /// For people.
    pub name: String,
}

/// An incident as it was when the message was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentFacts {
    /// Its identity.
    pub id: IncidentId,
    /// Its number, which people say aloud.
    pub number: i64,
    /// One line.
    pub title: String,
    /// More text.
    pub description: Option<String>,
    /// Its state.
    pub status: Status,
    /// How soon people must look.
    pub urgency: Urgency,
    /// Its priority, `P1` to `P5`, where somebody set one.
    pub priority: Option<String>,
    /// Made by a test.
    pub is_test: bool,
    /// The service it belongs to.
    pub service: Named<ServiceId>,
    /// Who works on it.
    pub assignee: Option<Named<UserId>>,
    /// When it began.
    pub created_at: Timestamp,
    /// Its page.
    pub url: String,
    /// The service's runbook.
    pub runbook_url: Option<String>,
    /// Links that the alert gave along.
    pub links: Vec<Link>,
    /// What the alert said besides.
    pub details: Value,
}

/// Something happened to an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentMessage {
    /// What happened.
    pub happening: Happening,
    /// When.
    pub at: Timestamp,
    /// To which incident.
    pub incident: IncidentFacts,
    /// Why this person is told: "You are on call for Platform (step 1 of Default)".
    pub reason: Option<String>,
    /// How this person answers without signing in; only on pages.
    pub answer: Option<Answer>,
    /// A signed link on which this person puts an end to such news; only on news that is no page.
    pub unsubscribe_url: Option<String>,
    /// Where a room can mention the assignee: a member's identity or a mail address of theirs on that medium.
    pub mention: Option<String>,
}

/// How a person who is paged answers without signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// A signed link on which this person acknowledges with one confirming click.
    pub url: String,
    /// The signed part of that link, as calls and buttons carry it.
    pub token: String,
    /// Four digits by which this person names the incident in a text message: `ack 4217`.
    pub code: String,
}

/// Many pages to one person that came close together, told as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The first of the incidents, the most urgent first.
    pub incidents: Vec<IncidentFacts>,
    /// How many there are in all.
    pub total: usize,
    /// Why this person is told.
    pub reason: Option<String>,
    /// The list of what they have to look at.
    pub url: String,
}

/// What a channel is to send.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// News of an incident.
    Incident(Box<IncidentMessage>),
    /// Many pages at once.
    Bundle(Box<Bundle>),
    /// Something else for one person: an invitation, a code, a test of a provider.
    Note {
        /// The subject line.
        subject: String,
        /// The text, paragraphs divided by blank lines. Links stand on lines of their own.
        text: String,
    },
}

/// One message to one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The delivery's identity: the same at every try, so that receivers can tell a repetition.
    pub delivery: DeliveryId,
    /// The provider's identity of the first message about the same incident at the same address, where one was sent
    /// before: what rooms edit and reply to.
    pub earlier: Option<String>,
    /// What to say.
    pub content: Content,
}
