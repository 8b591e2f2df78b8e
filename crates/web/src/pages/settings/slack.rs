//! `/settings/slack`: the app, the workspaces that have it, and the channel of each that is told.

use axum::{extract::State, response::Response};
use opsknight_domain::directory::Channel;
use serde_json::{Map, Value};

use super::{
    channel::{answer, ready, saved_at, trial},
    fields::{group, is_secret_typed, known, wish, wrong},
    rooms,
};
use crate::{
    api::{
        extract::Path,
        settings::{self as channels, Origin, SettingsPatch, Trial, workspaces},
    },
    pages::{
        PageError,
        form::{Form, Wrong},
        meanwhile::Editing,
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Section, Setting, SlackSettings, WorkspaceRow},
};

const PATH: &str = "/settings/slack";
/// The one provider of this channel, whose settings are those of the app.
const APP: &str = "SLACK";

/// The names of fields as the API knows them, and as the forms do.
fn ours(error: crate::api::error::ApiError, form: &Form) -> Result<Wrong, PageError> {
    let wrong = wrong(error, Channel::Slack, form)?;
    Ok(wrong.renamed(|field| match field {
        "botToken" => Some("bot_token".to_owned()),
        "defaultChannel" => Some("default_channel".to_owned()),
        _ => None,
    }))
}

/// The page; `about` is the workspace that the form is about, where it is about one.
async fn page(
    state: &AppState,
    viewer: &Viewer,
    form: &Form,
    wrong: &Wrong,
    about: Option<&str>,
) -> Result<SlackSettings, PageError> {
    let body = channels::read(state, Channel::Slack).await?;
    let form = form.over(&known(Channel::Slack, &body));
    let has = |name: &str| body.fields.get(name).is_some_and(|value| *value == Value::Bool(true));
    // What is saved of the app takes the place of all that the environment says of it.
    let given = |variable: &str| body.updated_at.is_none() && state.environment_has(variable);
    let mut rows = Vec::new();
    for workspace in workspaces::workspaces(state).await? {
        let is_meant = about == Some(workspace.team.as_str());
        let known = crate::views::Field::new("default_channel").with(workspace.default_channel.unwrap_or_default());
        let field = if is_meant {
            form.field("default_channel", wrong)
        } else {
            known
        };
        let team = Some(workspace.team.clone());
        rows.push(WorkspaceRow {
            room: rooms::field(state, &viewer.caller, team, field.within(&workspace.team)).await?,
            team: workspace.team,
            name: workspace.name,
            since: viewer.times(workspace.installed_at.0),
        });
    }
    Ok(SlackSettings {
        shell: viewer.shell("Slack", Section::Settings),
        state: ready(&body),
        by_environment: body.source == Some(Origin::Environment),
        manifest: state.providers.slack().manifest(),
        app_by_environment: given("SLACK_CLIENT_ID"),
        can_connect: has("hasClientSecret") || given("SLACK_CLIENT_ID"),
        can_hear: has("hasSigningSecret") || given("SLACK_SIGNING_SECRET"),
        is_saved: body.updated_at.is_some() || !rows.is_empty(),
        app: group(state, Channel::Slack, &body, (&form, wrong), "")
            .ways
            .into_iter()
            .flat_map(|way| way.fields)
            .map(needed)
            .collect(),
        workspaces: rows,
        bot_token: form.secret_field("bot_token", wrong),
        trial: trial(Channel::Slack, &form, wrong),
        whole: wrong.whole(),
    })
}

/// The app can be there without its credentials, where a token was given by hand; whoever enters them needs them all.
fn needed(setting: Setting) -> Setting {
    Setting {
        required: true,
        ..setting
    }
}

/// `GET /settings/slack`
pub(in crate::pages) async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let body = channels::read(&state, Channel::Slack).await?;
    let viewer = viewer.editing(saved_at(&body));
    let page = page(&state, &viewer, &Form::default(), &Wrong::default(), None).await?;
    viewer.page(&page)
}

/// The form of the app, which chooses no provider.
fn of_app(form: &Form) -> Form {
    form.over(&Form::of([("provider".to_owned(), APP.to_owned())]))
}

async fn save_wish(
    state: &AppState,
    viewer: Viewer,
    (form, about): (Form, Option<&str>),
    wish: Map<String, Value>,
    says: &str,
) -> Result<Response, PageError> {
    match channels::save(state, &viewer.saving(&form), Channel::Slack, SettingsPatch(wish), false).await {
        Ok(_) => Ok(done(PATH, says)),
        Err(error) => {
            let body = channels::read(state, Channel::Slack).await?;
            let editing = Editing {
                object: &opsknight_store::settings::of_channel(Channel::Slack),
                current: form.clone(),
                typed: form.clone(),
                updated_at: saved_at(&body),
                names: &[],
                // As with the other channels: what is secret is not in the log, and nothing is taken over.
                as_body: &|_| None,
            };
            let (viewer, form, wrong) = viewer.again(state, error, editing, |error| ours(error, &form)).await?;
            let page = page(state, &viewer, &form, &wrong, about).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /settings/slack`
pub(in crate::pages) async fn save(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let form = of_app(&form);
    let body = channels::read(&state, Channel::Slack).await?;
    let wish = wish(Channel::Slack, &form, &body);
    save_wish(&state, viewer, (form, None), wish, "The app was saved.").await
}

/// `POST /settings/slack/token`
pub(in crate::pages) async fn save_token(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let form = of_app(&form);
    let wish = Map::from_iter([("botToken".to_owned(), form.text("bot_token").into())]);
    save_wish(&state, viewer, (form, None), wish, "The workspace is connected.").await
}

/// `POST /settings/slack/test`
pub(in crate::pages) async fn test(
    State(state): State<AppState>,
    viewer: Viewer,
    form: Form,
) -> Result<Response, PageError> {
    let form = of_app(&form);
    let token = form.given("bot_token");
    let settings = token.map(|token| SettingsPatch(Map::from_iter([("botToken".to_owned(), token.into())])));
    let to = form.given("to");
    let wish = Trial { to, settings };
    match channels::try_out(&state, &viewer.caller, Channel::Slack, wish).await {
        Ok(tried) => {
            let mut page = page(&state, &viewer, &form, &Wrong::default(), None).await?;
            page.trial.answer = Some(answer(tried, APP));
            page.trial.retype = is_secret_typed(Channel::Slack, &form);
            viewer.page(&page)
        }
        Err(error) => {
            let page = page(&state, &viewer, &form, &ours(error, &form)?, None).await?;
            viewer.refused_page(&page)
        }
    }
}

/// `POST /settings/slack/forget`
pub(in crate::pages) async fn forget(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    match channels::forget(&state, &viewer.caller, Channel::Slack).await {
        Ok(()) => Ok(done(PATH, "The app and its workspaces are forgotten.")),
        Err(error) => refused(PATH, error),
    }
}

/// `POST /settings/slack/workspaces/{team}`
pub(in crate::pages) async fn change_workspace(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(team): Path<String>,
    form: Form,
) -> Result<Response, PageError> {
    if form.given("disconnect").is_some() {
        return match workspaces::disconnect(&state, &viewer.caller, &team).await {
            Ok(()) => Ok(done(
                PATH,
                "Disconnected. The app stays in Slack until somebody removes it there.",
            )),
            Err(error) => refused(PATH, error),
        };
    }
    let wish = Some(form.given("default_channel"));
    match workspaces::set_default_channel(&state, &viewer.caller, &team, wish).await {
        Ok(_) => Ok(done(PATH, "The default channel was saved.")),
        Err(error) => {
            let page = page(&state, &viewer, &form, &ours(error, &form)?, Some(&team)).await?;
            viewer.refused_page(&page)
        }
    }
}
