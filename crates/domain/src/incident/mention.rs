//! Mentions: `@` and a word by which somebody is known. Owns whom a word means; never how a mention looks.

use jiff::Timestamp;

use super::{Actor, Change};
use crate::{
    directory::{Directory, Standing, User},
    id::UserId,
    paging,
};

/// Most people whom one note tells.
pub const MENTIONED_MAX: usize = 20;
/// How much of a note is in the message to those whom it mentions, in characters.
const QUOTED_CHARS_MAX: usize = 300;

/// Where an `@` mentions something, and the word behind it: letters and digits, with `.`, `-`, `_` between them. A mail
/// address mentions nobody.
#[must_use]
pub fn ats(text: &str) -> Vec<(usize, &str)> {
    let joins = |sign: char| sign.is_alphanumeric() || matches!(sign, '.' | '-' | '_');
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|sign| joins(sign) || sign == '@' || sign == '/') {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|sign| !joins(sign)).unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches(['.', '-', '_']);
        let is_address = rest[word.len()..].starts_with('@');
        if word.starts_with(char::is_alphanumeric) && !is_address {
            found.push((at, word));
        }
    }
    found
}

/// Whom a text mentions, each once, in its order. A word means whoever has it before the `@` of their mail address;
/// where nobody has, everybody whose name begins with it as a word.
#[must_use]
pub fn mentioned(text: &str, directory: &Directory) -> Vec<UserId> {
    let mut found = Vec::new();
    for (_, word) in ats(text) {
        let word = word.to_lowercase();
        let known = |by: fn(&User) -> Option<&str>| {
            let people = directory.users.values();
            let people = people.filter(|user| user.standing != Standing::Disabled);
            let mut ids: Vec<UserId> = people
                .filter(|user| by(user).is_some_and(|own| own.to_lowercase() == word))
                .map(|user| user.id)
                .collect();
            ids.sort_unstable();
            ids
        };
        let mut meant = known(|user| user.email.split('@').next());
        if meant.is_empty() {
            meant = known(|user| user.name.split_whitespace().next());
        }
        for id in meant {
            if found.len() < MENTIONED_MAX && !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

impl Change {
    /// Tells those whom a note mentions, by the channels of their news: it is no page. Nobody is told of a note of
    /// their own.
    pub(super) fn tell_mentioned(&mut self, note: &str, actor: &Actor, directory: &Directory, now: Timestamp) {
        if self.incident.is_test {
            return;
        }
        let quoted: String = note.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = quoted.chars().take(QUOTED_CHARS_MAX).collect();
        if short.len() < quoted.len() {
            short.push('…');
        }
        let why = format!("{} mentioned you in a note: “{short}”", actor.name());
        for user in mentioned(note, directory) {
            if actor.user() != Some(user) {
                let told = paging::personal_notice(directory, self.incident.service, user, &why, now);
                self.deliveries.extend(told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_words_behind_an_at() {
        let text = "@Jane, see @max.power. Not a@b.example, @@x, `@y`; (@zoë) https://x.example/@q @me@host.example @";
        let words: Vec<&str> = ats(text).into_iter().map(|(_, word)| word).collect();
        assert_eq!(words, ["Jane", "max.power", "y", "zoë"]);
    }
}
