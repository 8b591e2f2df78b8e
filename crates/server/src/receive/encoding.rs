//! How bodies may be compressed: by gzip under both of its names, or not at all.

use axum::{
    extract::Request,
    http::{HeaderValue, header::CONTENT_ENCODING},
    middleware::Next,
    response::Response,
};

use super::answer::Denied;

/// Lets requests pass whose body can be read, and tells the others what is wrong. RFC 9110, section 8.4.1.3, has `x-gzip`
/// for the same as `gzip`.
pub(super) async fn known(mut request: Request, next: Next) -> Response {
    let coding = request.headers().get(CONTENT_ENCODING);
    let coding = coding.map(|value| value.to_str().unwrap_or_default().trim().to_ascii_lowercase());
    match coding.as_deref() {
        None | Some("gzip") => {}
        Some("x-gzip") => {
            request
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Some("" | "identity") => {
            request.headers_mut().remove(CONTENT_ENCODING);
        }
        Some(_) => return Denied::Encoding.respond(),
    }
    next.run(request).await
}
