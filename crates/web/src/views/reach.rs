//! How somebody is reached: their addresses, each verified or not and with what is wrong with it, and in which order they
//! are tried.

use super::{Badge, Field, FormError, RuleForm, Select, Times, form::errors};

/// How somebody is reached, on their profile and on their page.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Where the forms go: `/profile`, `/users/usr_…`.
    pub base: String,
    /// The viewer may change it.
    pub can_change: bool,
    /// It is the viewer.
    pub is_own: bool,
    /// Their mail address, which they have from the start.
    pub email: String,
    /// Mail came back: since when, and why.
    pub email_fails: Option<(Times, String)>,
    /// What they added, in that order.
    pub methods: Vec<MethodRow>,
    /// `type` of the form that adds
    pub kind: Select,
    /// `address`
    pub address: Field,
    /// `receive_news`: `on`
    pub news: Field,
    /// Push messages go to browsers, without a service in between.
    pub by_browser: bool,
    /// The rules by urgency, the gravest first.
    pub rules: Vec<RuleGroup>,
    /// What is wrong with a form as a whole.
    pub whole: Option<String>,
}

impl Reach {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let asked = self.methods.iter().filter(|method| method.asks_code);
        let codes = asked.map(|method| &method.code);
        let rows = self.rules.iter().flat_map(|group| &group.rows);
        let rows = rows.flat_map(|row| [&row.channel.field, &row.delay]);
        let whole = self.whole.iter().map(FormError::whole);
        let typed = errors(codes.chain([&self.kind.field, &self.address]).chain(rows));
        whole.chain(typed).collect()
    }
}

/// An address that somebody added.
#[derive(Debug, Clone, Default)]
pub struct MethodRow {
    /// Its identity.
    pub id: String,
    /// "SMS", "Push".
    pub channel: String,
    /// Where.
    pub address: String,
    /// When it was added.
    pub added: Option<Times>,
    /// Verified, Not verified, Failing, Stopped.
    pub state: Option<Badge>,
    /// Why it is not used, as a sentence; empty: it is.
    pub why: String,
    /// It is verified by a code, which has not been entered yet.
    pub asks_code: bool,
    /// `code`
    pub code: Field,
    /// Messages came back; it can be given another chance.
    pub failing: bool,
    /// The SHA-256 of the address of a browser's subscription, by which the browser knows itself.
    pub device: Option<String>,
    /// A test can be sent there.
    pub can_test: bool,
}

/// The rules for one urgency.
#[derive(Debug, Clone, Default)]
pub struct RuleGroup {
    /// `HIGH`
    pub word: &'static str,
    /// "High urgency"
    pub name: &'static str,
    /// What counts where there are none.
    pub default: &'static str,
    /// The rules in their order.
    pub rows: Vec<RuleForm>,
}
