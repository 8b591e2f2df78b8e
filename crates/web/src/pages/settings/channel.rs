//! `/settings/notifications`, and a page for each channel whose providers have nothing but settings. Slack's is beside it.

use axum::{extract::State, response::Response};
use jiff::{SignedDuration, Timestamp};
use opsknight_domain::directory::Channel;
use opsknight_store::{
    db::Tx,
    deliveries,
    users::{self, ContactMethodRow},
};

use super::fields::{SECOND, group, is_secret_typed, is_typed, known, wish, wrong};
use crate::{
    api::{
        error::ApiError,
        extract::Path,
        settings::{self as channels, Origin, SettingsBody, SettingsPatch, Trial, providers::ways},
        webhooks::TrialBody,
    },
    pages::{
        PageError,
        form::{Form, Wrong},
        meanwhile::Editing,
        rows::{channel_name, shorten},
        viewer::{Viewer, done, refused},
    },
    state::AppState,
    views::{Badge, ChannelList, ChannelRow, ChannelSettings, Section, Tone, TrialForm},
};

/// How far back it is told how a channel did.
const NEWS_SINCE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The channels in the order in which they are listed.
const LISTED: [Channel; 6] = [
    Channel::Email,
    Channel::Sms,
    Channel::Voice,
    Channel::Whatsapp,
    Channel::Push,
    Channel::Slack,
];

/// `GET /settings/notifications`
pub(in crate::pages) async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, PageError> {
    let since = viewer.now.saturating_sub(NEWS_SINCE).unwrap_or(Timestamp::MIN);
    let unit = async move |tx: &mut Tx<'_>| deliveries::channel_news(tx, since).await;
    let mut news = state.store.db.read(unit).await.map_err(ApiError::from)?;
    let mut rows = Vec::new();
    for channel in LISTED {
        let body = channels::read(&state, channel).await?;
        let news = news.remove(channel.word()).unwrap_or_default();
        rows.push(ChannelRow {
            sent: news.sent_at.map(|at| viewer.times(at)),
            failed: news.failed.map(|(at, words)| (viewer.times(at), shorten(&words))),
            ..row(channel, &body)
        });
    }
    viewer.page(&ChannelList {
        shell: viewer.shell("Notifications", Section::Settings),
        rows,
    })
}

fn row(channel: Channel, body: &SettingsBody) -> ChannelRow {
    let (icon, says) = match channel {
        Channel::Email => ("mail", "Always sent, and how people get their invitation"),
        Channel::Sms => ("chat", "Text messages, for high urgency"),
        Channel::Voice => ("bell", "Calls that read the incident aloud"),
        Channel::Whatsapp => ("chat", "Messages by WhatsApp"),
        Channel::Push => ("phone", "Notifications in browsers and on telephones"),
        Channel::Slack => ("team", "Messages with buttons, for people and channels"),
    };
    let first = body.provider.and_then(|word| ways(channel).provider(word));
    let names = [first.map(|provider| provider.name), second(channel, body)];
    ChannelRow {
        href: path(channel),
        name: channel_name(channel.word()),
        icon,
        says,
        provider: names.into_iter().flatten().collect::<Vec<_>>().join(", then "),
        origin: origin(body.source),
        state: ready(body),
        sent: None,
        failed: None,
    }
}

/// Who is asked when the first provider does not take a message.
fn second(channel: Channel, body: &SettingsBody) -> Option<&'static str> {
    let word = body.fields.get("second")?.get("provider")?.as_str()?;
    Some(ways(channel).provider(word)?.name)
}

fn path(channel: Channel) -> String {
    format!("/settings/{}", channel.word().to_ascii_lowercase())
}

const fn origin(source: Option<Origin>) -> &'static str {
    match source {
        Some(Origin::Settings) => "These settings",
        Some(Origin::Environment) => "Environment",
        Some(Origin::BuiltIn) => "Built in",
        None => "",
    }
}

/// Whether anything can be sent.
pub(super) fn ready(body: &SettingsBody) -> Badge {
    match body.configured {
        true => Badge::new(Tone::Good, "Ready"),
        false => Badge::new(Tone::Quiet, "Not set up"),
    }
}

/// What is in force, in a sentence or two.
fn says(channel: Channel, body: &SettingsBody) -> String {
    let provider = body.provider.and_then(|word| ways(channel).provider(word));
    let name = provider.map_or("", |provider| provider.name);
    match body.source {
        Some(Origin::Settings) => format!("{name} delivers, by what is saved here."),
        Some(Origin::Environment) => {
            let variable = provider.and_then(|provider| provider.variable).unwrap_or_default();
            let then = second(channel, body).map_or_else(String::new, |second| format!(", then {second},"));
            format!(
                "{name}{then} delivers, by the environment of the server ({variable} and its like). What you save here takes \
                 its place."
            )
        }
        Some(Origin::BuiltIn) => {
            format!("{name} is built in: browsers are told directly, and nothing has to be set up.")
        }
        None => format!(
            "Nobody can be reached by {} yet. Choose who delivers.",
            channel_name(channel.word())
        ),
    }
}

/// When settings were saved last: where they never were, at a time before all others.
pub(super) fn saved_at(body: &SettingsBody) -> Timestamp {
    body.updated_at.as_ref().map_or(Timestamp::UNIX_EPOCH, |at| at.0)
}

/// Which channel a path names; Slack has a page of its own.
fn channel_of(name: &str) -> Result<Channel, ApiError> {
    match channels::channel_of(name) {
        Ok(Channel::Slack) | Err(_) => Err(ApiError::not_found("page")),
        Ok(channel) => Ok(channel),
    }
}

/// The test message as it is asked for.
pub(super) fn trial(channel: Channel, form: &Form, wrong: &Wrong) -> TrialForm {
    let (label, kind, hint) = match channel {
        Channel::Email => ("Email address", "email", ""),
        Channel::Sms | Channel::Voice | Channel::Whatsapp => ("Telephone number", "tel", "With its country code."),
        Channel::Push => (
            "Device",
            "text",
            "Empty: your own first device. Or a subscription ID of OneSignal.",
        ),
        Channel::Slack => (
            "Channel or person",
            "text",
            "#channel, a channel's or member's ID, or an email address. Empty: you.",
        ),
    };
    TrialForm {
        to: form.field("to", wrong),
        label,
        kind,
        hint,
        answer: None,
        retype: false,
    }
}

/// What the other side said, and which setting it is about.
pub(super) fn answer(trial: TrialBody, provider: &str) -> (bool, String) {
    let field = trial.field.unwrap_or_default();
    let label = super::words::of_variable(provider, &field);
    let message = match trial.message.strip_prefix(&format!("{field}: ")) {
        Some(why) if !label.is_empty() => format!("{label}: {why}"),
        Some(_) | None => trial.message,
    };

    (trial.ok, message)
}

/// Where the viewer themselves are reached on a channel; empty where that is not to be shown, or not known.
async fn own_address(state: &AppState, viewer: &Viewer, channel: Channel) -> Result<String, ApiError> {
    let id = viewer.person.id;
    let is_phone = match channel {
        Channel::Email => return Ok(viewer.person.email.clone()),
        Channel::Push | Channel::Slack => return Ok(String::new()),
        Channel::Sms | Channel::Voice | Channel::Whatsapp => true,
    };
    let unit = async move |tx: &mut Tx<'_>| {
        let row = users::get(tx, id).await?;
        Ok::<_, ApiError>((users::contact_methods(tx, id).await?, row.and_then(|row| row.phone)))
    };
    let (methods, phone) = state.store.db.read(unit).await?;
    let verified = |method: &ContactMethodRow| method.channel == channel && method.verified_at.is_some();
    let own = methods.into_iter().find(verified).map(|method| method.address);
    Ok(own.or(phone.filter(|_| is_phone)).unwrap_or_default())
}

fn page(
    state: &AppState,
    viewer: &Viewer,
    channel: Channel,
    body: &SettingsBody,
    (form, wrong): (&Form, &Wrong),
) -> ChannelSettings {
    let name = channel_name(channel.word());
    let typed = (form, wrong);
    let second = ways(channel)
        .has_second
        .then(|| group(state, channel, body, typed, SECOND));
    ChannelSettings {
        shell: viewer.shell(&name, Section::Settings),
        path: path(channel),
        state: ready(body),
        says: says(channel, body),
        providers: group(state, channel, body, typed, ""),
        second_open: form.given("second.provider").is_some(),
        second,
        trial: trial(channel, form, wrong),
        is_saved: body.updated_at.is_some(),
        whole: wrong.whole(),
        name,
    }
}

/// `GET /settings/{channel}`
pub(in crate::pages) async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let channel = channel_of(&name)?;
    let body = channels::read(&state, channel).await?;
    let to = own_address(&state, &viewer, channel).await?;
    let form = Form::of([("to".to_owned(), to)]).over(&known(channel, &body));
    let viewer = viewer.editing(saved_at(&body));
    viewer.page(&page(&state, &viewer, channel, &body, (&form, &Wrong::default())))
}

/// `POST /settings/{channel}`
pub(in crate::pages) async fn save(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, PageError> {
    let channel = channel_of(&name)?;
    let body = channels::read(&state, channel).await?;
    let patch = SettingsPatch(wish(channel, &form, &body));
    match channels::save(&state, &viewer.saving(&form), channel, patch, false).await {
        Ok(_) => Ok(done(&path(channel), "Saved. Send a test to see that it works.")),
        Err(error) => {
            let editing = Editing {
                object: &opsknight_store::settings::of_channel(channel),
                current: form.clone(),
                typed: form.clone(),
                updated_at: saved_at(&body),
                names: &[],
                // A provider's settings are in the log by names of their own, and what is secret is not: nothing is
                // taken over, and all that differs is shown.
                as_body: &|_| None,
            };
            let (viewer, form, wrong) = viewer
                .again(&state, error, editing, |error| wrong(error, channel, &form))
                .await?;
            viewer.refused_page(&page(&state, &viewer, channel, &body, (&form, &wrong)))
        }
    }
}

/// `POST /settings/{channel}/test`
pub(in crate::pages) async fn test(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, PageError> {
    let channel = channel_of(&name)?;
    let body = channels::read(&state, channel).await?;
    // Where nothing is saved and nothing is typed, what the environment says is tried.
    let is_untouched = body.updated_at.is_none() && body.configured && !is_typed(channel, &form);
    let in_force = is_untouched || form.given("provider").is_none();
    let wish = Trial {
        to: form.given("to"),
        settings: (!in_force).then(|| SettingsPatch(wish(channel, &form, &body))),
    };
    match channels::try_out(&state, &viewer.caller, channel, wish).await {
        Ok(tried) => {
            let mut page = page(&state, &viewer, channel, &body, (&form, &Wrong::default()));
            page.trial.answer = Some(answer(tried, form.text("provider")));
            page.trial.retype = is_secret_typed(channel, &form);
            viewer.page(&page)
        }
        Err(error) => {
            let wrong = wrong(error, channel, &form)?;
            viewer.refused_page(&page(&state, &viewer, channel, &body, (&form, &wrong)))
        }
    }
}

/// `POST /settings/{channel}/forget`
pub(in crate::pages) async fn forget(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let channel = channel_of(&name)?;
    match channels::forget(&state, &viewer.caller, channel).await {
        Ok(()) => Ok(done(&path(channel), "What was saved here is forgotten.")),
        Err(error) => refused(&path(channel), error),
    }
}
