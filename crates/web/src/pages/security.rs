//! `/profile/security`: how the viewer signs in, and where they are signed in.

pub(super) mod access;
pub(super) mod passkeys;
pub(super) mod second_step;

use axum::{extract::State, response::Response};
use http::HeaderMap;
use opsknight_domain::directory::Role;
use opsknight_store::{db::Tx, passkeys as stored, second_factor, secret::token_hash, sessions, users};

use super::{
    PageError,
    form::{Form, Wrong},
    gate::{MaybePeer, device, with_session},
    viewer::{Viewer, done, refused},
};
use crate::{
    actions::accounts,
    api::{error::ApiError, extract::Path, settings::sign_in},
    auth,
    pages::flash,
    state::AppState,
    views::{Field, Flash, PasskeyRow, SecondStepState, Section, Security, SessionRow},
};

const PATH: &str = "/profile/security";

/// `GET /profile/security`
pub(super) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let page = page(&state, &viewer, &headers, &Typed::default()).await?;
    viewer.page(&page)
}

/// What was typed into one of the forms and what is wrong with it.
#[derive(Default)]
pub(super) struct Typed {
    form: Form,
    wrong: Wrong,
    /// The passkey that the form is about, where it is about one.
    passkey: Option<String>,
}

/// A passkey as it is listed.
fn passkey_row(viewer: &Viewer, row: &stored::PasskeyRow) -> PasskeyRow {
    PasskeyRow {
        name: Field::new("name").with(&row.name).within(&row.id),
        id: row.id.clone(),
        title: row.name.clone(),
        created: viewer.times(row.created_at),
        used: row.last_used_at.map(|at| viewer.times(at)),
    }
}

/// Where somebody is signed in, with the session that has this token in front.
fn session_rows(viewer: &Viewer, sessions: &[sessions::SessionRow], this: Option<&str>) -> Vec<SessionRow> {
    let this = this.map(token_hash);
    let mut rows: Vec<SessionRow> = sessions
        .iter()
        .map(|session| SessionRow {
            id: accounts::session_name(&session.token_hash).to_owned(),
            device: device_name(session.agent.as_deref().unwrap_or_default()),
            address: session.ip.clone().unwrap_or_else(|| "unknown address".to_owned()),
            since: viewer.times(session.created_at),
            seen: viewer.times(session.seen_at),
            current: this.as_ref() == Some(&session.token_hash),
        })
        .collect();
    rows.sort_by_key(|row| !row.current);
    rows
}

async fn page(state: &AppState, viewer: &Viewer, headers: &HeaderMap, typed: &Typed) -> Result<Security, PageError> {
    let (id, now, store) = (viewer.person.id, viewer.now, state.store.clone());
    let unit = async move |tx: &mut Tx<'_>| {
        Ok::<_, ApiError>((
            second_factor::standing(tx, id).await?,
            stored::of_user(tx, id).await?,
            sessions::of_user(tx, id, now).await?,
            users::password(tx, id).await?.is_some(),
            sign_in::get(tx, &store).await?,
        ))
    };
    let (second, passkeys, sessions, has_password, provider) = state.store.db.read(unit).await?;
    let provider_only = provider.filter(|provider| !provider.passwords && viewer.person.role != Role::Admin);
    let second = second.map(|second| SecondStepState {
        since: viewer.times(second.since),
        codes_left: second.codes_left,
    });
    let (form, wrong) = (&typed.form, &typed.wrong);
    let passkey = |row: &stored::PasskeyRow| {
        let mut shown = passkey_row(viewer, row);
        if typed.passkey.as_deref() == Some(row.id.as_str()) {
            shown.name = form.field("name", wrong).within(&row.id);
        }
        shown
    };
    Ok(Security {
        shell: viewer.shell("Security", Section::Elsewhere),
        provider_only: provider_only.map(|provider| provider.name),
        second,
        proof: form.secret_field("proof", wrong),
        passkeys: passkeys.iter().map(passkey).collect(),
        no_passkeys: state.passkeys.why_not(),
        passkey_name: Field::new("name").within("passkey"),
        has_password,
        current_password: form.secret_field("current_password", wrong),
        new_password: form.secret_field("new_password", wrong),
        sessions: session_rows(viewer, &sessions, auth::session_token(headers, state).as_deref()),
        refused: wrong.whole(),
    })
}

/// The page with what is wrong about a form that was sent.
async fn again(state: &AppState, viewer: &Viewer, headers: &HeaderMap, typed: Typed) -> Result<Response, PageError> {
    let page = page(state, viewer, headers, &typed).await?;
    viewer.refused_page(&page)
}

/// `POST /profile/password`
pub(super) async fn change_password(
    State(state): State<AppState>,
    viewer: Viewer,
    MaybePeer(peer): MaybePeer,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, PageError> {
    let passwords = (form.raw("current_password"), form.raw("new_password"));
    let device = device(&headers, peer, &state);
    match accounts::change_password(&state, &viewer.caller, viewer.person.id, passwords, device).await {
        Ok(session) => {
            let mut response = with_session(PATH, session, &state);
            let text = "The password was changed. Other devices are signed out.".to_owned();
            flash::add(response.headers_mut(), flash::set(&Flash { good: true, text }));
            Ok(response)
        }
        Err(error) => {
            let names = [("currentPassword", "current_password"), ("newPassword", "new_password")];
            let typed = Typed {
                wrong: Wrong::of_error(error, &names)?,
                ..Typed::default()
            };
            again(&state, &viewer, &headers, typed).await
        }
    }
}

/// `POST /profile/sessions/{session}/delete`
pub(super) async fn end_session(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    match accounts::end_session(&state, &viewer.caller, viewer.person.id, &name).await {
        Ok(()) => Ok(done(PATH, "Signed out there.")),
        Err(error) => refused(PATH, error),
    }
}

/// `POST /profile/sessions/delete`
pub(super) async fn end_others(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let kept = auth::session_token(&headers, &state);
    accounts::end_others(&state, &viewer.caller, viewer.person.id, kept.as_deref()).await?;
    Ok(done(PATH, "Signed out everywhere else."))
}

/// A name for a browser, by what it calls itself.
pub(super) fn device_name(agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    // The order matters: browsers name those that they want to be taken for as well.
    let browser = find(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => "A browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_a_name_that_its_owner_knows() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(device_name(edge), "Edge on Windows");
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1";
        assert_eq!(device_name(phone), "Safari on iPhone");
        assert_eq!(device_name("curl/8.0"), "curl");
        assert_eq!(device_name(""), "A browser");
    }
}
