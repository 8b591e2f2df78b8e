//! How somebody signs in: the second step, passkeys, the password, where they are signed in; what an administrator sees
//! of it; and how people sign in at all.

use std::fmt::Write as _;

use askama::Template;

use super::{Bare, Field, FormError, Select, Shell, Times, form::errors};

/// `/login/second`: a code is asked for.
#[derive(Debug, Clone, Template)]
#[template(path = "gate/second.html")]
pub struct SecondStep {
    /// Around the page.
    pub shell: Bare,
    /// Where to go afterwards, a path of ours, sent back as `next`.
    pub next: String,
    /// `code`
    pub code: Field,
    /// `recovery_code`
    pub recovery_code: Field,
    /// Why it was refused as a whole: too many tries.
    pub refused: Option<String>,
}

/// `/forgot`: a link for a new password is asked for.
#[derive(Debug, Clone, Template)]
#[template(path = "gate/forgot.html")]
pub struct Forgot {
    /// Around the page.
    pub shell: Bare,
    /// How far it has come.
    pub state: ForgotState,
}

/// How far asking for a new password has come.
#[derive(Debug, Clone)]
pub enum ForgotState {
    /// The address is asked for: `email`, and why it was refused as a whole.
    Ask(Field, Option<String>),
    /// If there is such an account, a mail is on its way to this address.
    Sent(String),
    /// No mail can be sent: the names of those to ask.
    NoMail(Vec<String>),
}

/// `/profile/security`
#[derive(Debug, Clone, Template)]
#[template(path = "security/show.html")]
pub struct Security {
    /// Around the page.
    pub shell: Shell,
    /// The provider by which alone the viewer signs in, where that is so.
    pub provider_only: Option<String>,
    /// Since when a code is asked for; none: it is not.
    pub second: Option<SecondStepState>,
    /// `proof`: the password or a code
    pub proof: Field,
    /// Their passkeys.
    pub passkeys: Vec<PasskeyRow>,
    /// Why there can be none here.
    pub no_passkeys: Option<&'static str>,
    /// `name` of a new one
    pub passkey_name: Field,
    /// They have a password.
    pub has_password: bool,
    /// `current_password`
    pub current_password: Field,
    /// `new_password`
    pub new_password: Field,
    /// Where they are signed in, this one first.
    pub sessions: Vec<SessionRow>,
    /// What is wrong with the whole.
    pub refused: Option<String>,
}

impl Security {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.refused.iter().map(FormError::whole);
        let fields = [&self.proof, &self.current_password, &self.new_password];
        let names = self.passkeys.iter().map(|passkey| &passkey.name);
        whole.chain(errors(fields.into_iter().chain(names))).collect()
    }
}

/// How the second step stands.
#[derive(Debug, Clone)]
pub struct SecondStepState {
    /// Since when it is asked for.
    pub since: Times,
    /// How many recovery codes are left.
    pub codes_left: i64,
}

/// A passkey in the list.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// Its identity.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// `name` of the form that renames it
    pub name: Field,
    /// When it was made.
    pub created: Times,
    /// When it was used last.
    pub used: Option<Times>,
}

/// A place where somebody is signed in.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Its identity, which is not its token.
    pub id: String,
    /// "Firefox on Linux".
    pub device: String,
    /// From which address.
    pub address: String,
    /// Since when.
    pub since: Times,
    /// When it was last used.
    pub seen: Times,
    /// It is this one.
    pub current: bool,
}

/// `/profile/security/second-step`: an app is set up.
#[derive(Debug, Clone, Template)]
#[template(path = "security/second_step.html")]
pub struct SecondStepSetup {
    /// Around the page.
    pub shell: Shell,
    /// The picture that the app reads.
    pub qr: Option<QrPicture>,
    /// The same as text, in groups of four.
    pub key: String,
    /// The same as a link, for an app on this very device.
    pub uri: String,
    /// `code`
    pub code: Field,
    /// What is wrong with the whole.
    pub refused: Option<String>,
}

impl SecondStepSetup {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.refused.iter().map(FormError::whole);
        whole.chain(errors([&self.code])).collect()
    }
}

/// A QR code as a path of squares, one unit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrPicture {
    /// Its width with the quiet zone around it, in units.
    pub width: usize,
    /// The squares: `M4 4h1v1h-1z…`
    pub path: String,
}

/// How wide the empty margin of a QR code is, in units (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

impl QrPicture {
    /// The picture of a text; none where it is too long for one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = qrcode::QrCode::new(text).ok()?;
        let side = code.width();
        let mut path = String::new();
        for (at, colour) in code.to_colors().into_iter().enumerate() {
            if colour == qrcode::Color::Dark {
                let (x, y) = (at % side + QUIET_ZONE, at / side + QUIET_ZONE);
                // Writing to a String cannot fail.
                let _ = write!(path, "M{x} {y}h1v1h-1z");
            }
        }
        Some(Self {
            width: side + 2 * QUIET_ZONE,
            path,
        })
    }
}

/// The recovery codes, shown once.
#[derive(Debug, Clone, Template)]
#[template(path = "security/codes.html")]
pub struct RecoveryCodes {
    /// Around the page.
    pub shell: Shell,
    /// The codes.
    pub codes: Vec<String>,
    /// The second step was set up just now; else only the codes are new.
    pub just_on: bool,
}

impl RecoveryCodes {
    /// One code a line, to be copied.
    #[must_use]
    pub fn text(&self) -> String {
        self.codes.join("\n")
    }
}

/// What an administrator sees of how somebody signs in.
#[derive(Debug, Clone)]
pub struct Access {
    /// Since when a code is asked for.
    pub second: Option<Times>,
    /// Their passkeys.
    pub passkeys: Vec<PasskeyRow>,
    /// Where they are signed in.
    pub sessions: Vec<SessionRow>,
}

/// Somebody who is invited and has not come yet.
#[derive(Debug, Clone)]
pub struct InvitationRow {
    /// Their identity.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Who invited them.
    pub by: String,
    /// When the link was made and until when it works; none: no link works.
    pub link: Option<(Times, Times)>,
}

/// `/settings/sign-in`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/sign_in.html")]
pub struct SignInSettings {
    /// Around the page.
    pub shell: Shell,
    /// What must be entered at the provider.
    pub redirect_url: String,
    /// `issuer`
    pub issuer: Field,
    /// `client_id`
    pub client_id: Field,
    /// `client_secret`
    pub client_secret: Field,
    /// A secret is saved.
    pub secret_saved: bool,
    /// `name`
    pub name: Field,
    /// `domains`, separated by commas or spaces
    pub domains: Field,
    /// `admit` (`on`)
    pub admit: Field,
    /// `role`
    pub role: Select,
    /// `passwords` (`on`)
    pub passwords: Field,
    /// Something is saved.
    pub is_saved: bool,
    /// What the provider said to a test.
    pub answer: Option<(bool, String)>,
    /// A secret that was typed for the test must be typed again.
    pub retype: bool,
    /// What is wrong with the whole.
    pub refused: Option<String>,
}

impl SignInSettings {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.refused.iter().map(FormError::whole);
        let fields = [
            &self.issuer,
            &self.client_id,
            &self.client_secret,
            &self.name,
            &self.domains,
            &self.role.field,
        ];
        whole.chain(errors(fields)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_quiet_zone_and_the_corners_that_scanners_look_for() {
        let picture = QrPicture::of("otpauth://totp/OpsKnight:ada?secret=GEZDGNBVGY3TQOJQ").unwrap();
        assert!(picture.path.starts_with("M4 4h1v1h-1zM5 4h"), "{}", &picture.path[..40]);
        assert_eq!(
            (picture.width - 2 * QUIET_ZONE - 17) % 4,
            0,
            "the side of a QR code is 17 and 4 for each version"
        );
        assert_eq!(QrPicture::of(&"x".repeat(10_000)), None);
    }
}
