//! What senders are answered: the house's form, and PagerDuty's own on its paths.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::limit::Allowance;

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Denied {
    /// Unknown id or key, missing or wrong credentials or signature, stale timestamp: one answer for all.
    Unauthorized,
    /// Authentic, and not allowed.
    Forbidden(String),
    /// No such type, or not this integration's.
    NotFound(String),
    /// The product never calls with this method.
    Method {
        /// Those with which it does, by comma.
        allow: String,
    },
    /// The body is compressed in a way that is not read.
    Encoding,
    /// The sender sends too much.
    TooMany(Allowance),
    /// The body is too long.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body cannot be understood.
    Invalid {
        /// Where.
        field: String,
        /// Why, so that it reads on from the field.
        message: String,
        /// For PagerDuty's form: every error.
        errors: Vec<String>,
    },
    /// It cannot be stored now.
    Unavailable(String),
    /// It cannot be stored at all.
    Internal,
}

/// Seconds after which a sender may come back when the database cannot take events.
const UNAVAILABLE_RETRY_S: u64 = 5;

impl Denied {
    /// The status and code of the contract.
    #[must_use]
    pub const fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "VALIDATION_ERROR"),
            Self::Encoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "VALIDATION_ERROR"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        }
    }

    /// The sentence for a person.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unauthorized => "the credentials are missing or wrong".into(),
            Self::Forbidden(why) | Self::NotFound(why) | Self::Unavailable(why) => why.clone(),
            Self::Method { allow } => format!("this is not called with this method, but with {allow}"),
            Self::Encoding => "Content-Encoding must be gzip, or there must be none".into(),
            Self::TooMany(_) => "too many requests; try again after the time in Retry-After".into(),
            Self::TooLarge { limit } => format!("the body is longer than {limit} bytes"),
            // The messages of PagerDuty's form name their field themselves.
            Self::Invalid { message, .. } if message.starts_with('\'') => message.clone(),
            Self::Invalid { field, message, .. } => format!("{field} {message}"),
            Self::Internal => "the event could not be stored; the log of the server says why".into(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany(allowance) => allowance.retry_after_s,
            Self::Unavailable(_) => Some(UNAVAILABLE_RETRY_S),
            Self::Unauthorized
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Method { .. }
            | Self::Encoding
            | Self::TooLarge { .. }
            | Self::Invalid { .. }
            | Self::Internal => None,
        }
    }

    /// The answer in the house's form.
    #[must_use]
    pub fn respond(&self) -> Response {
        let (status, _) = self.status();
        self.with_headers((status, Json(self.body())).into_response())
    }

    /// The body of that answer.
    #[must_use]
    pub fn body(&self) -> Value {
        let (_, code) = self.status();
        let details = match self {
            Self::Invalid { field, message, .. } => json!({ "fields": { field: message } }),
            _ => json!({}),
        };
        json!({ "error": { "code": code, "message": self.message(), "details": details } })
    }

    /// The answer in PagerDuty's form.
    /// Source: <https://developer.pagerduty.com/api-reference/368ae3d938c9e-send-an-event-to-pager-duty>
    #[must_use]
    pub fn respond_as_pagerduty(&self) -> Response {
        let invalid = |errors: &[String]| json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors });
        let (mut status, _) = self.status();
        let body = match self {
            Self::Unauthorized | Self::NotFound(_) => {
                status = StatusCode::BAD_REQUEST;
                invalid(&["Invalid routing key".to_owned()])
            }
            Self::Invalid { errors, .. } if !errors.is_empty() => invalid(errors),
            Self::TooMany(_) => {
                json!({ "status": "throttle exceeded", "message": self.message(), "errors": [self.message()] })
            }
            Self::Unavailable(_) | Self::Internal => {
                json!({ "status": "error", "message": self.message(), "errors": [self.message()] })
            }
            Self::Forbidden(_)
            | Self::Method { .. }
            | Self::Encoding
            | Self::TooLarge { .. }
            | Self::Invalid { .. } => invalid(&[self.message()]),
        };
        self.with_headers((status, Json(body)).into_response())
    }

    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after_s() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Method { allow } = self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        if *self == Self::Unauthorized && response.status() == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        response
    }
}

/// Shows where the sender's allowance stands.
pub(super) fn show_allowance(headers: &mut HeaderMap, allowance: Allowance) {
    headers.insert("x-ratelimit-limit", HeaderValue::from(allowance.limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(allowance.remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(allowance.reset_s));
}

/// A JSON body as a response.
#[must_use]
pub(super) fn json(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}
