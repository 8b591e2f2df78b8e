//! The words in which every channel tells the same things, before it escapes them for its own medium.

use opsknight_domain::{
    incident::{Happening, Status},
    message::{Bundle, IncidentFacts, IncidentMessage},
    urgency::Urgency,
};

use crate::words::{one_line, straight};

/// Longest name of a service or a person, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest title where several incidents are named, in characters.
const LISTED_TITLE_CHARS_MAX: usize = 120;
/// Longest URL that is shown, in characters; a longer one is left out rather than cut.
const URL_CHARS_MAX: usize = 2000;

/// The message calls somebody rather than tells them.
pub(crate) const fn is_page(news: &IncidentMessage) -> bool {
    news.answer.is_some()
}

/// One word for what happened.
pub(crate) const fn label(happening: Happening) -> &'static str {
    match happening {
        Happening::Triggered => "Triggered",
        Happening::Acknowledged => "Acknowledged",
        Happening::Resolved => "Resolved",
        Happening::Escalated => "Escalated",
        Happening::Reassigned => "Reassigned",
        Happening::Snoozed => "Snoozed",
        Happening::Reopened => "Reopened",
        Happening::NoteAdded => "Note",
        Happening::SlaBreached => "SLA breached",
    }
}

/// What happened, in one sentence.
pub(crate) fn sentence(news: &IncidentMessage) -> String {
    let told = match news.happening {
        Happening::Triggered => "A new incident was opened.",
        Happening::Acknowledged => "The incident was acknowledged.",
        Happening::Resolved => "The incident was resolved.",
        Happening::Escalated => "Nobody acknowledged the incident in time, so it was escalated.",
        Happening::Reassigned => match &news.incident.assignee {
            Some(user) => return format!("The incident was given to {}.", one_line(&user.name, NAME_CHARS_MAX)),
            None => "The incident was reassigned.",
        },
        Happening::Snoozed => "The incident was put off.",
        Happening::Reopened => "The incident is open again.",
        Happening::NoteAdded => "Somebody wrote a note on the incident.",
        Happening::SlaBreached => "The incident missed a target of its service.",
    };
    told.to_owned()
}

/// What people call where an incident stands.
pub(crate) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Open => "Open",
        Status::Acknowledged => "Acknowledged",
        Status::Snoozed => "Snoozed",
        Status::Suppressed => "Suppressed",
        Status::Resolved => "Resolved",
    }
}

/// What people call how soon they must look.
pub(crate) const fn urgency_name(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Low => "Low",
        Urgency::Medium => "Medium",
        Urgency::High => "High",
    }
}

/// A URL that may be a link: of the web, and of a length that no mail program breaks. Where it leads can be read:
/// characters that turn text around, which come along when it is copied or to deceive, are left out.
pub(crate) fn web_url(text: &str) -> Option<String> {
    let text = straight(text);
    let lower = text.get(..8).map(str::to_ascii_lowercase)?;
    let web = lower.starts_with("http://") || lower.starts_with("https://");
    let whole = text.len() <= URL_CHARS_MAX && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (web && whole).then_some(text)
}

/// `#123 High CPU on web-01 (Web Application)` on one line, its title not longer than `title_chars_max`.
pub(crate) fn named(facts: &IncidentFacts, title_chars_max: usize) -> String {
    format!(
        "#{} {} ({})",
        facts.number,
        one_line(&facts.title, title_chars_max),
        one_line(&facts.service.name, NAME_CHARS_MAX)
    )
}

/// Many incidents as a subject and a text that names up to `lines_max` of them.
pub(crate) fn bundled(bundle: &Bundle, lines_max: usize) -> (String, String) {
    let worst = bundle.incidents.iter().map(|facts| facts.urgency).max();
    let tag = worst.map_or_else(String::new, |urgency| format!("[{}] ", urgency.word()));
    let subject = format!("{tag}{} incidents need you", bundle.total);
    let shown = bundle.incidents.len().min(lines_max);
    let mut text = String::new();
    if let Some(reason) = &bundle.reason {
        text.push_str(&one_line(reason, 300));
        text.push_str("\n\n");
    }
    for facts in &bundle.incidents[..shown] {
        let line = format!("[{}] {}\n", facts.urgency.word(), named(facts, LISTED_TITLE_CHARS_MAX));
        text.push_str(&line);
    }
    if bundle.total > shown {
        text.push_str(&format!("and {} more\n", bundle.total - shown));
    }
    text.push_str(&format!("\nOpen the list:\n{}", bundle.url));
    (subject, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_where_it_leads() {
        for (given, taken) in [
            ("https://a.example/x", Some("https://a.example/x")),
            ("\u{feff}HTTPS://a.example/x\u{200e}", Some("HTTPS://a.example/x")),
            (
                "https://a.example/\u{202e}moc.knab//:sptth",
                Some("https://a.example/moc.knab//:sptth"),
            ),
            ("https://a.example/x y", None),
            ("https://a.example/x\0", None),
            ("java\u{202e}script:alert(1)", None),
            ("https:/\u{1f525}", None),
        ] {
            assert_eq!(web_url(given).as_deref(), taken, "{given}");
        }
    }
}
