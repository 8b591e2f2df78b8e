//! What requests of a cloud must bring besides the address: its topics, or its tokens.

use axum::{extract::State, response::Response};
use opsknight_sources::{
    Source,
    proof::{Issuer, TokenRule},
};
use opsknight_store::integrations::IntegrationRow;
use serde_json::{Value, json};

use super::update;
use crate::{
    api::{
        error::ApiError,
        extract::Path,
        wire::{Id, ids},
    },
    pages::{PageError, form::Form, viewer::Viewer},
    state::AppState,
    views::{Field, Proofs},
};

/// What the second field of a token's form is called, and where it is found.
const fn words(issuer: Issuer) -> (&'static str, &'static str, &'static str) {
    match issuer {
        Issuer::Google => (
            "Google",
            "Service account",
            "Enable authentication on the push subscription. The audience is what you set there; where you set none, it is \
             the whole webhook URL.",
        ),
        Issuer::Entra => (
            "Microsoft Entra",
            "Tenant id",
            "Choose a secure webhook in the action group. The audience is the application id, or its URI, that the webhook \
             is protected by.",
        ),
    }
}

/// The values of the form as they are stored.
pub(super) fn known(row: &IntegrationRow) -> [(String, String); 3] {
    let rule = row.token_rule.clone();
    let rule = rule.and_then(|rule| serde_json::from_value::<TokenRule>(rule).ok());
    let (audience, who) = rule.map_or_else(Default::default, |rule| {
        (
            rule.audience,
            rule.service_account.or(rule.tenant_id).unwrap_or_default(),
        )
    });
    [
        ("topics".to_owned(), row.topics.join("\n")),
        ("audience".to_owned(), audience),
        ("who".to_owned(), who),
    ]
}

/// The part of a card for them.
pub(super) fn part(row: &IntegrationRow, source: &dyn Source, field: impl Fn(&str) -> Field) -> Option<Proofs> {
    if source.comes_through_sns() {
        return Some(Proofs::Topics {
            topics: field("topics"),
        });
    }
    let (issuer, who_label, hint) = words(source.token_issuer()?);
    Some(Proofs::Token {
        issuer: issuer.to_owned(),
        is_set: row.token_rule.is_some(),
        audience: field("audience"),
        who: field("who"),
        who_label: who_label.to_owned(),
        hint: hint.to_owned(),
    })
}

/// `POST /services/{id}/integrations/{int}/proofs`
pub(in crate::pages) async fn save(
    State(state): State<AppState>,
    viewer: Viewer,
    Path((Id(service), Id(id))): Path<(ids::Service, ids::Integration)>,
    form: Form,
) -> Result<Response, PageError> {
    let row = viewer.picture.integrations.get(&id);
    let row = row
        .filter(|row| row.service == service)
        .ok_or_else(|| ApiError::not_found("integration"))?;
    let issuer = opsknight_sources::by_type(&row.type_name).and_then(Source::token_issuer);
    let (wish, says): (Value, &str) = match form.text("do") {
        "topics" => {
            let topics: Vec<&str> = form.text("topics").split_whitespace().collect();
            (json!({ "topicArns": topics }), "The topics were saved.")
        }
        "no_token" => (json!({ "tokenRule": null }), "No token is asked for any more."),
        _ => {
            let who = match issuer {
                Some(Issuer::Entra) => "tenantId",
                Some(Issuer::Google) | None => "serviceAccount",
            };
            let rule = json!({ "audience": form.text("audience"), who: form.text("who") });
            let says = "Requests must bring a token now. Those without one are answered 401.";
            (json!({ "tokenRule": rule }), says)
        }
    };
    update(&state, viewer, (service, id), Ok(wish), form, says).await
}
