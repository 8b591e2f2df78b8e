//! The files that pages load: style sheet, script, icons. Owns their names, which change with their content so that a
//! browser may keep them for a year, and the policy that says what a page may load at all. Never anything of a user's.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _, sync::LazyLock};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// What a page may load, and where it may send forms: only this server, and images of alerts from anywhere over TLS.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' https: data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     manifest-src 'self'; worker-src 'self'";

/// How many hexadecimal digits of the content's SHA-256 stand in a name.
const HASH_CHARS: usize = 12;
/// The style sheet is the files of this folder in the order of their names.
const STYLE_FOLDER: &str = "css/";
/// What the style sheet is called.
const STYLE_NAME: &str = "app.css";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Files;

struct Asset {
    body: Cow<'static, [u8]>,
    media_type: &'static str,
    hash: String,
}

/// All files by the name that templates know them by.
static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let mut assets: HashMap<String, Asset> = Files::iter()
        .filter(|name| !name.starts_with(STYLE_FOLDER))
        .filter_map(|name| Some((name.to_string(), make(&name, Files::get(&name)?.data))))
        .collect();
    let style = style_sheet(&assets);
    assets.insert(STYLE_NAME.to_owned(), make(STYLE_NAME, Cow::Owned(style.into_bytes())));
    assets
});

/// The address of a file, with the hash of its content in the name: `asset("app.css")` is `/assets/app.1a2b….css`.
/// A name that is not there is returned without a hash; the test over all pages looks for those.
#[must_use]
pub fn asset(name: &str) -> String {
    let hash = ASSETS.get(name).map(|asset| asset.hash.as_str());
    format!(
        "/assets/{}",
        hash.map_or_else(|| name.to_owned(), |hash| hashed(name, hash))
    )
}

/// Files with an address of their own: what the address says is what the browser goes by. A service worker has power
/// over the folder that it stands in (Service Workers, "Path restriction"), and an app's manifest is known by its place.
const AT_THE_ROOT: [(&str, &str); 2] = [("/sw.js", "sw.js"), ("/manifest.webmanifest", "app.webmanifest")];

/// `GET /assets/{file}`, and the files at the root.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let router = Router::new().route("/assets/{file}", get(serve));
    AT_THE_ROOT.into_iter().fold(router, |router, (path, file)| {
        router.route(
            path,
            get(async move |headers: HeaderMap| serve(Path(file.to_owned()), headers).await),
        )
    })
}

async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some((asset, current)) = find(&file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", asset.hash);
    // A name without its hash, or with that of an earlier version, must be asked for again.
    let cache = if current {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let kept = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if kept.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)) {
        return (
            StatusCode::NOT_MODIFIED,
            [(header::ETAG, etag), (header::CACHE_CONTROL, cache.into())],
        )
            .into_response();
    }
    let head = [
        (header::CONTENT_TYPE, asset.media_type.to_owned()),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::ETAG, etag),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (head, asset.body.clone()).into_response()
}

/// The file that a name in an address means, and whether the name carries the hash of what we have.
fn find(file: &str) -> Option<(&'static Asset, bool)> {
    if let Some(asset) = ASSETS.get(file) {
        return Some((asset, false));
    }
    let (stem, extension) = file.rsplit_once('.')?;
    let (stem, hash) = stem.rsplit_once('.')?;
    let asset = ASSETS.get(&format!("{stem}.{extension}"))?;
    Some((asset, asset.hash == hash))
}

fn make(name: &str, body: Cow<'static, [u8]>) -> Asset {
    let mut hash = hex::encode(Sha256::digest(&body));
    hash.truncate(HASH_CHARS);
    Asset {
        body,
        media_type: media_type(name),
        hash,
    }
}

fn hashed(name: &str, hash: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
        None => name.to_owned(),
    }
}

/// The style files one after the other, with the names of the images they use made final.
fn style_sheet(assets: &HashMap<String, Asset>) -> String {
    let mut names: Vec<_> = Files::iter().filter(|name| name.starts_with(STYLE_FOLDER)).collect();
    names.sort();
    let mut sheet = String::new();
    for file in names.iter().filter_map(|name| Files::get(name)) {
        // Writing to a String cannot fail.
        let _ = writeln!(sheet, "{}", String::from_utf8_lossy(&file.data));
    }
    for (name, asset) in assets.iter().filter(|(name, _)| sheet_image(name)) {
        sheet = sheet.replace(
            &format!("url(\"{name}\")"),
            &format!("url(\"/assets/{}\")", hashed(name, &asset.hash)),
        );
    }
    sheet
}

fn sheet_image(name: &str) -> bool {
    media_type(name).starts_with("image/")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
pub(crate) fn for_each_file(mut visit: impl FnMut(&str, &[u8])) {
    for (name, asset) in ASSETS.iter() {
        visit(&hashed(name, &asset.hash), &asset.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_hash_and_lead_back_to_the_file() {
        let url = asset("app.css");
        let file = url.strip_prefix("/assets/").unwrap();
        let (found, current) = find(file).unwrap();
        assert!(current);
        assert_eq!(found.media_type, "text/css; charset=utf-8");
        assert!(
            !find("app.css").unwrap().1,
            "a name without a hash is not kept for a year"
        );
        assert!(!find("app.000000000000.css").unwrap().1, "nor one of another version");
        assert!(find("nothing.css").is_none());
        assert!(find("css/1-tokens.css").is_none());
    }

    #[test]
    fn the_script_stays_small_and_the_sheet_is_whole() {
        let script = &ASSETS["app.js"].body;
        assert!(script.len() <= 10 * 1024, "app.js has {} bytes", script.len());
        let sheet = String::from_utf8_lossy(&ASSETS[STYLE_NAME].body);
        assert!(sheet.contains("@layer tokens") && sheet.contains("@layer pages"));
        assert!(!sheet.contains("url(\"caret.svg\")"));
    }
}
