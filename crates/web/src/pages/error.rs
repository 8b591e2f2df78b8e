//! What went wrong, as a page in words.

use askama::Template as _;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};

use crate::{
    api::error::ApiError,
    views::{Bare, Error, Theme},
};

/// An error on its way to somebody's screen.
#[derive(Debug, Clone, PartialEq)]
pub struct PageError(ApiError);

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let shell = Bare {
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            theme: Theme::System,
            flash: None,
        };
        let mut page = Error::of(shell, status.as_u16(), None);
        let says = sentence(self.0.message());
        match status.as_u16() {
            400 | 409 => {
                "This could not be done".clone_into(&mut page.title);
                page.text = says;
            }
            403 => page.text = format!("{says} Nothing was changed."),
            _ => {}
        }
        let html = page.render().unwrap_or_else(|_| page.title.clone());
        let mut response = (status, Html(html)).into_response();
        if let Some(seconds) = self.0.retry_after_s() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An error's words as a sentence: a capital in front, a full stop behind.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return String::new();
    };
    let rest = chars.as_str();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{rest}{stop}", first.to_uppercase())
}
