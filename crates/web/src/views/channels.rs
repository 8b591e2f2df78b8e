//! `/settings/notifications` and a page for each channel: who delivers, and whether it works.

use askama::Template;

use super::{Badge, Field, FormError, Select, Setting, Shell, Times, Ways, form::errors};

/// `/settings/notifications`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/notifications.html")]
pub struct ChannelList {
    /// Around the page.
    pub shell: Shell,
    /// The channels.
    pub rows: Vec<ChannelRow>,
}

/// A channel in the list.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    /// Its page.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// The name of its icon.
    pub icon: &'static str,
    /// What it is for.
    pub says: &'static str,
    /// Who delivers; empty: nobody.
    pub provider: String,
    /// Where its settings come from; empty: there are none.
    pub origin: &'static str,
    /// Ready or not.
    pub state: Badge,
    /// When a page was last taken, if that was in the last week.
    pub sent: Option<Times>,
    /// When a message was last given up in the last week, and in whose words.
    pub failed: Option<(Times, String)>,
}

/// `/settings/email`, `/settings/sms`, `/settings/voice`, `/settings/push`, `/settings/whatsapp`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/channel.html")]
pub struct ChannelSettings {
    /// Around the page.
    pub shell: Shell,
    /// What the channel is called.
    pub name: String,
    /// Where its forms go, and the end of those addresses.
    pub path: String,
    /// Ready or not.
    pub state: Badge,
    /// What is in force and where it comes from, in a sentence or two.
    pub says: String,
    /// `provider`, with the fields of each: `SMTP.host`
    pub providers: Ways,
    /// `second.provider`: who is asked when the first does not take a message.
    pub second: Option<Ways>,
    /// A second one is set up, or something is wrong with it.
    pub second_open: bool,
    /// The test.
    pub trial: TrialForm,
    /// Settings are saved, and can be forgotten.
    pub is_saved: bool,
    /// What is wrong with the whole.
    pub whole: Option<String>,
}

impl ChannelSettings {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.whole.iter().map(FormError::whole);
        let groups = [Some(&self.providers), self.second.as_ref()].into_iter().flatten();
        let typed = groups.flat_map(Ways::errors).chain(errors([&self.trial.to]));
        whole.chain(typed).collect()
    }
}

/// Sending a test message.
#[derive(Debug, Clone, Default)]
pub struct TrialForm {
    /// `to`
    pub to: Field,
    /// What kind of address that is: "Email address", "Telephone number".
    pub label: &'static str,
    /// The type of the control.
    pub kind: &'static str,
    /// What is meant where it is empty, and whatever else must be known.
    pub hint: &'static str,
    /// What the other side answered to the test that was just sent, and whether it took it.
    pub answer: Option<(bool, String)>,
    /// The credentials that were typed were not sent back: they must be typed again before they are saved.
    pub retype: bool,
}

/// `/settings/slack`
#[derive(Debug, Clone, Template)]
#[template(path = "settings/slack.html")]
pub struct SlackSettings {
    /// Around the page.
    pub shell: Shell,
    /// Ready or not.
    pub state: Badge,
    /// The environment of the server has a bot's token.
    pub by_environment: bool,
    /// What makes the app.
    pub manifest: String,
    /// The app's credentials.
    pub app: Vec<Setting>,
    /// The environment of the server has them.
    pub app_by_environment: bool,
    /// Its client ID and client secret are known, so that workspaces can be connected.
    pub can_connect: bool,
    /// Its signing secret is known, so that buttons are heard.
    pub can_hear: bool,
    /// The workspaces.
    pub workspaces: Vec<WorkspaceRow>,
    /// `bot_token`
    pub bot_token: Field,
    /// The test.
    pub trial: TrialForm,
    /// Something is saved, and can be forgotten.
    pub is_saved: bool,
    /// What is wrong with the whole.
    pub whole: Option<String>,
}

impl SlackSettings {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.whole.iter().map(FormError::whole);
        let rooms = self.workspaces.iter().map(|row| &row.room.field);
        let app = self.app.iter().map(Setting::field);
        let typed = errors(app.chain(rooms).chain([&self.bot_token, &self.trial.to]));
        whole.chain(typed).collect()
    }
}

/// A workspace of Slack.
#[derive(Debug, Clone)]
pub struct WorkspaceRow {
    /// Slack's identity of it.
    pub team: String,
    /// Its name.
    pub name: String,
    /// Since when it has the app.
    pub since: Times,
    /// `default_channel`
    pub room: RoomField,
}

/// A conversation in Slack, typed with the help of those that there are.
#[derive(Debug, Clone, Default)]
pub struct RoomField {
    /// The control; its options are what is offered.
    pub field: Field,
    /// The conversations: what is typed, and what is read beside it.
    pub rooms: Vec<(String, String)>,
    /// Why there are none; empty: nothing is wrong.
    pub why: String,
}

/// The select of a channel and the minutes of one row of somebody's notification rules.
#[derive(Debug, Clone)]
pub struct RuleForm {
    /// Its place among all rows.
    pub n: usize,
    /// `rules.N.channel`
    pub channel: Select,
    /// `rules.N.delay`
    pub delay: Field,
}
