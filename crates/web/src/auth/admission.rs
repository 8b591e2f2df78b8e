//! Who is let in whom an OpenID provider vouches for. Pure: what the provider says, what is set and who is known go in,
//! a decision comes out.

use opsknight_domain::directory::Standing;
use opsknight_store::users::UserRow;

use crate::api::settings::sign_in::SignIn;

/// What a provider says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Who they are there, for ever.
    pub(crate) subject: String,
    /// Their mail address.
    pub(crate) email: Option<String>,
    /// The provider has seen that the address is theirs.
    pub(crate) email_verified: bool,
    /// Their name.
    pub(crate) name: Option<String>,
}

/// Whom we know by what the provider says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Who came as this subject before.
    pub(crate) linked: Option<UserRow>,
    /// Whose mail address it is, and whether they came as another subject before.
    pub(crate) by_email: Option<(UserRow, bool)>,
}

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Somebody we know.
    Known(Box<UserRow>),
    /// Somebody new, with this mail address and name.
    New {
        /// Their mail address.
        email: String,
        /// Their name.
        name: String,
    },
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Their account is disabled.
    Disabled,
    /// Their address is not one of the domains that are let in.
    OtherDomain,
    /// The provider told no address, or does not say that it is theirs.
    Unverified,
    /// The address belongs to somebody who came as another account of the provider's.
    OtherAccount,
    /// Nobody has invited them.
    Uninvited,
}

impl Turned {
    /// What they are told.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Disabled => "Your account here is disabled. An administrator can enable it.",
            Self::OtherDomain => {
                "Your email address is not of a domain that is let in here. Sign in there as somebody else, or ask an administrator."
            }
            Self::Unverified => {
                "The provider does not say that your email address is verified, so you cannot be matched with an account. Verify it there, or ask an administrator."
            }
            Self::OtherAccount => {
                "Your email address belongs to somebody who signs in with another account of the provider. Ask an administrator."
            }
            Self::Uninvited => "There is no account for you here. Ask an administrator for an invitation.",
        }
    }
}

/// Whether an address is of a domain that is let in.
fn is_of(email: &str, settings: &SignIn) -> bool {
    let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
    settings.domains.is_empty() || domain.is_some_and(|domain| settings.domains.contains(&domain))
}

/// Decides who comes in.
pub(crate) fn admit(claims: &Claims, settings: &SignIn, known: Known) -> Result<Admission, Turned> {
    let verified = claims.email.as_deref().filter(|_| claims.email_verified);
    // A list of domains holds for everybody, also for those who came before there was one.
    match (settings.domains.is_empty(), verified) {
        (false, None) => return Err(Turned::Unverified),
        (false, Some(email)) if !is_of(email, settings) => return Err(Turned::OtherDomain),
        _ => {}
    }
    let user = match (known.linked, verified, known.by_email) {
        (Some(user), _, _) => user,
        (None, None, _) => return Err(Turned::Unverified),
        (None, Some(_), Some((_, true))) => return Err(Turned::OtherAccount),
        (None, Some(_), Some((user, false))) => user,
        (None, Some(email), None) if settings.admits => {
            let name = claims.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
            return Ok(Admission::New {
                email: email.to_owned(),
                name: name.unwrap_or(email).to_owned(),
            });
        }
        (None, Some(_), None) => return Err(Turned::Uninvited),
    };
    match user.standing {
        Standing::Disabled => Err(Turned::Disabled),
        Standing::Active | Standing::Invited => Ok(Admission::Known(Box::new(user))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use opsknight_domain::{directory::Role, id::UserId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn settings(admits: bool, domains: &[&str]) -> SignIn {
        serde_json::from_value(json!({
            "issuer": "https://id.example.com", "client_id": "x", "client_secret": null, "name": "Acme",
            "domains": domains, "admits": admits, "role": "USER", "passwords": true,
        }))
        .unwrap()
    }

    fn claims(email: Option<&str>, email_verified: bool) -> Claims {
        Claims {
            subject: "1".into(),
            email: email.map(str::to_owned),
            email_verified,
            name: Some("Ada".into()),
        }
    }

    fn user(standing: Standing) -> UserRow {
        UserRow {
            id: UserId::new(Uuid::from_u128(1)),
            email: "ada@example.com".into(),
            name: "Ada".into(),
            role: Role::User,
            standing,
            time_zone: "UTC".into(),
            phone: None,
            wants_news: true,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn by_email(standing: Standing, elsewhere: bool) -> Known {
        Known {
            linked: None,
            by_email: Some((user(standing), elsewhere)),
        }
    }

    fn linked(standing: Standing) -> Known {
        Known {
            linked: Some(user(standing)),
            by_email: None,
        }
    }

    #[test]
    fn only_a_verified_address_makes_somebody_known() {
        let (all, ada) = (settings(false, &[]), Some("ada@example.com"));
        for standing in [Standing::Active, Standing::Invited] {
            let admitted = admit(&claims(ada, true), &all, by_email(standing, false));
            assert_eq!(admitted, Ok(Admission::Known(Box::new(user(standing)))));
        }
        let refused = |claims, known| admit(&claims, &all, known).unwrap_err();
        assert_eq!(
            refused(claims(ada, false), by_email(Standing::Active, false)),
            Turned::Unverified
        );
        assert_eq!(refused(claims(None, true), Known::default()), Turned::Unverified);
        assert_eq!(
            refused(claims(ada, true), by_email(Standing::Active, true)),
            Turned::OtherAccount
        );
        assert_eq!(refused(claims(ada, true), Known::default()), Turned::Uninvited);
    }

    #[test]
    fn who_came_before_needs_no_address_and_who_is_disabled_stays_out() {
        let all = settings(false, &[]);
        assert!(admit(&claims(None, false), &all, linked(Standing::Active)).is_ok());
        for known in [linked(Standing::Disabled), by_email(Standing::Disabled, false)] {
            assert_eq!(
                admit(&claims(Some("ada@example.com"), true), &all, known),
                Err(Turned::Disabled)
            );
        }
    }

    #[test]
    fn domains_hold_for_everybody() {
        let few = settings(true, &["example.com"]);
        let of = |email, known| admit(&claims(Some(email), true), &few, known);
        assert!(of("eve@EXAMPLE.com", Known::default()).is_ok());
        for other in [
            "eve@evil.example",
            "eve@sub.example.com",
            "eve@example.com.evil.example",
            "eve",
        ] {
            assert_eq!(of(other, Known::default()), Err(Turned::OtherDomain), "{other}");
            assert_eq!(of(other, linked(Standing::Active)), Err(Turned::OtherDomain), "{other}");
        }
        assert_eq!(
            admit(&claims(None, false), &few, linked(Standing::Active)),
            Err(Turned::Unverified)
        );
    }

    #[test]
    fn unknown_people_come_in_where_they_may() {
        let admitted = admit(
            &claims(Some("eve@example.com"), true),
            &settings(true, &[]),
            Known::default(),
        );
        let eve = Admission::New {
            email: "eve@example.com".into(),
            name: "Ada".into(),
        };
        assert_eq!(admitted, Ok(eve));
        assert_eq!(
            admit(
                &claims(Some("eve@example.com"), false),
                &settings(true, &[]),
                Known::default()
            ),
            Err(Turned::Unverified)
        );
    }
}
