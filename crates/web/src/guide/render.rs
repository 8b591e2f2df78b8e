//! From Markdown to HTML that may be shown. Owns what a link of a file becomes on a page; never reads a file.

use std::collections::{HashMap, HashSet};

use ammonia::Builder;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::{HOME, INDEX, Page, Part};

/// What a table stands in: it scrolls by itself where it is wider than the page, also by keyboard.
const TABLE_BEGINS: &str = "<div class=\"table-scroll\" role=\"group\" aria-label=\"Table\" tabindex=\"0\">";
/// The head of a table of two columns whose first column is the head: Markdown has no table without a head.
const EMPTY_HEAD: &str = "<thead><tr><th></th><th></th></tr></thead>";

/// Reads a page.
pub(super) fn page(name: String, markdown: &str) -> Page {
    let mut reader = Reader::default();
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let events: Vec<Event<'_>> = events.collect();
    let written = reader.read(events);
    let mut unclean = String::new();
    html::push_html(&mut unclean, written.into_iter());
    Page {
        name,
        title: reader.title,
        html: clean(&unclean.replace(EMPTY_HEAD, "")),
        parts: reader.parts,
        links: reader.links,
    }
}

/// Leaves what text is made of and nothing that acts.
fn clean(unclean: &str) -> String {
    Builder::default()
        .add_generic_attributes(["id"])
        .add_tag_attributes("div", ["class", "role", "aria-label", "tabindex"])
        .add_tag_attributes("pre", ["tabindex"])
        .add_tag_attributes("img", ["loading"])
        .url_relative(ammonia::UrlRelative::PassThrough)
        .url_schemes(HashSet::from(["https", "mailto"]))
        .link_rel(Some("noreferrer"))
        .clean(unclean)
        .to_string()
}

/// What is gathered while a page is read.
#[derive(Default)]
struct Reader {
    title: String,
    parts: Vec<Part>,
    links: Vec<String>,
    ids: HashMap<String, usize>,
}

impl Reader {
    /// Goes through the page once and gives back what is to be written.
    fn read<'a>(&mut self, events: Vec<Event<'a>>) -> Vec<Event<'a>> {
        self.parts.push(Part {
            level: 1,
            ..Part::default()
        });
        let mut written = Vec::with_capacity(events.len());
        let mut events = events.into_iter();
        while let Some(event) = events.next() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    let inside: Vec<_> = events.by_ref().take_while(|event| !is_heading_end(event)).collect();
                    written.extend(self.heading(level, inside));
                }
                Event::Start(Tag::Table(columns)) => {
                    written.push(Event::Html(TABLE_BEGINS.into()));
                    written.push(Event::Start(Tag::Table(columns)));
                }
                Event::End(TagEnd::Table) => {
                    written.push(Event::End(TagEnd::Table));
                    written.push(Event::Html("</div>".into()));
                }
                Event::Start(Tag::CodeBlock(kind)) => written.extend(code_begins(&kind)),
                Event::End(TagEnd::CodeBlock) => written.push(Event::Html("</code></pre>\n".into())),
                Event::Start(Tag::Image { dest_url, .. }) => {
                    let inside = events
                        .by_ref()
                        .take_while(|event| !matches!(event, Event::End(TagEnd::Image)));
                    let words = plain(&inside.collect::<Vec<_>>());
                    written.push(self.image(&dest_url, &words));
                }
                Event::Start(Tag::Link {
                    link_type,
                    dest_url,
                    title,
                    id,
                }) => {
                    self.links.push(dest_url.to_string());
                    let dest_url = CowStr::from(address(&dest_url));
                    written.push(Event::Start(Tag::Link {
                        link_type,
                        dest_url,
                        title,
                        id,
                    }));
                }
                event => {
                    self.hear(&event);
                    written.push(event);
                }
            }
        }
        written
    }

    /// A heading with its name to link to. The first of a page is its title, which the page shows by itself.
    fn heading<'a>(&mut self, level: HeadingLevel, inside: Vec<Event<'a>>) -> Vec<Event<'a>> {
        let title = plain(&inside);
        if level == HeadingLevel::H1 {
            self.title = title;
            return Vec::new();
        }
        let id = self.id(&title);
        self.parts.push(Part {
            level: level as u8,
            id: id.clone(),
            title,
            text: String::new(),
        });
        let begin = Event::Start(Tag::Heading {
            level,
            id: Some(id.into()),
            classes: Vec::new(),
            attrs: Vec::new(),
        });
        let end = Event::End(TagEnd::Heading(level));
        [begin].into_iter().chain(inside).chain([end]).collect()
    }

    /// The name of a heading, as GitHub makes it, so that the same links lead there in the repository.
    fn id(&mut self, title: &str) -> String {
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.flat_map(char::to_lowercase).collect::<String>().replace(' ', "-");
        let count = self.ids.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 {
            slug
        } else {
            format!("{slug}-{}", *count - 1)
        }
    }

    fn image<'a>(&mut self, file: &str, words: &str) -> Event<'a> {
        self.links.push(file.to_owned());
        let (address, words) = (escaped(&address(file)), escaped(words));
        Event::InlineHtml(format!("<img src=\"{address}\" alt=\"{words}\" loading=\"lazy\">").into())
    }

    /// Remembers what is said, to be searched.
    fn hear(&mut self, event: &Event<'_>) {
        let Some(part) = self.parts.last_mut() else { return };
        match event {
            Event::Text(text) | Event::Code(text) => part.text += text,
            Event::SoftBreak | Event::HardBreak => part.text.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell | TagEnd::CodeBlock) => part.text.push(' '),
            _ => {}
        }
    }
}

fn is_heading_end(event: &Event<'_>) -> bool {
    matches!(event, Event::End(TagEnd::Heading(_)))
}

/// A block of code, which scrolls by itself, also by keyboard.
fn code_begins<'a>(kind: &CodeBlockKind<'_>) -> [Event<'a>; 1] {
    // The language is for editors; pages colour nothing.
    let (CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) = kind;
    [Event::Html("<pre tabindex=\"0\"><code>".into())]
}

/// Only the words.
fn plain(events: &[Event<'_>]) -> String {
    let words = events.iter().map(|event| match event {
        Event::Text(text) | Event::Code(text) => text.as_ref(),
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    });
    words.collect()
}

/// Where a link of a file leads on a page: other files are other pages, pictures are served by the program.
fn address(link: &str) -> String {
    let (file, place) = link
        .split_once('#')
        .map_or((link, String::new()), |(file, place)| (file, format!("#{place}")));
    match file.strip_suffix(".md") {
        Some(name) if !file.contains(':') && name == INDEX => format!("{HOME}{place}"),
        Some(name) if !file.contains(':') => format!("{HOME}/{name}{place}"),
        _ if file.starts_with("images/") => format!("{HOME}/{file}"),
        _ => link.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(markdown: &str) -> Page {
        page("test".into(), markdown)
    }

    #[test]
    fn links_between_files_are_links_between_pages() {
        let page =
            read("# T\n[a](channels.md#sms) [b](README.md) [c](#x) [d](/incidents) ![A “list”](images/a.webp)\n");
        for link in [
            "/guide/channels#sms\"",
            "\"/guide\"",
            "\"#x\"",
            "\"/incidents\"",
            "\"/guide/images/a.webp\"",
        ] {
            assert!(page.html.contains(link), "{link} in {}", page.html);
        }
        assert_eq!(
            page.links,
            ["channels.md#sms", "README.md", "#x", "/incidents", "images/a.webp"]
        );
        assert!(page.html.contains("alt=\"A “list”\" loading=\"lazy\""), "{}", page.html);
    }

    #[test]
    fn headings_are_places_as_on_github() {
        let page = read("# Title `x`\nBefore.\n\n## Voice calls & more\nWords\n\n## Voice calls & more\n");
        assert_eq!(page.title, "Title x");
        let parts: Vec<_> = page
            .parts
            .iter()
            .map(|part| (part.level, part.id.as_str(), part.text.trim()))
            .collect();
        let expected = [
            (1, "", "Before."),
            (2, "voice-calls--more", "Words"),
            (2, "voice-calls--more-1", ""),
        ];
        assert_eq!(parts, expected);
        assert!(
            page.html
                .contains("<h2 id=\"voice-calls--more\">Voice calls &amp; more</h2>")
        );
        assert!(!page.html.contains("<h1"), "the page shows its title by itself");
    }

    #[test]
    fn nothing_in_a_file_acts() {
        let page = read(
            "# T\nA <script>alert(1)</script> <b onclick=x>b</b> <img src=x onerror=y>\n\n[x](javascript:alert)\n",
        );
        for bad in ["<script", "onclick", "onerror", "href=\"javascript"] {
            assert!(!page.html.contains(bad), "{}", page.html);
        }
        let code = read("# T\n```sh\na <b> \"c\"\n```\n").html;
        assert_eq!(code, "<pre tabindex=\"0\"><code>a &lt;b&gt; \"c\"\n</code></pre>\n");
    }
}
