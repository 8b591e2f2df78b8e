//! What each source makes of what it gets, in words: the material of `docs/guide/sources.md`.
//!
//! It owns the form of these facts; each source states its own, beside the code that they are about.

/// What becomes of what a product sends, each in a phrase or a sentence of plain text, without a full stop where it is a
/// phrase. Names of fields and values stand in backquotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The forms of payload that are understood.
    pub forms: &'static [&'static str],
    /// What opens an incident or adds to one.
    pub triggers: &'static str,
    /// What acknowledges; empty where nothing does.
    pub acknowledges: &'static str,
    /// What resolves; empty where nothing does.
    pub resolves: &'static str,
    /// What is authentic and means nothing.
    pub ignores: &'static str,
    /// What is known as the product's own test and pages nobody; empty where its tests look like alerts.
    pub tests: &'static str,
    /// How severities are read, and what holds where there is none.
    pub severity: &'static str,
    /// What the deduplication key is made of, with its prefix.
    pub key: &'static str,
    /// By which time of the sender messages that overtook each other are put in order (`changed_at` of the event);
    /// empty where the sender says none.
    pub ordered_by: &'static str,
    /// By what a delivery that is sent again is known; empty where by nothing but the generic headers.
    pub delivery: &'static str,
}

impl Facts {
    /// Nothing is said yet.
    pub(crate) const UNKNOWN: Self = Self {
        forms: &[],
        triggers: "",
        acknowledges: "",
        resolves: "",
        ignores: "",
        tests: "",
        severity: "",
        key: "",
        ordered_by: "",
        delivery: "",
    };
}
