//! One test over every page: drawn from its samples, it must hold together, let nothing through, and stay small.
//! It also leaves the pages in `target/gallery`, to be looked at.

use std::{collections::HashSet, fs, path::Path};

use super::samples::{Kind, pages};

/// The most bytes of HTML that a typical page may have.
const PAGE_BYTES_MAX: usize = 60_000;
/// Elements without an end tag.
const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];
/// Attributes that name the id of another element, or several.
const REFERENCES: [&str; 6] = [
    "for",
    "aria-describedby",
    "aria-labelledby",
    "popovertarget",
    "data-copy",
    "form",
];

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Tag<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }
}

/// The tags of a page in order. It relies on how our templates write: attributes in double quotes, text escaped.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let mut quoted = false;
        let end = rest
            .find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            })
            .expect("every tag ends");
        tags.push(tag(&rest[..end]));
        rest = &rest[end + 1..];
    }
    tags
}

fn tag(inside: &str) -> Tag<'_> {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let value = rest.strip_prefix("=\"").map_or("", |after| {
            let end = after.find('"').expect("every value ends");
            rest = &after[end + 1..];
            &after[..end]
        });
        attributes.push((name, value));
    }
    Tag { name, attributes }
}

fn check(page: &str, html: &str) {
    let mut open = Vec::new();
    let mut ids = HashSet::new();
    let mut references = Vec::new();
    for tag in tags(html) {
        if let Some(name) = tag.name.strip_prefix('/') {
            assert_eq!(
                open.pop(),
                Some(name),
                "{page}: </{name}> ends something else, ids so far {ids:?}"
            );
        } else if !tag.name.starts_with('!') && !VOID.contains(&tag.name) {
            open.push(tag.name);
        }
        if let Some(id) = tag.get("id") {
            assert!(ids.insert(id), "{page}: two elements have the id {id}");
            assert!(
                !id.is_empty() && !id.contains(char::is_whitespace),
                "{page}: the id {id:?}"
            );
        }
        for name in REFERENCES {
            let found = tag.get(name).unwrap_or_default().split_whitespace();
            references.extend(found.map(|id| (name, id.to_owned())));
        }
        if let Some(id) = tag
            .get("href")
            .and_then(|href| href.strip_prefix('#'))
            .filter(|id| !id.is_empty())
        {
            references.push(("href", id.to_owned()));
        }
        check_tag(page, &tag);
    }
    assert!(open.is_empty(), "{page}: not ended: {open:?}");
    for (attribute, id) in references {
        assert!(
            ids.contains(id.as_str()),
            "{page}: {attribute} points at {id}, which is not there"
        );
    }
}

fn check_tag(page: &str, tag: &Tag<'_>) {
    for (name, value) in &tag.attributes {
        assert!(
            *name != "style" && !name.starts_with("on"),
            "{page}: {name} is forbidden by the policy"
        );
        assert!(
            !value.to_lowercase().starts_with("javascript:"),
            "{page}: {name}={value}"
        );
        assert!(!name.contains(['<', '"', '\'']), "{page}: the attribute {name}");
    }
    let unhashed =
        |url: &str| url.starts_with("/assets/") && url.split(['#', '?']).next().unwrap_or(url).matches('.').count() < 2;
    for url in ["href", "src"].into_iter().filter_map(|name| tag.get(name)) {
        assert!(!unhashed(url), "{page}: there is no file for {url}");
    }
    let labelled = |tag: &Tag<'_>| tag.get("id").is_some() || matches!(tag.get("type"), Some("hidden"));
    match tag.name {
        "script" => assert!(tag.get("src").is_some(), "{page}: a script within the page"),
        "input" | "select" | "textarea" => assert!(labelled(tag), "{page}: a control that no label can point at"),
        "img" => assert!(tag.get("alt").is_some(), "{page}: an image without words"),
        _ => {}
    }
}

/// Every control that is shown has a label that points at it.
fn check_labels(page: &str, html: &str) {
    let all = tags(html);
    let labels: HashSet<_> = all
        .iter()
        .filter(|tag| tag.name == "label")
        .filter_map(|tag| tag.get("for"))
        .collect();
    for tag in all
        .iter()
        .filter(|tag| matches!(tag.name, "input" | "select" | "textarea"))
    {
        if tag.get("type") != Some("hidden") && tag.get("hidden").is_none() {
            let id = tag.get("id").unwrap_or_default();
            assert!(labels.contains(id), "{page}: no label for {id}");
        }
    }
}

/// Icons that pages use are in their sprites.
fn check_icons(page: &str, html: &str) {
    for tag in tags(html).iter().filter(|tag| tag.name == "use") {
        let (file, name) = tag
            .get("href")
            .and_then(|href| href.split_once('#'))
            .expect("an icon has a name");
        let wanted = format!("id=\"{name}\"");
        let mut found = false;
        crate::assets::for_each_file(|asset, body| {
            found |= file.ends_with(asset) && String::from_utf8_lossy(body).contains(&wanted);
        });
        assert!(found, "{page}: there is no icon {name} in {file}");
    }
}

#[test]
fn every_page_holds_together_lets_nothing_through_and_stays_small() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery");
    fs::create_dir_all(gallery.join("assets")).unwrap();
    for kind in Kind::ALL {
        for (name, html) in pages(kind) {
            let page = format!("{name} ({kind:?})");
            check(&page, &html);
            check_labels(&page, &html);
            check_icons(&page, &html);
            assert!(
                !html.contains("<script>alert") && !html.contains("<img src=x"),
                "{page}: text is not escaped"
            );
            assert!(
                kind != Kind::Typical || html.len() < PAGE_BYTES_MAX,
                "{page}: {} bytes",
                html.len()
            );
            let suffix = format!("{kind:?}").to_lowercase();
            fs::write(gallery.join(format!("{name}.{suffix}.html")), html).unwrap();
        }
    }
    crate::assets::for_each_file(|name, body| fs::write(gallery.join("assets").join(name), body).unwrap());
}
