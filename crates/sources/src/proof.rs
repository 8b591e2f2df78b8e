//! By what else than a secret that both sides know a request shows who sent it.
//!
//! It owns the list of such proofs; which of them a request brings, its source says. What must be fetched to check one, a
//! certificate or an issuer's keys, is fetched elsewhere.

use serde::{Deserialize, Serialize};

use crate::cloudwatch::sns::Envelope;

/// What a request brings to show where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: the address, the key or the secret is all there is.
    Nothing,
    /// An envelope that Amazon SNS has signed.
    Sns(Box<Envelope>),
    /// A message without an envelope, as SNS delivers where raw message delivery is on: unsigned, with the topic in a
    /// header.
    RawSns {
        /// The topic that is named.
        topic_arn: Option<String>,
    },
    /// A bearer token of this issuer, where the integration asks for one.
    Token(Issuer),
}

/// Who issues bearer tokens to a cloud's own senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// Google, for push subscriptions of Pub/Sub.
    Google,
    /// Microsoft Entra, for secure webhooks of Azure's action groups.
    Entra,
}

/// Which bearer tokens an integration believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRule {
    /// For whom the token must be meant (`aud`).
    pub audience: String,
    /// Google: the e-mail address of the service account with which the subscription signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Entra: the tenant that issues the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// Longest audience, account or tenant, in bytes.
const TEXT_BYTES_MAX: usize = 1000;

impl TokenRule {
    /// Checks that tokens of `issuer` can be held against this rule.
    ///
    /// # Errors
    ///
    /// Each field that cannot be used, and what is wrong with it, so that it reads on from the name of the field.
    pub fn validate(&self, issuer: Issuer) -> Result<(), Vec<(&'static str, &'static str)>> {
        let mut wrong = Vec::new();
        let mut text = |name, value: &str| {
            if value.trim().is_empty() {
                wrong.push((name, "is missing"));
            } else if value.len() > TEXT_BYTES_MAX {
                wrong.push((name, "is too long"));
            }
        };
        text("audience", &self.audience);
        let (needed, other) = match issuer {
            Issuer::Google => (("serviceAccount", &self.service_account), ("tenantId", &self.tenant_id)),
            Issuer::Entra => (("tenantId", &self.tenant_id), ("serviceAccount", &self.service_account)),
        };
        text(needed.0, needed.1.as_deref().unwrap_or_default());
        if other.1.is_some() {
            wrong.push((other.0, "is of no use for this type"));
        }
        // It becomes a part of the address from which the keys are fetched.
        let is_uuid = |id: &str| id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if issuer == Issuer::Entra && self.tenant_id.as_deref().is_some_and(|id| !is_uuid(id)) {
            wrong.push(("tenantId", "must be the id of the tenant, a UUID"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    #[test]
    fn rules_name_what_their_issuer_needs() {
        let rule = |account: Option<&str>, tenant: Option<&str>| TokenRule {
            audience: "https://ops.example".into(),
            service_account: account.map(str::to_owned),
            tenant_id: tenant.map(str::to_owned),
        };
        assert_eq!(rule(Some("a@b.example"), None).validate(Issuer::Google), Ok(()));
        assert_eq!(rule(None, Some(TENANT)).validate(Issuer::Entra), Ok(()));
        let fields = |rule: TokenRule, issuer| {
            let wrong = rule.validate(issuer).expect_err("a wrong rule");
            wrong.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert_eq!(
            fields(rule(None, Some("t")), Issuer::Google),
            ["serviceAccount", "tenantId"]
        );
        assert_eq!(fields(rule(None, Some("a/../b")), Issuer::Entra), ["tenantId"]);
        assert_eq!(fields(rule(None, Some(" ")), Issuer::Entra), ["tenantId", "tenantId"]);
    }
}
