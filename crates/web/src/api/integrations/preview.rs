//! `/api/services/{id}/integrations/{integrationId}/preview`: what a body would lead to if it were sent to the integration.

use std::collections::BTreeMap;

use axum::{body::Bytes, extract::State};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use opsknight_domain::id::{IntegrationId, ServiceId};
use opsknight_sources::{Source, mapping::FieldMapping};
use opsknight_store::{
    db::Tx,
    integrations::IntegrationRow,
    receipts::{self, Receipt},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{FieldMappingBody, checked_mapping, found, source_of};
use crate::{
    api::{
        error::{ApiError, ErrorBody, Problems},
        extract::{Json, Path},
        preview::{PreviewBody, hindered},
        wire::ids,
    },
    receive::{INTEGRATIONS, Trial},
    state::AppState,
};

/// Most headers that can be given.
const HEADERS_MAX: usize = 100;

/// What is to be looked at: a body with what comes along with it, or a request that was received.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = NewEventPreview)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wish {
    /// The body: text is taken as it would be sent, any other JSON value is sent as JSON.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Its media type; `application/json` unless said.
    pub(crate) content_type: Option<String>,
    /// The method; `POST` unless said.
    pub(crate) method: Option<String>,
    /// The query string, without the integration's id.
    pub(crate) query: Option<String>,
    /// Further headers, by their name.
    pub(crate) headers: Option<BTreeMap<String, String>>,
    /// In the place of all these: a request of this service as `/api/events/log` has it.
    #[schema(inline)]
    pub(crate) event_id: Option<ids::Receipt>,
    /// The field mapping to read it by, of the type `WEBHOOK` only; the integration's own unless said.
    pub(crate) field_mapping: Option<FieldMappingBody>,
}

impl Wish {
    /// The request that is meant. `receipt` is the one that was received, where one was asked for.
    fn trial(self, row: &IntegrationRow, receipt: Option<&Receipt>) -> Result<Trial, ApiError> {
        let source = source_of(&row.type_name)?;
        let mut problems = Problems::default();
        let mapping = self
            .field_mapping
            .clone()
            .and_then(|mapping| checked_mapping(mapping, source, &mut problems));
        let path = format!("{INTEGRATIONS}{}", source.slug());
        let trial = match receipt {
            Some(receipt) => self.received(receipt, &mut problems).map(|trial| Trial {
                integration: Some(row.id),
                service: row.service,
                path,
                mapping,
                ..trial
            }),
            None => Some(self.sent(row, source, mapping, &mut problems)),
        };
        problems.check()?;
        trial.ok_or_else(ApiError::internal)
    }

    fn received(&self, receipt: &Receipt, problems: &mut Problems) -> Option<Trial> {
        let others = [
            ("body", self.body.is_some()),
            ("contentType", self.content_type.is_some()),
            ("method", self.method.is_some()),
            ("query", self.query.is_some()),
            ("headers", self.headers.is_some()),
        ];
        for (name, _) in others.into_iter().filter(|(_, given)| *given) {
            problems.add(name, "must be left out beside eventId");
        }
        Trial::of(receipt)
    }

    fn sent(
        self,
        row: &IntegrationRow,
        source: &dyn Source,
        mapping: Option<FieldMapping>,
        problems: &mut Problems,
    ) -> Trial {
        let body = match self.body {
            Some(Value::String(text)) => Bytes::from(text),
            Some(value) => Bytes::from(value.to_string()),
            None => {
                problems.add("body", "is missing; or give an eventId");
                Bytes::new()
            }
        };
        let mut headers = HeaderMap::new();
        let given = self.headers.unwrap_or_default();
        if given.len() > HEADERS_MAX {
            problems.add("headers", format!("must be at most {HEADERS_MAX}"));
        }
        for (name, value) in given.into_iter().take(HEADERS_MAX) {
            match (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                (Ok(name), Ok(value)) => drop(headers.append(name, value)),
                _ => problems.add(format!("headers.{name}"), "must be a header that can be sent"),
            }
        }
        let content_type = self.content_type.as_deref().unwrap_or("application/json");
        match HeaderValue::from_str(content_type) {
            Ok(value) if self.content_type.is_some() => drop(headers.insert(header::CONTENT_TYPE, value)),
            Ok(value) => drop(headers.entry(header::CONTENT_TYPE).or_insert(value)),
            Err(_) => problems.add("contentType", "must be a media type"),
        }
        let method = self.method.as_deref().unwrap_or("POST").parse::<Method>();
        let method = method.ok().filter(|method| source.takes(method));
        if method.is_none() {
            problems.add("method", "must be one that this type is called with");
        }
        Trial {
            integration: Some(row.id),
            service: row.service,
            path: format!("{INTEGRATIONS}{}", source.slug()),
            method: method.unwrap_or(Method::POST),
            query: self.query.unwrap_or_default(),
            headers,
            body,
            is_test: false,
            mapping,
        }
    }
}

/// Says what a body would lead to.
pub(crate) async fn preview(
    state: &AppState,
    (service, id): (ServiceId, IntegrationId),
    wish: Wish,
) -> Result<PreviewBody, ApiError> {
    let (at, event) = (state.clone(), wish.event_id);
    let unit = async move |tx: &mut Tx<'_>| {
        let row = found(tx, &at, service, id).await?;
        let receipt = match event {
            Some(event) => receipts::get(tx, event.0).await?,
            None => None,
        };
        Ok::<_, ApiError>((row, receipt.filter(|receipt| receipt.service == Some(service))))
    };
    let (row, receipt) = state.store.db.read(unit).await?;
    if event.is_some() && receipt.is_none() {
        return Err(ApiError::invalid("eventId", "names no event of this service"));
    }
    let trial = wish.trial(&row, receipt.as_ref())?;
    Ok(state.receive.preview(trial).await.map_err(hindered)?.into())
}

/// Says what a body would lead to if it were sent to the integration now, and stores nothing: the alerts that it holds
/// as they are understood, and what each would open, join, acknowledge or resolve. A body that is not understood is
/// answered 200 as well, with `error`. Neither the key nor a signature is asked for, and a disabled integration can be
/// tried out too.
#[utoipa::path(
    post, path = "/api/services/{id}/integrations/{integrationId}/preview", tag = "Integrations",
    operation_id = "previewIntegration",
    params(("id" = inline(ids::Service), Path), ("integrationId" = inline(ids::Integration), Path)),
    request_body = Wish,
    responses((status = 200, body = PreviewBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)),
)]
pub(super) async fn post(
    State(state): State<AppState>,
    Path((service, id)): Path<(ids::Service, ids::Integration)>,
    Json(wish): Json<Wish>,
) -> Result<Json<PreviewBody>, ApiError> {
    Ok(Json(preview(&state, (service.0, id.0), wish).await?))
}
