//! The files that pages load: style sheet, script, icons. Owns their names, which change with their content so that a
//! browser may keep them for a year, and the policy that says what a page may load at all. Never anything of a user's.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::Write as _,
    io::Write as _,
    sync::{LazyLock, OnceLock},
};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
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
/// The files that name others: in them `"/assets/name"` stands for the final name, as `asset` gives it. They name none of
/// each other but in this order.
const NAMING: [&str; 4] = ["app.webmanifest", "offline.html", "unsent.html", "sw.js"];
/// What the style sheet is called.
const STYLE_NAME: &str = "app.css";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Files;

struct Asset {
    body: Cow<'static, [u8]>,
    media_type: &'static str,
    hash: String,
    /// The same packed, made when it is first asked for: a file is small and sent often.
    packed: OnceLock<Option<Vec<u8>>>,
}

impl Asset {
    /// Packed as well as can be; none where that saves nothing.
    fn packed(&self) -> Option<&[u8]> {
        let pack = || {
            let text = !matches!(self.media_type, "image/png" | "application/octet-stream");
            let mut packer = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to a Vec cannot fail.
            packer.write_all(&self.body).ok()?;
            let packed = packer.finish().ok()?;
            (text && packed.len() < self.body.len()).then_some(packed)
        };
        self.packed.get_or_init(pack).as_deref()
    }
}

/// All files by the name that templates know them by.
static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let mut assets: HashMap<String, Asset> = Files::iter()
        .filter(|name| !name.starts_with(STYLE_FOLDER))
        .filter_map(|name| Some((name.to_string(), make(&name, Files::get(&name)?.data))))
        .collect();
    let style = style_sheet(&assets);
    assets.insert(STYLE_NAME.to_owned(), make(STYLE_NAME, Cow::Owned(style.into_bytes())));
    for name in NAMING {
        let Some(file) = assets.get(name) else { continue };
        let named = with_final_names(&file.body, &assets);
        assets.insert(name.to_owned(), make(name, Cow::Owned(named.into_bytes())));
    }
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
const AT_THE_ROOT: [(&str, &str); 3] = [
    ("/sw.js", "sw.js"),
    ("/manifest.webmanifest", "app.webmanifest"),
    (SPECULATION_RULES, "speculation.json"),
];

/// Where browsers learn which links they may fetch ahead: named by a header of every page.
pub const SPECULATION_RULES: &str = "/speculation.json";

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
    let packed = if takes_gzip(&headers) { asset.packed() } else { None };
    let etag = format!("\"{}{}\"", asset.hash, if packed.is_some() { "-gzip" } else { "" });
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
        (header::VARY, "accept-encoding".to_owned()),
    ];
    match packed {
        Some(packed) => (head, [(header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (head, asset.body.clone()).into_response(),
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let mut codings = named.unwrap_or_default().split(',').map(str::trim);
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00")
    })
}

/// A file in which the names of others are final.
fn with_final_names(file: &[u8], assets: &HashMap<String, Asset>) -> String {
    let mut text = String::from_utf8_lossy(file).into_owned();
    for (name, asset) in assets {
        for end in ['"', '#'] {
            let written = format!("\"/assets/{name}{end}");
            text = text.replace(&written, &format!("\"/assets/{}{end}", hashed(name, &asset.hash)));
        }
    }
    text
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
        packed: OnceLock::new(),
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
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/speculationrules+json",
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
    fn files_that_name_others_name_what_is_there() {
        for name in NAMING {
            let text = String::from_utf8_lossy(&ASSETS[name].body).into_owned();
            let mut rest = text.as_str();
            let mut n = 0;
            while let Some(at) = rest.find("\"/assets/") {
                rest = &rest[at + "\"/assets/".len()..];
                let file = rest.split(['"', '#']).next().unwrap();
                // What the worker asks about the folder itself.
                if !file.is_empty() {
                    assert!(find(file).is_some_and(|(_, current)| current), "{name} names {file}");
                    n += 1;
                }
            }
            assert!(n > 0, "{name} names files");
        }
    }

    #[test]
    fn text_is_packed_for_those_who_take_it() {
        let takes = |text: &str| {
            takes_gzip(&HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                text.parse().unwrap(),
            )]))
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && !takes("br") && !takes("gzip;q=0") && !takes(""));
        let sheet = &ASSETS[STYLE_NAME];
        assert!(sheet.packed().unwrap().len() * 3 < sheet.body.len());
        assert!(ASSETS["icon.png"].packed().is_none());
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
