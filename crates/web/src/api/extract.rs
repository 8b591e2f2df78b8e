//! Reading what a program sent, so that it hears which field is wrong in the one error shape.
//!
//! It owns the limits of form, not of meaning: JSON or not, known fields, NUL characters (which PostgreSQL cannot
//! keep), lists by comma. What a value means is checked where it is used.

use std::{collections::BTreeMap, str::FromStr};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    error::{ApiError, Problems},
    wire::{Id, Identity, Word, Words},
};
use crate::state::AppState;

/// Most members of a list by comma.
const LIST_MAX: usize = 100;
/// Longest value of a query parameter, in bytes.
const PARAMETER_BYTES_MAX: usize = 2048;

/// A JSON body. Unknown fields are refused, all of them by name.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::unsupported_media_type());
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| body_refused(&rejection, state))?;
        from_json(&body).map(Self)
    }
}

/// A JSON body where one may be left out: an empty one counts as `{}`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| body_refused(&rejection, state))?;
        match (body.is_empty(), json) {
            (true, _) => from_json(b"{}").map(Self),
            (false, true) => from_json(&body).map(Self),
            (false, false) => Err(ApiError::unsupported_media_type()),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Why a body could not be read, in our shape.
pub(crate) fn body_refused(rejection: &BytesRejection, state: &AppState) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::too_large(state.limits.body_bytes)
    } else {
        ApiError::invalid_request("the body could not be read to its end")
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = text.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

/// Reads a value and names what is wrong with it.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid_request(format!("the body is not JSON: {error}")))?;
    if !value.is_object() {
        return Err(ApiError::invalid_request("the body must be a JSON object"));
    }
    from_value(value)
}

/// The same from a value that is parsed already, such as one made from a form.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    refuse_nul(&value, "")?;
    let mut unknown = Problems::default();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| {
        // `?` stands for a value that may be missing: no level of its own.
        unknown.add(
            path.to_string().replace(".?", ""),
            "is not a field that can be set here",
        );
    });
    match read {
        Ok(value) => unknown.check().map(|()| value),
        Err(error) => Err(wrong_field(&track.path().to_string(), &error.to_string())),
    }
}

/// Serde's words with the field's name in front.
fn wrong_field(path: &str, error: &str) -> ApiError {
    if let Some(name) = error
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        let field = if path == "." {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        return ApiError::invalid(field, "is missing");
    }
    if path == "." {
        return ApiError::invalid_request(format!("the body is not acceptable: {error}"));
    }
    let why = if error.starts_with("must ") {
        error.to_owned()
    } else {
        format!("is not acceptable: {error}")
    };
    ApiError::invalid(path, why)
}

fn refuse_nul(value: &Value, path: &str) -> Result<(), ApiError> {
    let inner = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    let refusal = |field: &str| Err(ApiError::invalid(field, "must not hold NUL characters"));
    match value {
        Value::String(text) if text.contains('\0') => refusal(path),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| refuse_nul(value, &format!("{path}[{index}]"))),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            if key.contains('\0') {
                return refusal(&inner("…"));
            }
            refuse_nul(value, &inner(key))
        }),
    }
}

/// The identities in a path, in their order. One that cannot exist is answered like one that does not.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// What can stand in a path.
pub trait FromPath: Sized {
    /// Reads the parameters in their order.
    ///
    /// # Errors
    /// 404.
    fn from_path(texts: &[String]) -> Result<Self, ApiError>;
}

fn identity<T: Identity>(texts: &[String], index: usize) -> Result<Id<T>, ApiError> {
    texts
        .get(index)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ApiError::not_found(T::NOUN))
}

impl<T: Identity> FromPath for Id<T> {
    fn from_path(texts: &[String]) -> Result<Self, ApiError> {
        identity(texts, 0)
    }
}

impl<A: Identity, B: Identity> FromPath for (Id<A>, Id<B>) {
    fn from_path(texts: &[String]) -> Result<Self, ApiError> {
        Ok((identity(texts, 0)?, identity(texts, 1)?))
    }
}

impl<A: Identity> FromPath for (Id<A>, String) {
    fn from_path(texts: &[String]) -> Result<Self, ApiError> {
        let text = texts.get(1).filter(|text| !text.contains('\0'));
        let text = text.cloned().ok_or_else(|| ApiError::not_found("page"))?;
        Ok((identity(texts, 0)?, text))
    }
}

impl FromPath for String {
    fn from_path(texts: &[String]) -> Result<Self, ApiError> {
        let text = texts.first().filter(|text| !text.contains('\0'));
        text.cloned().ok_or_else(|| ApiError::not_found("page"))
    }
}

impl<T: FromPath> FromRequestParts<AppState> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        let texts = path_texts(parts, state).await?;
        T::from_path(&texts).map(Self)
    }
}

/// The parameters of the matched path, decoded.
pub(crate) async fn path_texts(parts: &mut request::Parts, state: &AppState) -> Result<Vec<String>, ApiError> {
    let raw = axum::extract::RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::not_found("page"))?;
    Ok(raw.iter().map(|(_, value)| value.to_owned()).collect())
}

/// A query string. Parameters that nobody asked for are refused by name.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// What can be read from a query string.
pub trait FromParams: Sized {
    /// Takes its parameters out of `params`; what is wrong goes into `problems`, and any value may stand in for it.
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self;
}

impl<A: FromParams, B: FromParams> FromParams for (A, B) {
    fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
        (A::from_params(params, problems), B::from_params(params, problems))
    }
}

impl<T: FromParams> FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, _state: &AppState) -> Result<Self, ApiError> {
        from_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn from_query<T: FromParams>(query: &str) -> Result<T, ApiError> {
    let mut problems = Problems::default();
    let mut params = Params::read(query, &mut problems);
    let value = T::from_params(&mut params, &mut problems);
    for (name, _) in params.0 {
        problems.add(name, "is not a parameter here");
    }
    problems.check().map(|()| value)
}

/// The parameters of a query string that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads the query string of a page: forms send a filter that is not set as an empty value, which counts as absent.
    pub fn of_form(query: &str, problems: &mut Problems) -> Self {
        let mut params = Self::read(query, problems);
        params.0.retain(|_, value| !value.trim().is_empty());
        params
    }

    /// Reads a query string. A parameter that stands in it twice is a problem.
    pub fn read(query: &str, problems: &mut Problems) -> Self {
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.contains('\0') || name.contains('\0') {
                problems.add(name.replace('\0', "…"), "must not hold NUL characters");
            } else if value.len() > PARAMETER_BYTES_MAX {
                problems.add(name, format!("must not be longer than {PARAMETER_BYTES_MAX} bytes"));
            } else if params.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                problems.add(name, "must be given once; several values go by comma");
            }
        }
        Self(params)
    }

    /// Takes a parameter as text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes a parameter that is one value.
    pub fn one<T>(&mut self, name: &str, problems: &mut Problems) -> Option<T>
    where
        T: FromStr<Err = String>,
    {
        let text = self.text(name)?;
        problems.take(name, text.trim().parse())
    }

    /// Takes a parameter that is `true` or `false`.
    pub fn flag(&mut self, name: &str, problems: &mut Problems) -> Option<bool> {
        let text = self.text(name)?;
        problems.take(name, text.parse().map_err(|_| "must be true or false"))
    }

    /// Takes a parameter that is a list by comma.
    pub fn list<T>(&mut self, name: &str, problems: &mut Problems) -> Vec<T>
    where
        T: FromStr<Err = String>,
    {
        let Some(text) = self.text(name) else {
            return Vec::new();
        };
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        if parts.len() > LIST_MAX {
            problems.add(name, format!("must have at most {LIST_MAX} values"));
            return Vec::new();
        }
        let parsed: Result<Vec<T>, String> = parts.into_iter().map(str::parse).collect();
        problems.take(name, parsed).unwrap_or_default()
    }

    /// Takes a list of identities by comma.
    pub fn ids<T: Identity>(&mut self, name: &str, problems: &mut Problems) -> Vec<T> {
        self.list::<Id<T>>(name, problems).into_iter().map(|id| id.0).collect()
    }

    /// Takes a list of words by comma.
    pub fn words<T: Words>(&mut self, name: &str, problems: &mut Problems) -> Vec<T> {
        self.list::<Word<T>>(name, problems)
            .into_iter()
            .map(|word| word.0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use opsknight_domain::{id::ServiceId, incident::Status};
    use serde::Deserialize;

    use super::*;
    use crate::api::page::Page;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outer {
        #[serde(rename = "name")]
        _name: String,
        #[serde(default, rename = "steps")]
        _steps: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inner {
        #[serde(rename = "delayMinutes")]
        _delay_minutes: u32,
    }

    fn message(body: &str) -> String {
        from_json::<Outer>(body.as_bytes()).map_or_else(|error| error.message().to_owned(), |_| "accepted".to_owned())
    }

    #[test]
    fn the_wrong_field_is_named() {
        assert_eq!(message(r#"{"name":"x","steps":[{"delayMinutes":1}]}"#), "accepted");
        assert_eq!(message("{}"), "name is missing");
        assert_eq!(
            message(r#"{"name":"x","steps":[{}]}"#),
            "steps[0].delayMinutes is missing"
        );
        assert_eq!(
            message(r#"{"name":"x","steps":[{"delayMinutes":"soon"}]}"#),
            "steps[0].delayMinutes is not acceptable: invalid type: string \"soon\", expected u32"
        );
        assert_eq!(
            message(r#"{"name":"x","steps":[{"delayMinutes":1,"wait":2}],"color":"red"}"#),
            "color is not a field that can be set here; steps.0.wait is not a field that can be set here"
        );
        assert_eq!(message("{\"name\":\"a\\u0000b\"}"), "name must not hold NUL characters");
        assert_eq!(message("[]"), "the body must be a JSON object");
        assert!(message("{").starts_with("the body is not JSON: "));
    }

    #[derive(Debug)]
    struct Filter {
        status: Vec<Status>,
        _service: Vec<ServiceId>,
    }

    impl FromParams for Filter {
        fn from_params(params: &mut Params, problems: &mut Problems) -> Self {
            Self {
                status: params.words("status", problems),
                _service: params.ids("serviceId", problems),
            }
        }
    }

    fn refused(query: &str) -> String {
        from_query::<(Filter, Page)>(query).unwrap_err().message().to_owned()
    }

    #[test]
    fn queries_are_read_by_comma() {
        let (filter, page) = from_query::<(Filter, Page)>("status=OPEN,RESOLVED&limit=7").unwrap();
        assert_eq!(filter.status, [Status::Open, Status::Resolved]);
        assert_eq!(page, Page { limit: 7, offset: 0 });
        assert_eq!(refused("limit=201"), "limit must be a number from 1 to 200");
        assert_eq!(refused("offset="), "offset must be a number from 0 to 10000000");
        assert_eq!(refused("colour=red"), "colour is not a parameter here");
        assert_eq!(
            refused("serviceId=inc_1&status=open"),
            "serviceId must be an id of the form svc_…; status must be one of OPEN, ACKNOWLEDGED, SNOOZED, SUPPRESSED, \
             RESOLVED"
        );
        assert_eq!(
            refused("limit=1&limit=2"),
            "limit must be given once; several values go by comma"
        );
    }
}
