//! What each source makes of what it gets, in words, and `docs/guide/sources.md`, which is made of it.
//!
//! It owns the form of these facts and of the page; each source states its own facts, beside the code that they are about.

use http::Method;

use crate::{Source, all, proof::Issuer, signature::SignatureSupport};

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

/// What stands before the table.
const HEAD: &str = "\
# Sources

<!-- Made by `UPDATE_GUIDE=1 cargo test -p opsknight-sources guide`: change what the sources say, never this page. -->

What each monitoring tool may send, what becomes of it, and how it is known to be authentic. Each has its address,
`/api/integrations/NAME?integrationId=ID`. The page of an integration shows it in full, with the text to paste into the
tool: what the steps here call \"below\".

For all of them:

* Whatever is authentic and understood is answered 2xx, also where it means nothing; a body that is not understood is
  answered 400 with the name of the field, and shows among the last events of the integration.
* Several alerts in one request are judged each by its own state. Unknown words and absent fields cost no alert.
* A delivery that is sent again is known by the id that its sender gives it; `webhook-id` is one for all of them.
* Each accepts the signatures in `X-Signature`, `X-Webhook-Signature` and `X-Hub-Signature-256` and those of Standard
  Webhooks, where a secret may be set at all.
";

/// The methods that products call with.
const METHODS: [Method; 3] = [Method::POST, Method::PUT, Method::GET];

/// The page about all sources.
#[must_use]
pub fn render() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(
        "\n| tool | name in the address | type | methods | ends alerts | its own proof |\n|---|---|---|---|---|---|\n",
    );
    for source in all() {
        let title = cell(source.title());
        let link = format!("[{title}](#{})", anchor(source.title()));
        let facts = source.facts();
        let ends = if facts.resolves.is_empty() { "no" } else { "yes" };
        let signature = own_proof(*source);
        let (slug, kind, methods) = (source.slug(), source.type_name(), methods(*source));
        page.push_str(&format!(
            "| {link} | `{slug}` | `{kind}` | {methods} | {ends} | {signature} |\n"
        ));
    }
    all().iter().for_each(|source| section(*source, &mut page));
    page
}

/// What there is to know about one source.
fn section(source: &dyn Source, page: &mut String) {
    let (title, tagline) = (source.title(), source.tagline());
    page.push_str(&format!(
        "\n## {}\n\n{}.\n\n",
        prose(title),
        prose(tagline.trim_end_matches('.'))
    ));
    page.push_str("| | |\n|---|---|\n");
    for (name, text) in rows(source) {
        page.push_str(&format!("| {name} | {text} |\n"));
    }
    let setup = source.setup();
    page.push_str("\nTo set it up:\n\n");
    for (number, step) in (1..).zip(setup.steps) {
        page.push_str(&format!("{number}. {}\n", prose(step)));
    }
    if let Some(address) = setup.vendor_docs {
        page.push_str(&format!("\nThe vendor's page: <{address}>\n"));
    }
}

/// The rows of a source's table, as name and text.
fn rows(source: &dyn Source) -> Vec<(&'static str, String)> {
    let facts = source.facts();
    let or = |text: &str, otherwise: &str| cell(if text.is_empty() { otherwise } else { text });
    let mut rows = vec![
        (
            "Forms",
            facts
                .forms
                .iter()
                .map(|form| cell(form))
                .collect::<Vec<_>>()
                .join("<br>"),
        ),
        ("Opens an incident", cell(facts.triggers)),
        ("Acknowledges", or(facts.acknowledges, "nothing")),
        ("Resolves", or(facts.resolves, "nothing: it says no end")),
        ("Means nothing", or(facts.ignores, "nothing that is known of it")),
        ("Its tests", or(facts.tests, "look like alerts")),
        ("Severity", cell(facts.severity)),
        ("Deduplication key", cell(facts.key)),
        ("Put in order by", or(facts.ordered_by, "the time of arrival")),
        (
            "Sent again, it is known by",
            or(facts.delivery, "the headers `webhook-id` and `idempotency-key`"),
        ),
    ];
    if source.maps_fields() {
        let text = "which fields hold what can be set for each integration";
        rows.push(("Field mapping", text.into()));
    }
    let note = cell(source.signature().note());
    rows.push(match source.signature() {
        SignatureSupport::Vendor { header, .. } => ("Signature", format!("`{header}`: {note}")),
        SignatureSupport::Generic { .. } | SignatureSupport::None { .. } => ("Signature", note),
    });
    if source.comes_through_sns() {
        let text = "every envelope is signed by Amazon, and checked (versions 1 and 2); subscriptions are confirmed by themselves, and \
                    the first topic is pinned: another one's messages are refused. Raw messages are unsigned and believed by their \
                    address and topic";
        rows.push(("Proof", text.into()));
    }
    if let Some(issuer) = source.token_issuer() {
        let text = match issuer {
            Issuer::Google => {
                "a bearer token of Google, where the integration asks for one: signed by Google (RS256), for the audience and the \
                 service account that are set, and not over"
            }
            Issuer::Entra => {
                "a bearer token of Microsoft Entra, where the integration asks for one: signed by the tenant that is set (RS256), \
                 for the audience that is set, and brought by Azure's action groups in the role ActionGroupsSecureWebhook"
            }
        };
        rows.push(("Proof", text.into()));
    }
    rows.push(("Answer", format!("{} when all is well", source.answer_status())));
    rows
}

/// By what of its own a product proves itself, in a word or two.
fn own_proof(source: &dyn Source) -> String {
    match (source.signature(), source.token_issuer()) {
        (SignatureSupport::Vendor { header, .. }, _) => format!("`{header}`"),
        _ if source.comes_through_sns() => "Amazon's signature".into(),
        (_, Some(Issuer::Google)) => "Google's token".into(),
        (_, Some(Issuer::Entra)) => "Entra's token".into(),
        (SignatureSupport::Generic { .. }, None) => "none".into(),
        (SignatureSupport::None { .. }, None) => "no secret can be set".into(),
    }
}

fn methods(source: &dyn Source) -> String {
    let taken = METHODS.iter().filter(|method| source.takes(method));
    taken.map(Method::as_str).collect::<Vec<_>>().join(", ")
}

/// The anchor that GitHub gives to a heading: lower case, hyphens for spaces, and no other punctuation.
fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Plain text as Markdown in a cell of a table, in which a pipe ends the cell even between backquotes.
fn cell(text: &str) -> String {
    escape(&text.replace('\n', " "), true)
}

/// Plain text as Markdown.
fn prose(text: &str) -> String {
    escape(text, false)
}

/// Escapes what Markdown, or GitHub's of formulas, would misread. What stands between two backquotes is code and stays.
fn escape(text: &str, in_cell: bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut parts = text.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        if is_code && parts.peek().is_none() {
            // Nothing closes it, so it is a backquote and no code.
            out.push_str("\\`");
            escape_plain(part, &mut out);
        } else if is_code {
            out.push('`');
            out.push_str(&if in_cell {
                part.replace('|', "\\|")
            } else {
                part.to_owned()
            });
            out.push('`');
        } else {
            escape_plain(part, &mut out);
        }
        is_code = !is_code;
    }
    out
}

fn escape_plain(text: &str, out: &mut String) {
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_misread = match c {
            '\\' | '*' | '[' | ']' | '<' | '>' | '|' | '$' | '~' => true,
            // Within a word it is nothing special.
            '_' => !(before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric())),
            '&' => rest
                .peek()
                .is_some_and(|next| next.is_ascii_alphabetic() || *next == '#'),
            _ => false,
        };
        if is_misread {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_markdown_would_misread_is_escaped() {
        for (text, expected) in [
            (
                "a | b <c> [d] *e* snake_case _f_",
                r"a \| b \<c\> \[d\] \*e\* snake_case \_f\_",
            ),
            ("`a|b <c>` | `d`", r"`a\|b <c>` \| `d`"),
            ("one ` alone *", r"one \` alone \*"),
            ("$ALERT_ID & &amp; a\\b", r"\$ALERT_ID & \&amp; a\\b"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(cell(text), expected);
        }
        assert_eq!(prose("`a|b` | `"), r"`a|b` \| \`");
    }

    #[test]
    fn headings_are_found_by_their_anchors() {
        assert_eq!(anchor("Elastic / Kibana (Watcher)"), "elastic--kibana-watcher");
    }
}
