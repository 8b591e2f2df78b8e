//! `/services/{id}/integrations`: connecting a monitoring tool, and seeing on the spot whether it is connected.

use askama::Template;

use super::{
    Badge, Connection, Field, FormError, IntegrationLine, Link, Previewed, Select, ServiceHead, Shell, Times,
    form::errors,
};

/// `/services/{id}/integrations`
#[derive(Debug, Clone, Template)]
#[template(path = "services/integrations.html")]
pub struct Integrations {
    /// Around the page.
    pub shell: Shell,
    /// Above the page.
    pub head: ServiceHead,
    /// The integrations, the newest first, each with its identity.
    pub lines: Vec<(String, IntegrationLine)>,
    /// The one whose card is open.
    pub open: Option<IntegrationCard>,
}

impl Integrations {
    /// The card of this integration, if it is the one that is open.
    #[must_use]
    pub fn card(&self, id: &str) -> Option<&IntegrationCard> {
        self.open.as_ref().filter(|card| card.id == id)
    }
}

/// `/services/{id}/integrations/new`, with `?type=PROMETHEUS` once a type was picked.
#[derive(Debug, Clone, Template)]
#[template(path = "services/gallery.html")]
pub struct Gallery {
    /// Around the page.
    pub shell: Shell,
    /// Above the page.
    pub head: ServiceHead,
    /// What was searched for among the types.
    pub query: String,
    /// The types by group: "Monitoring", "Cloud", …
    pub groups: Vec<(String, Vec<SourceType>)>,
    /// The type that was picked and the `name` for it.
    pub picked: Option<(SourceType, Field)>,
}

impl Gallery {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        errors(self.picked.iter().map(|(_, name)| name))
    }
}

/// A kind of tool that can be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceType {
    /// The stored word: `PROMETHEUS`.
    pub word: String,
    /// The word in addresses, which also names its mark: `prometheus`.
    pub path: String,
    /// What it is called: "Prometheus Alertmanager".
    pub name: String,
    /// One line about it.
    pub line: String,
}

/// An integration with everything that connecting it needs.
#[derive(Debug, Clone)]
pub struct IntegrationCard {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: Field,
    /// What kind of tool it is.
    pub source: SourceType,
    /// It takes events.
    pub enabled: bool,
    /// It was made just now: what connects it stands open.
    pub fresh: bool,
    /// Whether anything comes in.
    pub connection: Connection,
    /// The address to paste into the tool.
    pub webhook_url: String,
    /// The same without what must not be seen over somebody's shoulder.
    pub masked_url: String,
    /// The key, 32 hexadecimal digits.
    pub key: String,
    /// What to do in that tool, step by step, with this integration's address filled in.
    pub steps: Vec<String>,
    /// What to paste. The first is what most people want.
    pub snippets: Vec<CardSnippet>,
    /// In which header the tool signs: `X-Hub-Signature-256`; none: it cannot, and the generic scheme holds.
    pub signature_header: Option<String>,
    /// What else there is to know about the secret.
    pub signature_note: String,
    /// A signature secret is set.
    pub has_secret: bool,
    /// The secret that was generated just now; it is never shown again.
    pub new_secret: Option<String>,
    /// `secret` of the form that sets one.
    pub secret: Field,
    /// `require_key`: `on` where the key is wanted besides the address.
    pub require_key: Field,
    /// `rate_limit`: requests a minute.
    pub rate_limit: Field,
    /// What requests of a cloud must bring besides.
    pub proofs: Option<Proofs>,
    /// Where the fields of a body lie; only for the type `WEBHOOK`.
    pub mapping: Option<Mapping>,
    /// What came of the test event that was sent just now.
    pub tested: Option<TestedEvent>,
    /// Requests were turned away for their number in the last hour.
    pub limited: Option<Times>,
    /// The last events received, newest first, each with what came of it.
    pub events: Vec<(EventRow, String)>,
}

/// Something to paste into a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardSnippet {
    /// Where it goes: `alertmanager.yml`.
    pub place: String,
    /// The text.
    pub text: String,
    /// The same without what must not be seen over somebody's shoulder.
    pub masked: String,
}

/// What came of a test event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestedEvent {
    /// It went the whole way.
    pub good: bool,
    /// What came of it.
    pub words: String,
    /// The incident that it led to.
    pub incident: Option<Link>,
}

impl IntegrationCard {
    /// Requests prove by something else than a secret where they come from.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        match &self.proofs {
            Some(Proofs::Topics { .. }) => true,
            Some(Proofs::Token { is_set, .. }) => *is_set,
            None => false,
        }
    }

    /// What was typed about topics or tokens was refused.
    #[must_use]
    pub const fn proofs_refused(&self) -> bool {
        match &self.proofs {
            Some(Proofs::Topics { topics }) => topics.error.is_some(),
            Some(Proofs::Token { audience, who, .. }) => audience.error.is_some() || who.error.is_some(),
            None => false,
        }
    }
}

/// What requests of a cloud must bring besides the address.
#[derive(Debug, Clone)]
pub enum Proofs {
    /// They come from topics of Amazon SNS.
    Topics {
        /// `topics`: their ARNs, one a line.
        topics: Field,
    },
    /// They bring a bearer token.
    Token {
        /// Whose: "Google", "Microsoft Entra".
        issuer: String,
        /// One is asked for.
        is_set: bool,
        /// `audience`
        audience: Field,
        /// `who`: the service account, or the tenant.
        who: Field,
        /// What that is called.
        who_label: String,
        /// Where both are found.
        hint: String,
    },
}

/// Where the fields of a generic webhook's body lie.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// `summary_field`
    pub summary_field: Field,
    /// `severity_field`
    pub severity_field: Field,
    /// `dedup_key_field`
    pub dedup_key_field: Field,
    /// `action_field`
    pub action_field: Field,
    /// `source_field`
    pub source_field: Field,
    /// `trigger_values`: words with commas between them
    pub trigger_values: Field,
    /// `acknowledge_values`
    pub acknowledge_values: Field,
    /// `resolve_values`
    pub resolve_values: Field,
    /// `event`: the received event to try it out on; empty for the body below it.
    pub event: Select,
    /// `body`: a body to try it out on.
    pub body: Field,
    /// What came of trying it out.
    pub preview: Option<Previewed>,
    /// It was sent just now: it stands open.
    pub open: bool,
}

/// A request that came in, and what came of it.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its identity in the events log.
    pub id: String,
    /// When it came in.
    pub at: Times,
    /// Triggered, Deduplicated, Acknowledged, Resolved, Ignored, Refused.
    pub outcome: Badge,
    /// It is a test, or repeats a request that came in before: "Test", "Run again".
    pub note: &'static str,
    /// What it said, in a line.
    pub summary: String,
    /// Why nothing was done, or what was wrong; empty where all went well.
    pub why: String,
    /// The incident it went to.
    pub incident: Option<Link>,
    /// Through which integration.
    pub integration: Link,
    /// The service.
    pub service: Link,
    /// The status of our answer.
    pub status: u16,
}
