//! How people are reached: the same forms on `/profile`, where everybody has their own, and on `/users/{id}`, where
//! administrators have everybody's.

use axum::response::Response;
use opsknight_domain::{
    directory::Channel,
    id::{ContactMethodId, UserId},
    urgency::Urgency,
};
use opsknight_store::{
    db::Tx,
    users::{self, ContactMethodRow, RuleRow, UserRow},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    PageError,
    form::{Form, List, Wrong},
    rows::channel_name,
    viewer::{Viewer, done, refused, say},
};
use crate::{
    api::{
        error::{ApiError, Problems},
        extract::from_value,
        settings,
        troubles::Troubles,
        users::{
            codes,
            reach::{self as methods, ContactMethodBody, ContactMethodPatch},
            rules::{self, NewRules},
            update,
        },
    },
    state::AppState,
    views::{Badge, Choice, MethodRow, Reach, RuleForm, RuleGroup, Select, Tone},
};

/// Minutes that a new rule waits after the one before it.
const DELAY_STEP_MINUTES: u32 = 5;

/// What the forms are about that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum About {
    #[default]
    Nothing,
    Adding,
    Code(ContactMethodId),
    Rules,
}

/// What somebody typed into one of the forms, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    form: Form,
    wrong: Wrong,
    about: About,
}

impl Typed {
    /// The form as the ones on the page read it that are about something: the others are as they are known.
    fn of(&self, about: About) -> (Form, Wrong) {
        if self.about == about {
            (self.form.clone(), self.wrong.clone())
        } else {
            (Form::default(), Wrong::default())
        }
    }
}

/// What came of a form.
pub(super) enum Outcome {
    /// It is answered so.
    Answered(Response),
    /// It comes back with what is wrong.
    Refused(Typed),
    /// It comes back with a row more or less, and nothing was saved.
    Rearranged(Typed),
}

impl Outcome {
    fn refused_about(error: ApiError, form: Form, about: About) -> Result<Self, PageError> {
        let wrong = match about {
            About::Rules => Wrong::of_list(error, "rules", rule_field)?,
            About::Nothing | About::Adding | About::Code(_) => Wrong::of_error(error, &[])?,
        };
        Ok(Self::Refused(Typed { form, wrong, about }))
    }
}

/// Whose forms they are, and where their page is.
pub(super) struct Whose {
    /// Whose.
    pub(super) user: UserId,
    /// `/profile`, `/users/usr_…`.
    pub(super) base: String,
}

impl Whose {
    /// The viewer's own, on their profile.
    pub(super) fn own(viewer: &Viewer) -> Self {
        Self {
            user: viewer.person.id,
            base: "/profile".to_owned(),
        }
    }

    /// Somebody's, on their page.
    pub(super) fn of(user: UserId) -> Self {
        Self {
            user,
            base: format!("/users/{user}"),
        }
    }
}

/// How somebody is reached, with what was typed.
pub(super) async fn reach(
    state: &AppState,
    viewer: &Viewer,
    row: &UserRow,
    whose: Whose,
    typed: &Typed,
) -> Result<Reach, ApiError> {
    let user = whose.user;
    let unit = async move |tx: &mut Tx<'_>| {
        let methods = users::contact_methods(tx, user).await?;
        Ok::<_, ApiError>((methods, users::rules(tx, user).await?, Troubles::read(tx).await?))
    };
    let (methods, rules, troubles) = state.store.db.read(unit).await?;
    let push = settings::read(state, Channel::Push).await?;
    let by_browser = push.provider == Some("WEB_PUSH");
    let is_own = user == viewer.person.id;
    let fails = troubles.failing(Channel::Email, &row.email);
    let (adding, wrong) = typed.of(About::Adding);
    let news = if row.wants_news { "on" } else { "" };
    Ok(Reach {
        base: whose.base,
        can_change: is_own || viewer.caller.is_admin(),
        is_own,
        email: row.email.clone(),
        email_fails: fails.map(|failing| (viewer.times(failing.since.0), failing.why)),
        methods: methods
            .iter()
            .map(|method| method_row(viewer, method, &troubles, is_own, typed))
            .collect(),
        kind: adding.select("type", &wrong, kinds(viewer, by_browser)),
        address: adding.field("address", &wrong),
        news: crate::views::Field::new("receive_news").with(news),
        by_browser,
        rules: groups(&rules, typed),
        whole: typed.wrong.whole(),
    })
}

/// What can be added by hand. A browser adds itself.
fn kinds(viewer: &Viewer, by_browser: bool) -> Vec<Choice> {
    let offered = [
        Channel::Sms,
        Channel::Voice,
        Channel::Whatsapp,
        Channel::Slack,
        Channel::Email,
        Channel::Push,
    ];
    let offered = offered
        .into_iter()
        .filter(|channel| *channel != Channel::Push || !by_browser);
    let choice = |channel: Channel| {
        let name = channel_name(channel.word());
        let label = match viewer.directory().channels.contains(&channel) {
            true => name,
            false => format!("{name} (not set up)"),
        };
        Choice::new(channel.word(), label)
    };
    offered.map(choice).collect()
}

fn method_row(
    viewer: &Viewer,
    method: &ContactMethodRow,
    troubles: &Troubles,
    is_own: bool,
    typed: &Typed,
) -> MethodRow {
    let body = ContactMethodBody::new(method, troubles);
    let (form, wrong) = typed.of(About::Code(method.id));
    let since = |failing: &crate::api::troubles::FailingBody| {
        format!(
            "Nothing is sent there: messages come back since {}: {}",
            viewer.times(failing.since.0).fixed(),
            failing.why
        )
    };
    let (state, why) = match (&body.failing, body.stopped, body.verified) {
        (_, true, _) => (
            Badge::new(Tone::Bad, "Stopped"),
            "Nothing is sent there: whoever has it answered STOP. START, from that telephone, takes it back."
                .to_owned(),
        ),
        (Some(failing), false, _) => (Badge::new(Tone::Bad, "Failing"), since(failing)),
        (None, false, true) => (Badge::new(Tone::Good, "Verified"), String::new()),
        (None, false, false) => (
            Badge::new(Tone::Waiting, "Not verified"),
            "Nobody is paged there before the code is entered that was sent to it.".to_owned(),
        ),
    };
    let is_push = method.channel == Channel::Push;
    MethodRow {
        id: method.id.to_string(),
        channel: channel_name(method.channel.word()),
        address: body.label,
        added: Some(viewer.times(method.created_at)),
        state: Some(state),
        why,
        asks_code: is_own && !body.verified,
        code: form.field("code", &wrong).within(&method.id.to_string()),
        failing: body.failing.is_some() && !body.stopped,
        device: device(&method.address).filter(|_| is_own && is_push),
        can_test: is_own && is_push && body.verified,
    }
}

/// By what a browser knows that a subscription is its own, without being told the whole of it.
fn device(address: &str) -> Option<String> {
    let subscription: Value = serde_json::from_str(address).ok()?;
    Some(hex::encode(Sha256::digest(subscription["endpoint"].as_str()?)))
}

fn rule_field(name: &str) -> &'static str {
    match name {
        "channel" => "channel",
        _ => "delay",
    }
}

/// The rules as a form would have them.
fn known_rules(rules: &[RuleRow]) -> Form {
    let fields = rules.iter().enumerate().flat_map(|(n, row)| {
        let rule = &row.rule;
        [
            (format!("rules.{n}.urgency"), rule.urgency.word().to_owned()),
            (format!("rules.{n}.channel"), rule.channel.word().to_owned()),
            (format!("rules.{n}.delay"), rule.delay_minutes.to_string()),
        ]
    });
    Form::of(fields)
}

fn groups(rules: &[RuleRow], typed: &Typed) -> Vec<RuleGroup> {
    let (form, wrong) = match typed.about {
        About::Rules => typed.of(About::Rules),
        About::Nothing | About::Adding | About::Code(_) => (known_rules(rules), Wrong::default()),
    };
    let rows: Vec<(String, RuleForm)> = form
        .indices("rules")
        .into_iter()
        .map(|n| {
            let name = |field: &str| format!("rules.{n}.{field}");
            let channels = Channel::ALL.map(|channel| Choice::new(channel.word(), channel_name(channel.word())));
            let row = RuleForm {
                n,
                channel: Select::new(form.field(&name("channel"), &wrong), channels),
                delay: form.field(&name("delay"), &wrong),
            };
            (form.text(&name("urgency")).to_owned(), row)
        })
        .collect();
    let group = |urgency: Urgency| {
        let (name, default) = match urgency {
            Urgency::High => (
                "High urgency",
                "No rules: push, then Slack, then SMS, until one is taken; and email in any case.",
            ),
            Urgency::Medium => (
                "Medium urgency",
                "No rules: push, then Slack, until one is taken; and email in any case.",
            ),
            Urgency::Low => (
                "Low urgency",
                "No rules: push, then Slack, until one is taken; and email in any case.",
            ),
        };
        let mine = rows.iter().filter(|(word, _)| word == urgency.word());
        RuleGroup {
            word: urgency.word(),
            name,
            default,
            rows: mine.map(|(_, row)| row.clone()).collect(),
        }
    };
    Urgency::ALL.into_iter().rev().map(group).collect()
}

/// A contact method is added.
pub(super) async fn add(state: &AppState, viewer: &Viewer, whose: Whose, form: Form) -> Result<Outcome, PageError> {
    let wish = json!({ "type": form.text("type"), "address": form.text("address") });
    let added = match from_value(wish) {
        Ok(wish) => methods::add_contact_method(state, &viewer.caller, whose.user, wish).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(added) => {
            let address = added.method.label;
            let says = match added.method.verified {
                true => format!("{address} was added."),
                false => format!("A code is on its way to {address}. Enter it below; it works for ten minutes."),
            };
            Ok(Outcome::Answered(done(&format!("{}#methods", whose.base), says)))
        }
        Err(error) => Outcome::refused_about(error, form, About::Adding),
    }
}

/// A button beside a contact method.
pub(super) async fn change(
    state: &AppState,
    viewer: &Viewer,
    whose: Whose,
    id: ContactMethodId,
    form: Form,
) -> Result<Outcome, PageError> {
    let (user, caller) = (whose.user, &viewer.caller);
    let path = format!("{}#methods", whose.base);
    let changed = match form.text("do") {
        "send-code" => codes::send_code(state, user, id)
            .await
            .map(|()| "A new code is on its way. The one before it counts no more.".to_owned()),
        "clear" => {
            let wish = ContactMethodPatch { failing: Some(false) };
            let cleared = methods::update_contact_method(state, caller, user, id, wish).await;
            cleared.map(|_| "Messages go there again.".to_owned())
        }
        "delete" => methods::delete_contact_method(state, caller, user, id)
            .await
            .map(|()| "It was removed.".to_owned()),
        "test" if user == viewer.person.id => {
            let (good, says) = match test(state, viewer, id).await {
                Ok(tried) => tried,
                Err(error) => return Ok(Outcome::Answered(refused(&path, error)?)),
            };
            return Ok(Outcome::Answered(say(&path, good, says)));
        }
        _ => match codes::verify(state, caller, user, id, form.text("code")).await {
            Ok(body) => Ok(format!("{} is verified.", body.label)),
            // What is wrong with the code stands beside it; that none counts is said of the whole.
            Err(error) if !error.fields().is_empty() => {
                return Outcome::refused_about(error, form, About::Code(id));
            }
            Err(error) => Err(error),
        },
    };
    Ok(Outcome::Answered(match changed {
        Ok(says) => done(&path, says),
        Err(error) => refused(&path, error)?,
    }))
}

/// Sends a test to a device of the viewer's, as often as codes may be sent.
async fn test(state: &AppState, viewer: &Viewer, id: ContactMethodId) -> Result<(bool, String), ApiError> {
    let user = viewer.person.id;
    state.throttles.codes.take(&user.to_string(), viewer.now).await?;
    let unit = async move |tx: &mut Tx<'_>| methods::method(tx, user, id).await;
    let row = state.store.db.read(unit).await?;
    if row.channel != Channel::Push || row.verified_at.is_none() {
        return Err(ApiError::conflict("a test goes to a device that is verified"));
    }
    let outcome = state.providers.test_channel(row.channel, None, &row.address).await;
    Ok(match outcome {
        Ok(words) => (true, format!("The test was taken: {words}")),
        Err(error) => (false, format!("The test was not taken: {error}")),
    })
}

/// The rules are rearranged, or saved.
pub(super) async fn save_rules(
    state: &AppState,
    viewer: &Viewer,
    whose: Whose,
    form: Form,
) -> Result<Outcome, PageError> {
    let mut rows = List::read(&form, "rules", &["urgency", "channel", "delay"]);
    let added = form.given("add");
    if let Some(urgency) = &added {
        let delay = next_delay(&form, urgency).to_string();
        rows.push([
            ("urgency", urgency.as_str()),
            ("channel", Channel::Push.word()),
            ("delay", delay.as_str()),
        ]);
    }
    let removed: Option<usize> = form.given("remove").and_then(|n| n.parse().ok());
    if let Some(n) = removed {
        // The numbers of the form may have gaps, those of the list have none.
        let place = form.indices("rules").into_iter().position(|index| index == n);
        rows.remove(place.unwrap_or(usize::MAX));
    }
    let form = rows.write(&form);
    if added.is_some() || removed.is_some() {
        return Ok(Outcome::Rearranged(Typed {
            form,
            wrong: Wrong::default(),
            about: About::Rules,
        }));
    }
    let saved = match wished_rules(&form) {
        Ok(wish) => rules::replace_rules(state, &viewer.caller, whose.user, wish.rules).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(Outcome::Answered(done(
            &format!("{}#rules", whose.base),
            "The notification rules were saved.",
        ))),
        Err(error) => Outcome::refused_about(error, form, About::Rules),
    }
}

/// A new rule comes some minutes after the last one of its urgency, the first at once.
fn next_delay(form: &Form, urgency: &str) -> u32 {
    let mine = form.indices("rules").into_iter().filter(|n| {
        let name = format!("rules.{n}.urgency");
        form.text(&name) == urgency
    });
    let delays = mine.filter_map(|n| form.text(&format!("rules.{n}.delay")).parse::<u32>().ok());
    delays.max().map_or(0, |last| last.saturating_add(DELAY_STEP_MINUTES))
}

fn wished_rules(form: &Form) -> Result<NewRules, ApiError> {
    let mut problems = Problems::default();
    let mut rules = Vec::new();
    for n in form.indices("rules") {
        let text = |field: &str| form.text(&format!("rules.{n}.{field}"));
        let delay: Option<u32> = form.number(&format!("rules.{n}.delay"), &mut problems);
        rules.push(json!({
            "urgency": text("urgency"),
            "channel": text("channel"),
            "delayMinutes": delay.unwrap_or_default(),
        }));
    }
    problems.check()?;
    from_value(json!({ "rules": rules }))
}

/// Whether somebody wants news by mail; and their mail address is given another chance.
pub(super) async fn save_mail(
    state: &AppState,
    viewer: &Viewer,
    whose: Whose,
    form: Form,
) -> Result<Response, PageError> {
    let (wish, says) = match form.text("do") {
        "clear" => (json!({ "emailFailing": false }), "Mail goes there again."),
        _ if form.ticked("receive_news") => (json!({ "receiveNews": true }), "News of incidents is sent by mail."),
        _ => (
            json!({ "receiveNews": false }),
            "No more news by mail. Pages are sent as before.",
        ),
    };
    let path = format!("{}#methods", whose.base);
    match update(state, &viewer.caller, whose.user, from_value(wish)?).await {
        Ok(_) => Ok(done(&path, says)),
        Err(error) => refused(&path, error),
    }
}
