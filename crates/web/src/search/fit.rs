//! How well words fit a name. Knows no list.

/// Longest search text that is looked at, in characters.
const CHARS_MAX: usize = 200;
/// Most words that are looked at.
const WORDS_MAX: usize = 8;

/// How well words fit; the smaller the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// They are the name.
    Whole,
    /// The name begins with them.
    Beginning,
    /// Each begins a word of the name.
    EachBeginsAWord,
    /// Each is somewhere in the name.
    Within,
    /// Each is somewhere in the name or in what else is known.
    Elsewhere,
}

/// The words that somebody looks for, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    whole: String,
    each: Vec<String>,
}

impl Words {
    /// Reads what was typed.
    pub(crate) fn of(text: &str) -> Self {
        let text: String = text.chars().take(CHARS_MAX).collect::<String>().to_lowercase();
        let each: Vec<String> = text.split_whitespace().take(WORDS_MAX).map(str::to_owned).collect();
        Self {
            whole: each.join(" "),
            each,
        }
    }

    /// Nothing was typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// How well they fit a name, or what else is known of a thing; none: not at all.
    pub(crate) fn fit(&self, name: &str, others: &[&str]) -> Option<Fit> {
        let name = name.to_lowercase();
        if self.is_empty() {
            return None;
        }
        if name == self.whole {
            return Some(Fit::Whole);
        }
        if name.starts_with(&self.whole) {
            return Some(Fit::Beginning);
        }
        let begins = |word: &String| parts(&name).any(|part| part.starts_with(word.as_str()));
        if self.each.iter().all(begins) {
            return Some(Fit::EachBeginsAWord);
        }
        if self.each.iter().all(|word| name.contains(word.as_str())) {
            return Some(Fit::Within);
        }
        let others: Vec<String> = others.iter().map(|text| text.to_lowercase()).collect();
        let anywhere =
            |word: &String| name.contains(word.as_str()) || others.iter().any(|text| text.contains(word.as_str()));
        self.each.iter().all(anywhere).then_some(Fit::Elsewhere)
    }
}

/// The rest of a name from each beginning of a word in it: "checkout-api" has "checkout-api" and "api".
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    name.char_indices().filter_map(move |(at, sign)| {
        let begins = sign.is_alphanumeric() && !inside;
        inside = sign.is_alphanumeric();
        begins.then(|| &name[at..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(words: &str, name: &str) -> Option<Fit> {
        Words::of(words).fit(name, &["ann@example.com"])
    }

    #[test]
    fn a_name_is_before_its_beginning_before_its_words_before_the_rest() {
        assert_eq!(fit("checkout api", "Checkout API"), Some(Fit::Whole));
        assert_eq!(fit(" CHECK ", "Checkout API"), Some(Fit::Beginning));
        assert_eq!(fit("api check", "Checkout-API"), Some(Fit::EachBeginsAWord));
        assert_eq!(fit("out", "Checkout API"), Some(Fit::Within));
        assert_eq!(fit("api ann@", "Checkout API"), Some(Fit::Elsewhere));
        assert_eq!(fit("api ben", "Checkout API"), None);
        assert_eq!(fit("", "Checkout API"), None);
    }

    #[test]
    fn other_scripts_and_endless_texts_are_taken_too() {
        assert_eq!(fit("größe", "Die Größe"), Some(Fit::EachBeginsAWord));
        assert_eq!(fit("مرحبا", "مرحبا بك"), Some(Fit::Beginning));
        assert_eq!(fit(&"x ".repeat(10_000), "x"), Some(Fit::EachBeginsAWord));
    }
}
