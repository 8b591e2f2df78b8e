//! `/guide`: the guide, for everybody who is signed in. What it says is in `crate::guide`.

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{Uri, header};

use super::{PageError, viewer::Viewer};
use crate::{
    api::error::ApiError,
    guide::{self, Page},
    views::{GuideFound, GuideLink, GuidePage, Section},
};

/// How long a browser may keep a picture.
const IMAGE_CACHE: &str = "private, max-age=3600";
/// The deepest heading that the contents name.
const LEVEL_MAX: u8 = 2;
/// The longest text that is looked for, in characters.
const QUERY_CHARS_MAX: usize = 200;

/// `GET /guide`
pub(super) async fn index(viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let query = uri.query().unwrap_or_default();
    let words = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "q");
    match words.map(|(_, words)| words.trim().chars().take(QUERY_CHARS_MAX).collect::<String>()) {
        Some(words) if !words.is_empty() => found(&viewer, words),
        _ => turned_to(&viewer, guide::index()),
    }
}

/// `GET /guide/{page}`
pub(super) async fn show(viewer: Viewer, Path(name): Path<String>) -> Result<Response, PageError> {
    turned_to(&viewer, guide::page(&name))
}

/// `GET /guide/images/{file}`
pub(super) async fn image(_viewer: Viewer, Path(file): Path<String>) -> Result<Response, PageError> {
    let (body, media) = guide::image(&file).ok_or_else(|| ApiError::not_found("picture"))?;
    let head = [(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, IMAGE_CACHE)];
    Ok((head, body).into_response())
}

fn turned_to(viewer: &Viewer, page: Option<&'static Page>) -> Result<Response, PageError> {
    let page = page.ok_or_else(|| ApiError::not_found("page of the guide"))?;
    let pages = guide::pages();
    let at = pages
        .iter()
        .position(|other| other.name == page.name)
        .unwrap_or_default();
    let heads = page.parts.iter().skip(1).filter(|part| part.level <= LEVEL_MAX);
    viewer.page(&GuidePage {
        shell: viewer.shell(&page.title, Section::Elsewhere),
        first: at == 0,
        title: page.title.clone(),
        html: page.html.clone(),
        contents: heads
            .map(|part| GuideLink::new(format!("#{}", part.id), &part.title))
            .collect(),
        pages: pages.iter().map(Page::link).collect(),
        previous: at.checked_sub(1).and_then(|before| pages.get(before)).map(Page::link),
        next: pages.get(at + 1).map(Page::link),
    })
}

fn found(viewer: &Viewer, words: String) -> Result<Response, PageError> {
    let found = guide::find(&words);
    viewer.page(&GuideFound {
        shell: viewer.shell("Search the guide", Section::Elsewhere),
        words,
        found: found.into_iter().map(|found| (found.link, found.around)).collect(),
    })
}
