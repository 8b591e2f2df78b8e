//! Passkeys (Web Authentication, level 3): for which site they are made, and the two halves of each ceremony. Between
//! the halves the state is the caller's to keep; whose passkey one is, is the caller's to look up.
//!
//! The challenges are the system's random numbers, drawn by the library.

use opsknight_domain::id::UserId;
use serde_json::{Value, json};
use tracing::{error, warn};
use url::{Host, Url};
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{
        CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
        RegisterPublicKeyCredential,
    },
};

use crate::api::error::ApiError;

/// Whether passkeys can be made, and for which site.
pub(crate) enum Passkeys {
    /// They can.
    Ready(Box<Webauthn>),
    /// They cannot: why, in words for people.
    Not(&'static str),
}

/// A passkey that was made, or one that was used, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The identity that the device gave it, in base64url.
    pub(crate) id: String,
    /// The document.
    pub(crate) document: String,
}

/// What a browser is asked for, and what must be kept until it answers.
pub(crate) struct Challenge {
    /// For the browser.
    pub(crate) ask: Value,
    /// To be kept.
    pub(crate) state: String,
}

impl Passkeys {
    /// Browsers make passkeys for a domain, and only on pages that nobody on the way could have changed (Web
    /// Authentication, sections 5.1.3 and 13.4.9).
    pub(crate) fn of(public_url: &Url) -> Self {
        let domain = match public_url.host() {
            Some(Host::Domain(domain)) => domain,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                return Self::Not(
                    "Passkeys belong to a name. This server is reached by an IP address: give it a name.",
                );
            }
        };
        if public_url.scheme() != "https" && domain != "localhost" {
            return Self::Not("Browsers make passkeys only where a site is reached by https. This one is not.");
        }
        let built = WebauthnBuilder::new(domain, public_url).and_then(|builder| builder.rp_name("OpsKnight").build());
        match built {
            Ok(webauthn) => Self::Ready(Box::new(webauthn)),
            Err(error) => {
                warn!(%error, "the public URL is none that passkeys can be made for");
                Self::Not("The public URL of this server is none that passkeys can be made for.")
            }
        }
    }

    /// Why there are none.
    pub(crate) const fn why_not(&self) -> Option<&'static str> {
        match self {
            Self::Ready(_) => None,
            Self::Not(why) => Some(why),
        }
    }

    fn ready(&self) -> Result<&Webauthn, ApiError> {
        match self {
            Self::Ready(webauthn) => Ok(webauthn),
            Self::Not(why) => Err(ApiError::conflict(*why)),
        }
    }

    /// Begins to make one for somebody who has these already: a device has one for each person.
    pub(crate) fn begin_making(
        &self,
        user: UserId,
        (email, name): (&str, &str),
        known: &[String],
    ) -> Result<Challenge, ApiError> {
        let known: Vec<CredentialID> = known
            .iter()
            .filter_map(|document| read(document))
            .map(|key| key.cred_id().clone())
            .collect();
        let begun = self
            .ready()?
            .start_passkey_registration(user.uuid(), email, name, Some(known));
        let (ask, state) = begun.map_err(|error| ours(&error))?;
        let mut ask = serde_json::to_value(ask).map_err(|error| ours(&error))?;
        // One that is found without a name being typed.
        ask["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
        ask["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
        let state = serde_json::to_string(&state).map_err(|error| ours(&error))?;
        Ok(Challenge { ask, state })
    }

    /// The passkey that a browser has made.
    pub(crate) fn finish_making(&self, state: &str, answer: Value) -> Result<Credential, ApiError> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(|error| ours(&error))?;
        let answer: RegisterPublicKeyCredential = serde_json::from_value(answer).map_err(|_| not_understood())?;
        let made = self.ready()?.finish_passkey_registration(&answer, &state);
        let made = made.map_err(|error| {
            warn!(%error, "a new passkey was not taken");
            ApiError::invalid_request("the passkey was not taken; try again, or with another device")
        })?;
        credential(&made)
    }

    /// Begins signing in with whatever passkey somebody has.
    pub(crate) fn begin_using(&self) -> Result<Challenge, ApiError> {
        let begun = self.ready()?.start_discoverable_authentication();
        let (ask, state) = begun.map_err(|error| ours(&error))?;
        let ask = serde_json::to_value(ask).map_err(|error| ours(&error))?;
        let state = serde_json::to_string(&state).map_err(|error| ours(&error))?;
        Ok(Challenge { ask, state })
    }

    /// Which passkey a browser says it has used.
    pub(crate) fn named(answer: &Value) -> Option<String> {
        // The binary form in base64url, which is what is stored.
        Some(answer.get("rawId")?.as_str()?.trim_end_matches('=').to_owned())
    }

    /// Checks that the passkey with this document was used, for this person, and gives it back as it is now: its counter
    /// has moved on.
    pub(crate) fn finish_using(
        &self,
        state: &str,
        answer: Value,
        (user, document): (UserId, &str),
    ) -> Result<Credential, ApiError> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(|error| ours(&error))?;
        let answer: PublicKeyCredential = serde_json::from_value(answer).map_err(|_| not_understood())?;
        let mut passkey = read(document).ok_or_else(ApiError::internal)?;
        let webauthn = self.ready()?;
        let named = webauthn.identify_discoverable_authentication(&answer);
        if named.map_or(true, |(id, _)| id != user.uuid()) {
            return Err(ApiError::unauthorized());
        }
        let used = webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey);
        let used = used.map_err(|error| {
            warn!(%error, "a passkey was not believed");
            ApiError::unauthorized()
        })?;
        if !used.user_verified() {
            return Err(ApiError::unauthorized());
        }
        passkey.update_credential(&used);
        credential(&passkey)
    }
}

fn read(document: &str) -> Option<Passkey> {
    serde_json::from_str(document)
        .inspect_err(|error| error!(%error, "a stored passkey cannot be read"))
        .ok()
}

fn credential(passkey: &Passkey) -> Result<Credential, ApiError> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    Ok(Credential {
        id: BASE64.encode(passkey.cred_id().as_slice()),
        document: serde_json::to_string(passkey).map_err(|error| ours(&error))?,
    })
}

fn not_understood() -> ApiError {
    ApiError::invalid_request("the browser's answer is not of the form that passkeys have")
}

/// What should not be able to fail.
fn ours(error: &dyn std::fmt::Display) -> ApiError {
    error!(%error, "a passkey's ceremony failed");
    ApiError::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Passkeys {
        Passkeys::of(&url.parse().unwrap())
    }

    #[test]
    fn passkeys_need_a_name_and_a_line_that_nobody_listens_on() {
        for good in [
            "https://ops.example.com",
            "https://ops.example.com:8443",
            "http://localhost:8080",
        ] {
            assert_eq!(of(good).why_not(), None, "{good}");
        }
        for (bad, why) in [
            ("http://ops.example.com", "https"),
            ("https://192.0.2.1", "IP address"),
            ("http://127.0.0.1:8080", "IP address"),
            ("https://[::1]:8080", "IP address"),
        ] {
            assert!(of(bad).why_not().unwrap().contains(why), "{bad}");
            assert!(of(bad).begin_using().is_err());
        }
    }

    #[test]
    fn a_browser_is_asked_for_a_finger_or_a_pin() {
        let passkeys = of("https://ops.example.com");
        let user = UserId::new(uuid::Uuid::from_u128(1));
        let made = passkeys.begin_making(user, ("ada@example.com", "Ada"), &[]).unwrap();
        let selection = &made.ask["publicKey"]["authenticatorSelection"];
        assert_eq!(selection["userVerification"], "required");
        assert_eq!(selection["residentKey"], "required");
        assert_eq!(made.ask["publicKey"]["rp"]["id"], "ops.example.com");
        let used = passkeys.begin_using().unwrap();
        assert_eq!(used.ask["publicKey"]["userVerification"], "required");
        assert_eq!(used.ask["publicKey"]["allowCredentials"], json!([]));
        let refused = passkeys.finish_making(&made.state, json!({ "id": "x" })).unwrap_err();
        assert_eq!(refused.status().as_u16(), 400);
    }
}
