//! MarkdownV2 read as the Bot API's "Formatting options" have it, as far as we write it: bold, links, escapes.

/// What a text shows.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// All of it, without markup.
    pub(super) shown: String,
    /// What is bold.
    pub(super) bold: Vec<String>,
    /// Where its links lead.
    pub(super) links: Vec<String>,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Read, String> {
    let mut read = Read::default();
    let mut chars = text.chars();
    let mut bold: Option<String> = None;
    let mut in_link = false;
    while let Some(c) = chars.next() {
        let literal = match c {
            '\\' => match chars.next() {
                Some(escaped @ '\u{1}'..='\u{7e}') => escaped,
                other => return Err(format!("{other:?} cannot be escaped")),
            },
            '*' => {
                match bold.take() {
                    Some(done) => read.bold.push(done),
                    None => bold = Some(String::new()),
                }
                continue;
            }
            '[' if !in_link => {
                in_link = true;
                continue;
            }
            ']' if in_link => {
                in_link = false;
                read.links.push(address(&mut chars)?);
                continue;
            }
            '_' | '[' | ']' | '(' | ')' | '~' | '`' | '>' | '#' | '+' | '-' | '=' | '|' | '{' | '}' | '.' | '!' => {
                return Err(format!("character '{c}' is reserved and must be escaped"));
            }
            c => c,
        };
        read.shown.push(literal);
        if let Some(bold) = &mut bold {
            bold.push(literal);
        }
    }
    match (bold, in_link) {
        (None, false) => Ok(read),
        _ => Err("an entity has no end".into()),
    }
}

/// What stands in round brackets behind the words of a link.
fn address(chars: &mut std::str::Chars<'_>) -> Result<String, String> {
    if chars.next() != Some('(') {
        return Err("a link has no address".into());
    }
    let mut address = String::new();
    loop {
        match chars.next() {
            Some(')') => return Ok(address),
            Some('\\') => address.extend(chars.next()),
            Some(c) => address.push(c),
            None => return Err("an address has no end".into()),
        }
    }
}
