//! `/search`: anything by a few words, also without a script.

use axum::{extract::State, response::Response};
use http::Uri;

use super::{PageError, viewer::Viewer};
use crate::{
    api::{error::Problems, extract::Params, find::find},
    search::{Group, Hit, Sight},
    state::AppState,
    views::{FoundGroup, FoundRow, Link, SearchPage, Section},
};

/// `GET /search`
pub(super) async fn show(State(state): State<AppState>, viewer: Viewer, uri: Uri) -> Result<Response, PageError> {
    let mut problems = Problems::default();
    let mut params = Params::of_form(uri.query().unwrap_or_default(), &mut problems);
    let text = params.text("q").unwrap_or_default();
    problems.check()?;
    let hits = find(&state, &Sight::of(&viewer.caller), &text).await?;
    let page = SearchPage {
        shell: viewer.shell("Search", Section::Elsewhere),
        groups: grouped(hits, &text),
        query: text,
    };
    viewer.page(&page)
}

fn grouped(hits: Vec<Hit>, text: &str) -> Vec<FoundGroup> {
    let mut groups: Vec<FoundGroup> = Vec::new();
    let mut last: Option<Group> = None;
    for hit in hits {
        if last != Some(hit.group) {
            groups.push(FoundGroup {
                name: hit.group.name(),
                icon: hit.group.icon(),
                all: (hit.group == Group::Incidents).then(|| all_incidents(text)),
                rows: Vec::new(),
            });
            last = Some(hit.group);
        }
        if let Some(group) = groups.last_mut() {
            group.rows.push(FoundRow {
                link: Link::new(hit.path, hit.title),
                detail: hit.detail,
            });
        }
    }
    groups
}

/// The list of incidents that have the words.
fn all_incidents(text: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", text)
        .finish();
    format!("/incidents?{query}")
}
