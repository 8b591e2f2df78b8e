//! Where a message goes in Slack: conversations, members, mail addresses, rooms by name, each in a workspace or not.
//!
//! It only reads texts; who has a mail address is asked elsewhere.

/// Longest address, in characters: a mail address may have 254 (RFC 5321), a workspace stands before it.
const ADDRESS_CHARS_MAX: usize = 300;
/// Longest name of a channel, in characters (Slack, "conversations.create", `invalid_name_maxlength`).
const NAME_CHARS_MAX: usize = 80;

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `T…`, where one was named; an organisation's own is `E…`.
    pub(super) team: Option<String>,
    /// Who or what within it.
    pub(super) target: Target,
}

/// Who or what a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The workspace's default channel.
    Default,
    /// A channel `C…`, a group `G…` or a direct conversation `D…`.
    Conversation(String),
    /// A member, `U…` or `W…`: `chat.postMessage` takes one in the place of a channel (Slack, "chat.postMessage",
    /// "Channels") and writes to the app's conversation with that person.
    Member(String),
    /// A member by mail address.
    Mail(String),
    /// A channel by its name, which begins with `#`.
    Name(String),
}

impl Address {
    /// Reads `C0123`, `T0123/U0456`, `jane@example.com`, `#ops`; empty and `#default` mean the default channel.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().count() > ADDRESS_CHARS_MAX || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("is not an address of Slack".into());
        }
        let (team, rest) = match text.split_once('/') {
            Some((team, rest)) if is_id(team, &['T', 'E']) => (Some(team.to_owned()), rest),
            Some(_) => return Err("must have a workspace like T0123ABCD before the slash".into()),
            None => (None, text),
        };
        let target = match rest {
            "" | "#default" => Target::Default,
            mail if is_mail(mail) => Target::Mail(mail.to_owned()),
            id if is_id(id, &['C', 'G', 'D']) => Target::Conversation(id.to_owned()),
            id if is_id(id, &['U', 'W']) => Target::Member(id.to_owned()),
            name => Target::Name(channel_name(name)?),
        };
        Ok(Self { team, target })
    }
}

/// Reads where messages go, as it will be used: `C0123`, `T0123/U0456`, `jane@example.com`, `#ops`, or nothing for
/// the default channel.
///
/// # Errors
///
/// What is wrong, in words for the person who entered it.
pub fn check_address(text: &str) -> Result<String, String> {
    Address::parse(text).map(|_| text.trim().to_owned())
}

/// A message that was posted: what a receipt's `provider_id` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    /// The workspace.
    pub(super) team: String,
    /// The conversation's id; for a member this is the direct conversation.
    pub(super) channel: String,
    /// Which message in it.
    pub(super) ts: String,
}

impl Posted {
    /// Reads `T…/C…/ts`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (team, channel, ts) = (parts.next()?, parts.next()?, parts.next()?);
        let number = !ts.is_empty() && ts.chars().all(|c| c.is_ascii_digit() || c == '.');
        (parts.next().is_none() && is_id(channel, &['C', 'G', 'D']) && number).then(|| Self {
            team: team.to_owned(),
            channel: channel.to_owned(),
            ts: ts.to_owned(),
        })
    }
}

impl std::fmt::Display for Posted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.team, self.channel, self.ts)
    }
}

/// An identity of Slack: one of these letters, then capital letters and digits.
pub(super) fn is_id(text: &str, kinds: &[char]) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|kind| kinds.contains(&kind))
        && text.len() > 1
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// Something before and behind the only `@`.
pub(super) fn is_mail(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

/// Names of channels have no capitals, spaces or full stops (Slack, "conversations.create", "Naming").
fn channel_name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('#').unwrap_or(text);
    let known = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || matches!(c, '-' | '_');
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(known) {
        return Err(
            "must be a channel (C0123ABCD or #name), a member (U0123ABCD) or a member's mail address, if need be with \
             a workspace before it: T0123ABCD/C0123ABCD"
                .into(),
        );
    }
    Ok(format!("#{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Option<String>, Target) {
        let Address { team, target } = Address::parse(text).unwrap();
        (team, target)
    }

    #[test]
    fn each_kind_of_address_is_read() {
        assert_eq!(parsed(""), (None, Target::Default));
        assert_eq!(parsed("#default"), (None, Target::Default));
        assert_eq!(parsed("T01/"), (Some("T01".into()), Target::Default));
        assert_eq!(parsed("C0123"), (None, Target::Conversation("C0123".into())));
        assert_eq!(
            parsed("E01/G0123"),
            (Some("E01".into()), Target::Conversation("G0123".into()))
        );
        assert_eq!(
            parsed("T01/D0123"),
            (Some("T01".into()), Target::Conversation("D0123".into()))
        );
        assert_eq!(parsed("W0123"), (None, Target::Member("W0123".into())));
        assert_eq!(
            parsed(" T01/jane@example.com "),
            (Some("T01".into()), Target::Mail("jane@example.com".into()))
        );
        assert_eq!(parsed("#ops-alerts"), (None, Target::Name("#ops-alerts".into())));
        assert_eq!(parsed("общий"), (None, Target::Name("#общий".into())));
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for wrong in [
            "@jane",
            "jane@",
            "a@b@c",
            "Ops",
            "a b",
            "a\u{0}",
            "x/C0123",
            "T01/C1/2",
            "#",
            "<!channel>",
            "https://x.example/",
            &"a".repeat(81),
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_posted_message_is_named_and_found_again() {
        let posted = Posted::parse("T01/C02/1503435956.000247").unwrap();
        assert_eq!(posted.to_string(), "T01/C02/1503435956.000247");
        for wrong in ["", "T01/C02", "T01/C02/", "T01/C02/x", "T01/#ops/1.2", "T01/C02/1.2/3"] {
            assert_eq!(Posted::parse(wrong), None, "{wrong}");
        }
    }
}
