//! What pages are made of: for each page a context of plain data, drawn by the template of the same name.
//!
//! Owns words, forms and pictures. Never asks the store, decides, or reads a clock: handlers fill the contexts.
//!
//! # Forms and where they go
//!
//! Every form is sent url-encoded by POST and answered with a redirect (303), or with the page again (422) carrying
//! the values as typed and what is wrong. A check box sends `on` or nothing. *Repeated* names come once for each value.
//! Lists within a form have their index in the name, with dots: `steps.0.delay`, `layers.1.restrictions.0.from`; the
//! order of the indexes is the order of the list, and empty values of repeated names are left out. The buttons of the
//! editors (`add_step`, `remove_step`, …) are sent with the index they are about, and are answered with the same form
//! changed accordingly and nothing saved; `save` saves, and is also what the Enter key sends.
//!
//! | POST | fields |
//! |---|---|
//! | `/setup` | `token name email password time_zone` |
//! | `/login` | `email password next` |
//! | `/login/second` | `code` or `recovery_code`, `next` |
//! | `/login/passkey/start`, `/invite/{token}/passkey/start`, `/profile/security/passkeys/start` | nothing; what the browser is asked for is answered as JSON |
//! | the same with `/finish` | JSON: `token`, `credential`, and `next`, or `name time_zone`, or `name` |
//! | `/forgot` | `email` |
//! | `/logout` | |
//! | `/theme` | `theme` (`system`, `light`, `dark`), `back` (a path of ours) |
//! | `/invite/{token}` | `name password time_zone` (and `username`, for password managers only) |
//! | `/ack/{token}`, `/unsubscribe/{token}` | |
//! | `/incidents` | `title service_id urgency assignee description` |
//! | `/incidents/{id}/acknowledge`, `/reopen`, `/suppress` | |
//! | `/incidents/{id}/resolve` | `note`, may be empty |
//! | `/incidents/{id}/snooze` | `minutes` |
//! | `/incidents/{id}/reassign` | `assignee`: `user:usr_…`, `team:team_…` or empty for nobody |
//! | `/incidents/{id}/urgency` | `urgency` |
//! | `/incidents/{id}/notes` | `note` |
//! | `/services` | `name description team_id policy_id` |
//! | `/services/{id}/settings` | `name description team_id policy_id region sla_tier target_ack_minutes target_resolve_minutes notification_channels`\* `notify_on`\* (`triggered acknowledged resolved sla_breach`) `slack_channel urgency_critical urgency_error urgency_warning urgency_info runbook_url repository_url dashboard_url` |
//! | `/services/{id}/delete` | |
//! | `/services/{id}/integrations` | `type name` |
//! | `/services/{id}/integrations/{int}` | `name rate_limit require_key` |
//! | `/services/{id}/integrations/{int}/mapping` | `summary_field severity_field dedup_key_field action_field source_field trigger_values acknowledge_values resolve_values` (words with commas); `event` (an id, or empty for `body`), `body`; `do`: `preview`, `save` |
//! | `/events/{id}/preview`, `/events/{id}/replay` | |
//! | `/services/{id}/integrations/{int}/enabled` | `enabled`: `true`, `false` |
//! | `/services/{id}/integrations/{int}/test`, `/rotate-key`, `/delete` | |
//! | `/services/{id}/integrations/{int}/proofs` | `topics` (one a line), or `audience who`; `do`: `topics`, `token`, `no_token` |
//! | `/services/{id}/integrations/{int}/secret` | `secret`, `do`: `set`, `generate`, `remove` |
//! | `/policies`, `/policies/{id}` | `name description repeat`, `steps.N.targets`\* (`user:usr_…`, `team:team_…`, `leads:team_…`, `schedule:sch_…`) `steps.N.delay steps.N.channels`\*; buttons `save`, `add_step`, `add_target=N`, `remove_step=N`, `up=N`, `down=N` |
//! | `/policies/{id}/delete` | |
//! | `/schedules`, `/schedules/{id}` | `name time_zone`, `layers.N.name layers.N.users`\* `layers.N.length layers.N.unit layers.N.start layers.N.handoff layers.N.restrictions.M.days`\* `layers.N.restrictions.M.from layers.N.restrictions.M.to`; buttons `save`, `add_layer`, `add_user=N`, `add_restriction=N`, `remove_restriction=N.M`, `remove_layer=N`, `up=N`, `down=N` |
//! | `/schedules/{id}/delete` | |
//! | `/schedules/{id}/overrides` | `user_id replaces_user_id start end` (local to the schedule's zone: `2026-11-23T09:00`) |
//! | `/schedules/{id}/overrides/{ovr}/delete` | |
//! | `/teams`, `/teams/{id}` | `name` |
//! | `/teams/{id}/members` | `user_id` |
//! | `/teams/{id}/members/{usr}` | `lead receives` (`on`), or the button `remove` |
//! | `/teams/{id}/delete` | |
//! | `/users` | `name email role` |
//! | `/users/{id}` | `name role` (no `role` for oneself) |
//! | `/users/{id}/invite`, `/invite/delete`, `/disable`, `/enable` | |
//! | `/users/{id}/second-step/reset`, `/sessions/delete`, `/sessions/{id}/delete`, `/passkeys/{id}/delete` | |
//! | `/profile` | `name time_zone` |
//! | `/profile/contact-methods`, `/users/{id}/contact-methods` | `type address` |
//! | the same with `/{methodId}` | `do`: `verify` (with `code`), `send-code`, `clear`, `delete`, `test` |
//! | `/profile/notification-rules`, `/users/{id}/notification-rules` | `rules.N.urgency rules.N.channel rules.N.delay`; buttons `save`, `add=HIGH`, `remove=N` |
//! | `/profile/mail`, `/users/{id}/mail` | `receive_news` (`on`); `do`: `save`, `clear` |
//! | `/profile/password` | `current_password new_password` (and `username`, for password managers only) |
//! | `/profile/sessions/{id}/delete`, `/profile/sessions/delete` | |
//! | `/profile/security/second-step` | |
//! | `/profile/security/second-step/confirm` | `code` |
//! | `/profile/security/second-step/change` | `proof`; `do`: `codes`, `off` |
//! | `/profile/security/passkeys/{id}` | `name`; `do`: `rename`, `delete` |
//! | `/settings/sign-in`, `/settings/sign-in/test` | `issuer client_id client_secret name domains admit role passwords` |
//! | `/settings/sign-in/forget` | |
//! | `/settings/{channel}`, `/settings/{channel}/test` | `provider`, and for each provider its settings: `SMTP.host SMTP.password`, and `SMTP.password.remove` (`on`) for a credential that can be taken away; the same behind `second.`; `to` for the test |
//! | `/settings/slack`, `/settings/slack/test` | `SLACK.clientId SLACK.clientSecret SLACK.signingSecret`; `to` and `bot_token` for the test |
//! | `/settings/slack/token` | `bot_token` |
//! | `/settings/slack/workspaces/{team}` | `default_channel`, or the button `disconnect` |
//! | `/settings/{channel}/forget` | |
//! | `/settings/api-keys` | `name scopes`\* `expires` (a date, may be empty) |
//! | `/settings/api-keys/{id}/delete` | |
//! | `/settings/webhooks`, `/settings/webhooks/{id}` | `name type url secret remove_secret channel events`\* `service_ids`\* `enabled` |
//! | `/settings/webhooks/{id}/test`, `/delete` | |
//! | `/settings/webhooks/{id}/deliveries/{dlv}/retry` | |
//!
//! \* repeated.
//!
//! | GET | query |
//! |---|---|
//! | `/incidents` | `status urgency serviceId teamId mine q offset`, several values by comma |
//! | `/services/{id}/integrations/new` | `q type` |
//! | `/schedules/{id}` | `from`: a date |
//! | `/events` | `integration serviceId outcome offset` |
//! | `/notifications` | `outcome user offset` |
//! | `/audit` | `actor offset` |
//! | `/login`, `/login/oidc` | `next` |
//! | `/login/oidc/callback` | `state code error`, from the provider |
//! | `/live` | an `EventSource`; any message, also one named `change`, makes pages fetch their live regions again |
//!
//! # Live regions
//!
//! An element with `data-live="/path"` and an id is replaced by the element with that id on the page at that path
//! whenever `/live` says that something changed. Forms with `data-enhance` are sent without leaving the page: answer
//! them as any other form, with a redirect to the page they are on and a [`Flash`] there. A form with
//! `data-preview="ID"` is sent with `do=preview` while somebody types in it, and what the answer has in ID is shown.

mod channels;
mod dashboard;
mod form;
mod gate;
mod incident;
mod incidents;
mod integrations;
mod page;
mod parts;
mod people;
mod policies;
mod preview;
mod reach;
mod records;
mod schedules;
mod security;
mod services;
mod settings;
mod strip;
mod time;
mod ways;

#[cfg(test)]
mod check;
#[cfg(test)]
mod samples;

// Templates name these through `super::`.
pub use opsknight_domain::directory::Standing;

pub use self::{
    channels::*, dashboard::*, form::*, gate::*, incident::*, incidents::*, integrations::*, page::*, parts::*,
    people::*, policies::*, preview::*, reach::*, records::*, schedules::*, security::*, services::*, settings::*,
    strip::*, time::*, ways::*,
};

/// What the bar at the bottom of a phone shows beside "More".
pub const BOTTOM_BAR: [Section; 4] = [
    Section::Dashboard,
    Section::Incidents,
    Section::Services,
    Section::Schedules,
];
