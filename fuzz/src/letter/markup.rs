//! Markup as its readers see it: which elements there are in HTML and XML, and which marks of markdown nobody escaped.

use html5gum::{Token, Tokenizer};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

/// One element with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name; behind a slash where it ends.
    pub(super) name: String,
    /// Names and values.
    pub(super) attributes: Vec<(String, String)>,
}

impl Element {
    /// The same but for where links lead, which may be the message's.
    pub(super) fn without_addresses(mut self) -> Self {
        for (name, value) in &mut self.attributes {
            if name == "href" {
                value.clear();
            }
        }
        self
    }
}

/// The tags of a page, as browsers find them (WHATWG HTML, "Tokenization").
pub(super) fn html(page: &str) -> Vec<Element> {
    let words = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let mut elements = Vec::new();
    for token in Tokenizer::new(page) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => elements.push(Element {
                name: words(&tag.name),
                attributes: tag
                    .attributes
                    .iter()
                    .map(|(name, value)| (words(name), words(value)))
                    .collect(),
            }),
            Token::EndTag(tag) => elements.push(Element {
                name: format!("/{}", words(&tag.name)),
                attributes: Vec::new(),
            }),
            Token::Comment(comment) => panic!("a comment: {:?}", words(&comment)),
            Token::String(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    elements
}

/// The elements of a document, which must be well-formed and hold only characters that XML 1.0 has (section 2.2).
pub(super) fn xml(document: &str) -> Vec<Element> {
    let is_char = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(document.chars().all(is_char), "{document:?}");
    let mut reader = Reader::from_str(document);
    let mut elements = Vec::new();
    let mut depth = 0_usize;
    loop {
        match reader
            .read_event()
            .unwrap_or_else(|error| panic!("{error}: {document}"))
        {
            Event::Start(start) => {
                depth += 1;
                elements.push(element(&start));
            }
            Event::Empty(start) => elements.push(element(&start)),
            Event::End(_) => depth -= 1,
            Event::GeneralRef(name) => {
                let name: &str = name.as_ref();
                assert!(["amp", "lt", "gt", "quot", "apos"].contains(&name), "&{name};");
            }
            Event::Text(_) | Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?} in {document}"),
        }
    }
    assert_eq!(depth, 0, "{document}");
    elements
}

fn element(start: &BytesStart<'_>) -> Element {
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("attributes are well-formed");
        (attribute.key.as_ref().to_owned(), attribute.value.to_string())
    });
    Element {
        name: start.name().as_ref().to_owned(),
        attributes: attributes.collect(),
    }
}

/// No character of `marks` stands in a markdown text without a backslash before it, and no backslash is left over.
pub(super) fn assert_escaped(text: &str, marks: &str) {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            assert!(chars.next().is_some(), "half an escape at the end of {text:?}");
        } else {
            assert!(!marks.contains(c), "{c} is not escaped in {text:?}");
        }
    }
}

/// A text up to a mark that is not escaped, without its escapes, and what comes behind the mark.
pub(super) fn until(text: &str, mark: char) -> (String, &str) {
    let mut plain = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next().map(|(_, c)| c)),
            c if c == mark => return (plain, &text[at + c.len_utf8()..]),
            c => plain.push(c),
        }
    }
    panic!("no {mark} in {text:?}");
}
