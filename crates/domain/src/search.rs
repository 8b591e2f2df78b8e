//! Words by which incidents are found: how a text is cut into them, and what a question for them means.
//!
//! The same cut is made when an incident is written and when somebody searches, so that no database has a say in it.

/// Longest word that is kept, in characters; what follows of a longer one is not looked at.
pub const WORD_CHARS_MAX: usize = 40;
/// Most words of one incident.
pub const WORDS_MAX: usize = 100;
/// Most words of one question.
pub const ASKED_MAX: usize = 8;
/// From how many characters on a word also stands for longer ones that begin with it.
pub const PREFIX_CHARS_MIN: usize = 3;

/// The words of a text, in lower case: everything between signs that are neither letters nor digits.
fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|sign: char| !sign.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(|part| {
        let lower = part.chars().flat_map(char::to_lowercase);
        // What becomes of some letters in lower case is more than a letter.
        lower
            .filter(|sign| sign.is_alphanumeric())
            .take(WORD_CHARS_MAX)
            .collect()
    })
}

/// The words of an incident as they are kept: each once, between spaces, with a space at either end; empty where there
/// are none.
#[must_use]
pub fn kept<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all: Vec<String> = Vec::new();
    for word in texts.into_iter().flat_map(words) {
        if all.len() == WORDS_MAX {
            break;
        }
        if !word.is_empty() && !all.contains(&word) {
            all.push(word);
        }
    }
    if all.is_empty() {
        return String::new();
    }
    format!(" {} ", all.join(" "))
}

/// One word of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The word: letters and digits alone.
    pub word: String,
    /// Longer words that begin with it are meant too.
    pub prefix: bool,
}

/// The words of a question; all of them are wanted. Without any, nothing is found.
#[must_use]
pub fn asked(question: &str) -> Vec<Asked> {
    let words = words(question).filter(|word| !word.is_empty()).take(ASKED_MAX);
    words
        .map(|word| Asked {
            prefix: word.chars().count() >= PREFIX_CHARS_MIN,
            word,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(question: &str, texts: &[&str]) -> bool {
        let kept = kept(texts.iter().copied());
        let asked = asked(question);
        !asked.is_empty()
            && asked
                .iter()
                .all(|Asked { word, prefix }| kept.contains(&format!(" {word}{}", if *prefix { "" } else { " " })))
    }

    #[test]
    fn whole_words_and_beginnings_are_found() {
        let texts = ["Disk 91 % full on worker-07.eu", "disk/worker", "1847"];
        for found in ["disk", "DISK full", "work", "worker-07", "#1847", "184", "91", "eu on"] {
            assert!(finds(found, &texts), "{found}");
        }
        for missed in ["isk", "o", "disks", "847", "18", "", "%", "disk empty"] {
            assert!(!finds(missed, &texts), "{missed}");
        }
    }

    #[test]
    fn words_are_kept_once_and_bounded() {
        assert_eq!(kept(["a-b", "B c"]), " a b c ");
        assert_eq!(kept(["…"]), "");
        let long = "x".repeat(100);
        assert_eq!(kept([long.as_str()]).len(), WORD_CHARS_MAX + 2);
        assert!(finds(&long, &[&long]));
        let many: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
        assert_eq!(kept([many.join(" ").as_str()]).split(' ').count(), WORDS_MAX + 2);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_letters_and_digits_between_spaces(text in any::<String>()) {
            let kept = kept([text.as_str()]);
            prop_assert!(kept.chars().all(|sign| sign == ' ' || sign.is_alphanumeric()));
            prop_assert!(!kept.contains("  "));
        }

        #[test]
        fn every_text_is_found_by_itself(text in "\\PC{0,40}") {
            prop_assert!(asked(&text).is_empty() || finds(&text, &[&text]));
        }
    }
}
