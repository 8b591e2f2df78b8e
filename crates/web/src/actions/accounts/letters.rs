//! Mails to one person about their account: what they say, and that they are sent where mail can be sent.

use jiff::Timestamp;
use opsknight_domain::{directory::Channel, id::DeliveryId};
use opsknight_store::{
    Store,
    db::{DbError, Tx},
    deliveries::{self, AccountMessage, AccountText},
    users::UserRow,
};

/// What a mail to one person is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Letter {
    /// They are invited: the link, and until when it works in words.
    Invitation(String),
    /// An administrator made them a link to choose a password by.
    PasswordLink(String),
    /// They asked for one themselves.
    Forgotten(String),
    /// They asked for one, but sign in by a provider only: the link to that page, and what the provider is called.
    ByProviderOnly(String, String),
    /// Something about how they sign in has changed.
    Notice(Notice),
}

/// What has changed about how somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Their password was changed.
    PasswordChanged,
    /// Codes are asked for from now on.
    SecondStepOn,
    /// Codes are not asked for any more; by whom that was done.
    SecondStepOff(By),
    /// New recovery codes were made.
    CodesRenewed,
    /// A recovery code was used; so many are left.
    CodeUsed(i64),
    /// A passkey with this name was added.
    PasskeyAdded(String),
    /// A passkey with this name was removed, by whom.
    PasskeyRemoved(String, By),
}

/// Who changed something about somebody's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// They themselves.
    Themselves,
    /// An administrator or a program, by name.
    Other(String),
}

impl By {
    fn words(&self) -> String {
        match self {
            Self::Themselves => String::new(),
            Self::Other(name) => format!(" by {name}"),
        }
    }
}

/// Ends each message about something that its reader should have done.
const NOT_YOU: &str = "If this was not you, change your password, look under Profile, Security where you are signed in, \
                       and tell an administrator.";

impl Letter {
    /// Subject, text without the greeting, and what it is called in the log.
    fn words(&self) -> (&'static str, String, &'static str) {
        match self {
            Self::Invitation(link) => (
                "You are invited to OpsKnight",
                format!(
                    "You are invited to OpsKnight, where alerts become incidents and whoever is on call is paged. Accept \
                     here and choose how you sign in.\n\n{link}\n\nThe link works once, for seven days."
                ),
                "invitation",
            ),
            Self::PasswordLink(link) => (
                "Choose a new OpsKnight password",
                format!(
                    "Choose a new password here. Everywhere you are signed in now, you are signed out then.\n\n{link}\n\n\
                     The link works once, for seven days."
                ),
                "password link",
            ),
            Self::Forgotten(link) => (
                "Choose a new OpsKnight password",
                format!(
                    "Somebody, most likely you, asked for a new password. Choose one here. Everywhere you are signed in \
                     now, you are signed out then.\n\n{link}\n\nThe link works once, for an hour. If it was not you, \
                     nothing has changed and there is nothing to do."
                ),
                "password link",
            ),
            Self::ByProviderOnly(link, name) => (
                "How you sign in to OpsKnight",
                format!(
                    "Somebody, most likely you, asked for a new password. You have none here: you sign in with \
                     {name}.\n\n{link}\n\nIf you cannot, ask an administrator."
                ),
                "password link",
            ),
            Self::Notice(notice) => {
                let (subject, text) = notice.words();
                (subject, format!("{text}\n\n{NOT_YOU}"), "security notice")
            }
        }
    }
}

impl From<Notice> for Letter {
    fn from(notice: Notice) -> Self {
        Self::Notice(notice)
    }
}

impl Notice {
    /// Subject, and what has happened.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::PasswordChanged => (
                "Your OpsKnight password was changed",
                "Your password was changed, and other devices were signed out.".to_owned(),
            ),
            Self::SecondStepOn => (
                "Two-step sign-in is on",
                "From now on a code from your app is asked for when you sign in with your password.".to_owned(),
            ),
            Self::SecondStepOff(by) => {
                let by = by.words();
                (
                    "Two-step sign-in is off",
                    format!("Two-step sign-in was switched off{by}. Your password alone signs you in now."),
                )
            }
            Self::CodesRenewed => (
                "New recovery codes were made",
                "New recovery codes were made for your account. The earlier ones work no more.".to_owned(),
            ),
            Self::CodeUsed(left) => {
                let left = codes_left(*left);
                (
                    "A recovery code was used",
                    format!("Somebody signed in to your account with one of your recovery codes. {left}"),
                )
            }
            Self::PasskeyAdded(name) => (
                "A passkey was added",
                format!("The passkey “{name}” was added to your account. It signs you in without a password."),
            ),
            Self::PasskeyRemoved(name, by) => {
                let by = by.words();
                (
                    "A passkey was removed",
                    format!("The passkey “{name}” was removed from your account{by}."),
                )
            }
        }
    }
}

/// How many recovery codes there still are, as a sentence.
pub(crate) fn codes_left(left: i64) -> String {
    match left {
        0 => "None is left: make new ones.".to_owned(),
        1 => "One is left: make new ones soon.".to_owned(),
        left => format!("{left} are left."),
    }
}

/// Puts a mail to somebody on its way, where mail can be sent, and says whether it can.
pub(crate) async fn tell(
    tx: &mut Tx<'_>,
    store: &Store,
    (id, user): (DeliveryId, &UserRow),
    letter: &Letter,
    now: Timestamp,
) -> Result<bool, DbError> {
    let picture = store.pictures.current(tx, now).await?;
    if !picture.directory.channels.contains(&Channel::Email) {
        return Ok(false);
    }
    let (subject, text, reason) = letter.words();
    let message = AccountMessage {
        id,
        user: user.id,
        channel: Channel::Email,
        address: user.email.clone(),
        text: AccountText {
            subject: subject.to_owned(),
            text: format!("Hello {},\n\n{text}", user.name),
        },
        reason: reason.to_owned(),
    };
    deliveries::send_account_message(tx, &store.sealer, &message, now).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_words() {
        assert_eq!(codes_left(0), "None is left: make new ones.");
        assert_eq!(codes_left(9), "9 are left.");
        let (_, text, reason) = Letter::Notice(Notice::SecondStepOff(By::Other("Ada".into()))).words();
        assert!(text.contains("switched off by Ada."), "{text}");
        assert_eq!(reason, "security notice");
    }
}
