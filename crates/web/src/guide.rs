//! The guide: the files of `docs/guide`, which are part of the program, as pages with headings to link to.
//!
//! Owns how they are read, put in order and searched. Never draws anything around them, and never shows a file of
//! anybody else's.

mod render;

use std::{borrow::Cow, sync::LazyLock};

use rust_embed::RustEmbed;

use crate::views::{GuideLink, Section};

/// Where the guide begins.
pub const HOME: &str = "/guide";
/// The file that the guide begins with, without its ending. Its links are the order of the pages.
const INDEX: &str = "README";
/// The most places that a search names.
const FOUND_MAX: usize = 30;
/// The most words that a search looks for.
const WORDS_MAX: usize = 8;
/// How much of the text around a word is shown, in characters on each side.
const AROUND: usize = 80;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../docs/guide"]
struct Files;

/// A page of the guide.
#[derive(Debug)]
pub struct Page {
    /// The name of its file without `.md`; that is how addresses name it.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What follows the heading, as HTML that has been cleaned.
    pub html: String,
    /// Its parts, in order; the first has no heading of its own.
    pub parts: Vec<Part>,
    /// Where its links lead, as written.
    pub links: Vec<String>,
}

/// What stands under one heading.
#[derive(Debug, Default)]
pub struct Part {
    /// The heading's level; 1 for what comes before the first.
    pub level: u8,
    /// The name of the place, to link to; empty before the first heading.
    pub id: String,
    /// The heading.
    pub title: String,
    /// The words under it.
    pub text: String,
}

/// The pages in the order in which the index names them, the index first.
static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let names = Files::iter().filter_map(|file| Some(file.strip_suffix(".md")?.to_owned()));
    let mut pages: Vec<Page> = names.filter_map(read).collect();
    let order: Vec<String> = pages
        .iter()
        .filter(|page| page.name == INDEX)
        .flat_map(|index| index.links.iter().cloned())
        .collect();
    let place = |page: &Page| order.iter().position(|link| named(link) == page.name);
    pages.sort_by_key(|page| (page.name != INDEX, place(page).unwrap_or(usize::MAX), page.name.clone()));
    pages
});

/// The name of the page that a link between files leads to: `channels` for `channels.md#sms`.
fn named(link: &str) -> &str {
    let file = link.split('#').next().unwrap_or_default();
    file.strip_suffix(".md").unwrap_or_default()
}

fn read(name: String) -> Option<Page> {
    let file = Files::get(&format!("{name}.md"))?;
    Some(render::page(name, &String::from_utf8_lossy(&file.data)))
}

/// All pages, the index first.
#[must_use]
pub fn pages() -> &'static [Page] {
    &PAGES
}

/// The page of this name.
#[must_use]
pub fn page(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.name == name && name != INDEX)
}

/// The first page.
#[must_use]
pub fn index() -> Option<&'static Page> {
    PAGES.iter().find(|page| page.name == INDEX)
}

/// A picture, and what kind of file it is.
#[must_use]
pub fn image(file: &str) -> Option<(Cow<'static, [u8]>, &'static str)> {
    let media = match file.rsplit_once('.')?.1 {
        "webp" => "image/webp",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    Some((Files::get(&format!("images/{file}"))?.data, media))
}

impl Page {
    /// Its address.
    #[must_use]
    pub fn href(&self) -> String {
        if self.name == INDEX {
            HOME.to_owned()
        } else {
            format!("{HOME}/{}", self.name)
        }
    }

    /// A link to it.
    #[must_use]
    pub fn link(&self) -> GuideLink {
        GuideLink::new(self.href(), &self.title)
    }
}

/// The page of the guide that tells of a page of the program.
#[must_use]
pub fn about(section: Section, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let name = match section {
        Section::Dashboard => "getting-started",
        Section::Incidents => "incidents",
        Section::Services if path.contains("/integrations") => "sources",
        Section::Services => "services",
        Section::Policies => "escalation-policies",
        Section::Schedules => "schedules",
        Section::Teams | Section::Users => "teams-and-people",
        Section::Analytics => "analytics",
        Section::Events => "sources",
        Section::Notifications => "channels",
        Section::Audit => "operating",
        Section::Settings if path.starts_with("/settings/webhooks") => "webhooks",
        Section::Settings if path.starts_with("/settings/api-keys") => "api",
        Section::Settings if path.starts_with("/settings/sign-in") => "signing-in",
        Section::Settings if path.starts_with("/settings/system") => "operating",
        Section::Settings => "channels",
        Section::Elsewhere if path.starts_with("/profile/security") => "signing-in",
        Section::Elsewhere if path.starts_with("/profile") => "teams-and-people",
        Section::Elsewhere => INDEX,
    };
    page(name).map_or_else(|| HOME.to_owned(), Page::href)
}

/// A place in the guide that has all words that were looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The place: the page, and the heading within it.
    pub link: GuideLink,
    /// The words around the first one that was found.
    pub around: String,
}

/// The places that have all these words, those with a word in their heading first.
#[must_use]
pub fn find(words: &str) -> Vec<Found> {
    let words: Vec<String> = words
        .split_whitespace()
        .take(WORDS_MAX)
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(bool, Found)> = Vec::new();
    for page in pages() {
        for part in &page.parts {
            let title = format!("{} {}", page.title, part.title).to_lowercase();
            let text = part.text.to_lowercase();
            if words.iter().all(|word| title.contains(word) || text.contains(word)) {
                let named = words.iter().any(|word| title.contains(word));
                found.push((!named, place(page, part, &words)));
            }
        }
    }
    found.sort_by_key(|(last, _)| *last);
    found.into_iter().map(|(_, found)| found).take(FOUND_MAX).collect()
}

fn place(page: &Page, part: &Part, words: &[String]) -> Found {
    let link = if part.id.is_empty() {
        page.link()
    } else {
        let text = format!("{}: {}", page.title, part.title);
        GuideLink::new(format!("{}#{}", page.href(), part.id), text)
    };
    Found {
        link,
        around: around(&part.text, words),
    }
}

/// The text around the first of the words, or its beginning.
fn around(text: &str, words: &[String]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lower: Vec<char> = chars.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
    let at = |word: &String| {
        let word: Vec<char> = word.chars().collect();
        lower.windows(word.len().max(1)).position(|window| window == word)
    };
    let first = words.iter().filter_map(at).min().unwrap_or_default();
    let is_space = |place: &usize| chars[*place].is_whitespace();
    // Words stay whole.
    let from = first.saturating_sub(AROUND);
    let from = if from == 0 {
        0
    } else {
        (from..first).find(is_space).unwrap_or(first)
    };
    let to = chars.len().min(first + AROUND);
    let to = if to == chars.len() {
        to
    } else {
        (first..to).rev().find(is_space).unwrap_or(to)
    };
    let mut shown = chars[from..to].iter().collect::<String>().trim().to_owned();
    if from > 0 {
        shown.insert(0, '…');
    }
    if to < chars.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::access::RULES;

    /// The ids that a page has around the guide's text.
    const SHELL_IDS: [&str; 6] = [
        "main",
        "search",
        "shortcuts",
        "shortcuts-title",
        "user-menu",
        "more-menu",
    ];

    /// Whether a path is one of the program's own pages.
    fn is_page(path: &str) -> bool {
        let path: Vec<&str> = path.split(['?', '#']).next().unwrap_or_default().split('/').collect();
        let routes = RULES.iter().filter(|rule| rule.method == "GET");
        routes
            .map(|rule| rule.path.split('/').collect::<Vec<_>>())
            .any(|route| {
                let same = |(own, given): (&&str, &&str)| own == given || own.starts_with('{');
                route.len() == path.len() && route.iter().zip(&path).all(same)
            })
    }

    /// What is wrong with a link of a page; nothing where it leads somewhere.
    fn fault(page: &Page, link: &str) -> Option<&'static str> {
        if link.starts_with("https://") || link.starts_with("mailto:") {
            return None;
        }
        if link.starts_with('/') {
            return (!is_page(link)).then_some("the program has no such page");
        }
        let (file, place) = link.split_once('#').unwrap_or((link, ""));
        if let Some(image) = file.strip_prefix("images/") {
            return super::image(image).is_none().then_some("there is no such picture");
        }
        let target = if file.is_empty() {
            Some(page)
        } else {
            pages().iter().find(|page| file == format!("{}.md", page.name))
        };
        match target {
            None => Some("the guide has no such page"),
            Some(target) if place.is_empty() || target.parts.iter().any(|part| part.id == place) => None,
            Some(_) => Some("that page has no such heading"),
        }
    }

    #[test]
    fn every_link_leads_somewhere() {
        let links = pages()
            .iter()
            .flat_map(|page| page.links.iter().map(move |link| (page, link)));
        let faults = links.filter_map(|(page, link)| Some(format!("{}.md: {link}: {}", page.name, fault(page, link)?)));
        assert_eq!(faults.collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn the_index_leads_to_every_page_and_every_picture_is_shown() {
        let index = index().expect("there is docs/guide/README.md");
        let linked: BTreeSet<_> = index.links.iter().map(|link| named(link)).collect();
        let lost: Vec<_> = pages().iter().map(|page| page.name.as_str()).collect();
        let lost: Vec<_> = lost
            .into_iter()
            .filter(|name| *name != INDEX && !linked.contains(name))
            .collect();
        assert_eq!(lost, [""; 0], "docs/guide/README.md does not name them");
        let shown: BTreeSet<_> = pages()
            .iter()
            .flat_map(|page| &page.links)
            .map(String::as_str)
            .collect();
        let files = Files::iter().filter(|file| file.starts_with("images/"));
        let unseen: Vec<_> = files.filter(|file| !shown.contains(file.as_ref())).collect();
        assert_eq!(unseen, [""; 0], "no page shows them");
    }

    #[test]
    fn places_have_names_of_their_own() {
        for page in pages() {
            assert!(!page.title.is_empty(), "{}.md begins with a heading", page.name);
            let mut ids = BTreeSet::from(SHELL_IDS);
            for part in page.parts.iter().skip(1) {
                assert!(
                    ids.insert(&part.id),
                    "{}.md: two places are called {}",
                    page.name,
                    part.id
                );
            }
        }
    }

    #[test]
    fn words_are_found_where_they_stand() {
        let found = find("alertmanager RESOLVED");
        assert!(
            found
                .iter()
                .any(|found| found.link.href == "/guide/sources#prometheus-alertmanager"),
            "{found:?}"
        );
        assert_eq!(find("  "), []);
        assert_eq!(find("nobody would ever write qwxzy"), []);
        assert_eq!(
            around("A short text with Words", &["words".into()]),
            "A short text with Words"
        );
    }

    #[test]
    fn pages_of_the_program_have_a_page_of_the_guide() {
        assert_eq!(
            about(Section::Notifications, "/notifications?offset=50"),
            "/guide/channels"
        );
        assert_eq!(
            about(Section::Services, "/services/svc_1/integrations"),
            "/guide/sources"
        );
        assert_eq!(about(Section::Elsewhere, "/guide"), "/guide");
    }
}
