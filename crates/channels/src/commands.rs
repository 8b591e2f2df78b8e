//! What people text back: `ack 4217`, `resolve all`, `STOP`.
//!
//! It reads words and nothing else: whose they are, which incident a code means and whether the person may do that is
//! for others to say. What it does not surely understand is no command.

/// Longest text that is looked at, in bytes: commands are short, and what people write to each other is not.
const TEXT_BYTES_MAX: usize = 120;
/// Most digits of a code.
const CODE_DIGITS_MAX: usize = 9;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// They look at it.
    Acknowledge(Which),
    /// It is over.
    Resolve(Which),
    /// No more messages to this phone.
    Stop,
    /// Messages to this phone again.
    Start,
    /// What can be said.
    Help,
}

/// What they want it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The page with this code.
    Code(String),
    /// Everything that they were called to.
    All,
    /// They name nothing: it must be the one thing that they were called to, or the message that they answered.
    Only,
}

/// Reads a text message, or the text or the payload of a pressed button (`ack:4217`). None: it is no command.
///
/// `STOP` and its like are what Twilio takes for them by default ("Twilio support for opt-out keywords", "Update to
/// FCC's SMS opt-out keywords"); as there, they count only where the message says nothing else.
#[must_use]
pub fn parse(text: &str) -> Option<Command> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [word] => keyword(word).or_else(|| Some(verb(word)?.on(Which::Only))),
        ["stop", "all"] => Some(Command::Stop),
        [first, second] => match (verb_or_letter(first), verb_or_letter(second)) {
            (Some(verb), None) => Some(verb.on(which(second)?)),
            (None, Some(verb)) => Some(verb.on(which(first)?)),
            (Some(_), Some(_)) | (None, None) => None,
        },
        _ => None,
    }
}

/// The words in small letters, without what surrounds them, digits and letters apart.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = None;
    for c in text.chars() {
        let kind = match c {
            '0'..='9' => Some(true),
            c if c.is_alphanumeric() => Some(false),
            _ => None,
        };
        if kind != last || kind.is_none() {
            words.push(String::new());
        }
        if let (Some(_), Some(word)) = (kind, words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        last = kind;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn keyword(word: &str) -> Option<Command> {
    match word {
        "stop" | "stopall" | "unsubscribe" | "cancel" | "end" | "quit" | "revoke" | "optout" => Some(Command::Stop),
        "start" | "unstop" | "yes" => Some(Command::Start),
        "help" | "info" => Some(Command::Help),
        _ => None,
    }
}

/// What is to be done, before it is known with what.
#[derive(Clone, Copy)]
enum Verb {
    Acknowledge,
    Resolve,
}

impl Verb {
    const fn on(self, which: Which) -> Command {
        match self {
            Self::Acknowledge => Command::Acknowledge(which),
            Self::Resolve => Command::Resolve(which),
        }
    }
}

fn verb(word: &str) -> Option<Verb> {
    match word {
        "ack" | "acked" | "acknowledge" | "acknowledged" => Some(Verb::Acknowledge),
        "res" | "resolve" | "resolved" => Some(Verb::Resolve),
        _ => None,
    }
}

/// Beside a code one letter is enough; alone it may be anything.
fn verb_or_letter(word: &str) -> Option<Verb> {
    match word {
        "a" => Some(Verb::Acknowledge),
        "r" => Some(Verb::Resolve),
        _ => verb(word),
    }
}

fn which(word: &str) -> Option<Which> {
    if word == "all" {
        return Some(Which::All);
    }
    let code = word.len() <= CODE_DIGITS_MAX && word.bytes().all(|b| b.is_ascii_digit());
    code.then(|| Which::Code(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: &str) -> Which {
        Which::Code(code.into())
    }

    #[test]
    fn every_way_to_acknowledge_and_to_resolve_is_understood() {
        for text in [
            "ack 4217",
            "Ack 4217.",
            "ACK #4217",
            "acknowledge 4217",
            "Acknowledged: 4217!",
            "a 4217",
            "A4217",
            "ack4217",
            "4217 ack",
            "4217a",
            "#4217 Ack",
            "  \"ack 4217\"\r\n",
            "\u{201c}Ack\u{a0}4217\u{201d}",
            "'ack 4217'",
            "ack:4217",
        ] {
            assert_eq!(parse(text), Some(Command::Acknowledge(code("4217"))), "{text}");
        }
        for text in ["resolve 0042", "Resolved 0042", "r 0042", "0042 RES", "resolve:0042"] {
            assert_eq!(parse(text), Some(Command::Resolve(code("0042"))), "{text}");
        }
        assert_eq!(parse("ack all"), Some(Command::Acknowledge(Which::All)));
        assert_eq!(parse("All ACK."), Some(Command::Acknowledge(Which::All)));
        assert_eq!(parse("resolve all"), Some(Command::Resolve(Which::All)));
        assert_eq!(parse("ack"), Some(Command::Acknowledge(Which::Only)));
        assert_eq!(parse("Acknowledge"), Some(Command::Acknowledge(Which::Only)));
        assert_eq!(parse(" Resolve! "), Some(Command::Resolve(Which::Only)));
    }

    #[test]
    fn the_keywords_of_phone_companies_are_theirs() {
        for text in [
            "STOP",
            "stop",
            "Stop.",
            "StopAll",
            "stop all",
            "UNSUBSCRIBE",
            "Cancel",
            "END",
            "quit",
            "REVOKE",
            "OptOut",
        ] {
            assert_eq!(parse(text), Some(Command::Stop), "{text}");
        }
        for text in ["START", "unstop", "Yes"] {
            assert_eq!(parse(text), Some(Command::Start), "{text}");
        }
        for text in ["HELP", "info", "help?"] {
            assert_eq!(parse(text), Some(Command::Help), "{text}");
        }
    }

    #[test]
    fn what_is_not_surely_a_command_is_none() {
        for text in [
            "",
            " \u{a0}\t",
            "4217",
            "a",
            "r",
            "all",
            "ack 4217 please",
            "ack resolve",
            "ack 4217 4218",
            "ack 42 17",
            "ack tomorrow",
            "ack 1234567890",
            "ack ٤٢١٧",
            "please stop",
            "cancel 4217",
            "yes all",
            "backtrack 4217",
            "I am on it",
            "4217 4218",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("ack 4217{}", " ".repeat(200))), None);
    }
}
