//! What goes wrong in a call, in the one shape that programs see.
//!
//! It owns the codes and their statuses. It never shows what a driver said: that is logged where it is caught.

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use opsknight_domain::{delivery::DeliveryError, incident::Refusal};
use opsknight_store::{
    db::DbError,
    refusal::{self, ChangeError},
    seal::SealError,
};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::{error, warn};
use utoipa::ToSchema;

/// After how many seconds a caller should try again when the database is busy.
const BUSY_RETRY_AFTER_S: u64 = 1;

/// The closed set of error codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Nobody is signed in, or the key is not valid.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// Something in the request is not acceptable.
    ValidationError,
    /// It does not fit the present state.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// The body is too long.
    PayloadTooLarge,
    /// The database cannot take it now.
    Unavailable,
    /// Our fault.
    InternalError,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::ValidationError => StatusCode::BAD_REQUEST,
            Self::Conflict => StatusCode::CONFLICT,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Why a call did not do what it was to do. Its texts are for the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    code: Code,
    status: StatusCode,
    message: String,
    fields: BTreeMap<String, String>,
    retry_after_s: Option<u64>,
}

impl ApiError {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            message: message.into(),
            fields: BTreeMap::new(),
            retry_after_s: None,
        }
    }

    /// 401: nobody is signed in, or the key is not valid. The same words whatever is wrong with it.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            Code::Unauthorized,
            "sign in, or send a valid API key as Authorization: Bearer sk_live_…",
        )
    }

    /// 403.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// 404; `what` is a noun: "incident".
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// 400: one field is not acceptable. `why` reads on from its name: "must not be empty".
    #[must_use]
    pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        let mut problems = Problems::default();
        problems.add(field, why);
        Self::from(problems)
    }

    /// 400: the request as a whole is not acceptable.
    #[must_use]
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(Code::ValidationError, message)
    }

    /// 405: the path exists, the method does not.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            ..Self::new(Code::ValidationError, "this method is not possible on this path")
        }
    }

    /// 415: the body is not JSON by its own account.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..Self::new(Code::ValidationError, "send the body as Content-Type: application/json")
        }
    }

    /// 409.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// 412: what is to be changed is not any more what the caller saw.
    #[must_use]
    pub fn changed_meanwhile() -> Self {
        Self {
            status: StatusCode::PRECONDITION_FAILED,
            ..Self::new(
                Code::Conflict,
                "somebody has changed this since you read it; read it again, then decide",
            )
        }
    }

    /// Whether it is refused because it is not any more what the caller saw.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.status == StatusCode::PRECONDITION_FAILED
    }

    /// 409 because of one field: "email", "belongs to somebody else".
    #[must_use]
    pub fn conflict_on(field: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            fields: BTreeMap::from([(field.to_owned(), why.clone())]),
            ..Self::new(Code::Conflict, why)
        }
    }

    /// 413.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        Self::new(
            Code::PayloadTooLarge,
            format!("the body is longer than {bytes_max} bytes"),
        )
    }

    /// 429, with the seconds after which it is worth trying again.
    #[must_use]
    pub fn rate_limited(message: impl Into<String>, retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s.max(1)),
            ..Self::new(Code::RateLimited, message)
        }
    }

    /// 503: nothing was changed, and it is worth trying again soon.
    #[must_use]
    pub fn unavailable() -> Self {
        Self {
            retry_after_s: Some(BUSY_RETRY_AFTER_S),
            ..Self::new(
                Code::Unavailable,
                "the database cannot take it now; nothing was changed, try again",
            )
        }
    }

    /// 500: our fault, which the log tells more about.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Code::InternalError,
            "something went wrong on our side; the server's log says what",
        )
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// A sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Fields that are not acceptable, each with what is wrong with it: the source of what forms show beside them.
    #[must_use]
    pub const fn fields(&self) -> &BTreeMap<String, String> {
        &self.fields
    }

    /// The `Retry-After` header, in seconds.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    fn body(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message, "details": {} });
        if !self.fields.is_empty() {
            error["details"] = json!({ "fields": self.fields });
        }
        json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // Pages say the same in their own way.
        response.extensions_mut().insert(self);
        response
    }
}

/// What is wrong with the fields of one request, gathered so that the caller hears of all of it at once.
#[derive(Debug, Default)]
pub struct Problems(BTreeMap<String, String>);

impl Problems {
    /// Notes that a field is not acceptable; `why` reads on from its name. The first word on a field stays.
    pub fn add(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.0.entry(field.into()).or_insert_with(|| why.into());
    }

    /// Notes what is wrong, or hands on the value.
    pub fn take<T>(&mut self, field: &str, result: Result<T, impl Into<String>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(why) => {
                self.add(field, why);
                None
            }
        }
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on only when nothing is wrong.
    ///
    /// # Errors
    /// 400 with every field that is not acceptable.
    pub fn check(self) -> Result<(), ApiError> {
        if self.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        let sentences: Vec<String> = problems.0.iter().map(|(field, why)| format!("{field} {why}")).collect();
        Self {
            fields: problems.0,
            ..Self::new(Code::ValidationError, sentences.join("; "))
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::State(why) => Self::conflict(why),
            Refusal::Field { field, why } => Self::invalid(field, why),
        }
    }
}

impl From<DeliveryError> for ApiError {
    /// A provider refused what was asked of it, in its own words.
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Retry { .. } | DeliveryError::Unknown { .. } => Self::conflict(format!(
                "the provider does not answer as it should now; try again: {error}"
            )),
            DeliveryError::Refused { .. } | DeliveryError::Misconfigured { .. } => Self::conflict(error.to_string()),
        }
    }
}

/// What the database says is logged here and shown to nobody.
impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_retryable() || error == DbError::Closed {
            warn!(%error, "a call was refused because the database cannot take it now");
            return Self::unavailable();
        }
        error!(%error, "a call failed in the database");
        Self::internal()
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Db(error) => error.into(),
            ChangeError::Missing(what) => Self::not_found(what),
            ChangeError::Refused(why) => match why {
                refusal::Refusal::EmailTaken => Self::conflict_on("email", why.to_string()),
                refusal::Refusal::AddressTaken => Self::conflict_on("address", why.to_string()),
                refusal::Refusal::InUse { .. }
                | refusal::Refusal::Unresolved { .. }
                | refusal::Refusal::LastAdministrator => Self::conflict(why.to_string()),
            },
        }
    }
}

impl From<SealError> for ApiError {
    fn from(error: SealError) -> Self {
        error!(%error, "a stored credential could not be sealed or opened");
        Self::internal()
    }
}

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorObject,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorObject {
    /// For programs.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
    /// `fields`: what is wrong with each field, where fields are what is wrong.
    pub details: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named() {
        let mut problems = Problems::default();
        problems.add("name", "must not be empty");
        problems.add("name", "is never told twice");
        problems.add("type", "is missing");
        let error = problems.check().unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            error.body(),
            json!({"error": {
                "code": "VALIDATION_ERROR",
                "message": "name must not be empty; type is missing",
                "details": {"fields": {"name": "must not be empty", "type": "is missing"}},
            }})
        );
    }

    #[test]
    fn waits_are_said_in_the_header() {
        let response = ApiError::rate_limited("too many attempts", 0).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(
            ApiError::unavailable().into_response().status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
