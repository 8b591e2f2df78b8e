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
//! | `/incidents` | `title`, `service_id` or `service` (a name), `urgency assignee description` |
//! | `/incidents/bulk` | `ids`\* `back` (the query of the list), `do`: `acknowledge`, `resolve` (with `note`), `reassign` (with `assignee`), `snooze` (with `minutes`), `suppress`, `merge` (`into`: a number, else the one that began first) |
//! | `/incidents/views` | `name query` |
//! | `/incidents/views/{view}` | `name`, `do`: `rename`, `share`, `unshare`, `delete` |
//! | `/incidents/{id}/acknowledge`, `/reopen`, `/suppress` | |
//! | `/incidents/{id}/resolve` | `note`, may be empty |
//! | `/incidents/{id}/snooze` | `minutes` |
//! | `/incidents/{id}/reassign` | `assignee`: `user:usr_…`, `team:team_…` or empty for nobody |
//! | `/incidents/{id}/details` | `title urgency priority tags` (tags by comma) |
//! | `/incidents/{id}/escalate` | |
//! | `/incidents/{id}/responders` | `who` (`user:usr_…`, `team:team_…`, `leads:team_…`, `schedule:sch_…`), `message`, may be empty |
//! | `/incidents/{id}/merge` | `into`: a number, with whatever stands behind it |
//! | `/incidents/{id}/notes` | `note` |
//! | `/incidents/{id}/notes/{entry}` | `note`; `do`: `save`, `delete` |
//! | `/services` | `name description team_id policy_id` |
//! | `/services/{id}/settings` | `name description team_id policy_id region sla_tier target_ack_minutes target_resolve_minutes notification_channels`\* `notify_on`\* (`triggered acknowledged resolved sla_breach`) `slack_channel urgency_critical urgency_error urgency_warning urgency_info runbook_url repository_url dashboard_url` |
//! | `/services/{id}/delete` | |
//! | `/services/{id}/maintenance` | `reason`, and `minutes` or `end` to begin now, or `start end` to plan; `do`: `start`, `plan` |
//! | `/services/{id}/maintenance/{mnt}` | `start end reason`, or `more` (minutes) |
//! | `/services/{id}/maintenance/{mnt}/end` | |
//! | `/services/{id}/integrations` | `type name` |
//! | `/services/{id}/integrations/{int}` | `name rate_limit require_key` |
//! | `/services/{id}/integrations/{int}/mapping` | `summary_field severity_field dedup_key_field action_field source_field trigger_values acknowledge_values resolve_values` (words with commas); `event` (an id, or empty for `body`), `body`; `do`: `preview`, `save` |
//! | `/events/{id}/preview`, `/events/{id}/replay` | |
//! | `/services/{id}/integrations/{int}/enabled` | `enabled`: `true`, `false` |
//! | `/services/{id}/integrations/{int}/test`, `/rotate-key`, `/delete` | |
//! | `/services/{id}/integrations/{int}/proofs` | `topics` (one a line), or `audience who`; `do`: `topics`, `token`, `no_token` |
//! | `/services/{id}/integrations/{int}/secret` | `secret`, `do`: `set`, `generate`, `remove` |
//! | `/policies`, `/policies/{id}` | `name description repeat`, `steps.N.targets`\* (`user:usr_…`, `team:team_…`, `leads:team_…`, `schedule:sch_…`) `steps.N.delay steps.N.channels`\*; buttons `save`, `add_step`, `add_target=N`, `remove_step=N`, `up=N`, `down=N`; `do`: `preview` |
//! | `/policies/{id}/delete` | |
//! | `/schedules`, `/schedules/{id}` | `name time_zone`, `layers.N.name layers.N.users`\* `layers.N.length layers.N.unit layers.N.start layers.N.handoff layers.N.restrictions.M.days`\* `layers.N.restrictions.M.from layers.N.restrictions.M.to`; buttons `save`, `add_layer`, `add_user=N`, `add_restriction=N`, `remove_restriction=N.M`, `remove_layer=N`, `up=N`, `down=N`, `user_up=N.M`, `user_down=N.M`; `do`: `preview` |
//! | `/schedules/{id}/delete` | |
//! | `/schedules/{id}/overrides`, `/schedules/{id}/overrides/{ovr}` | `user_id replaces_user_id start end` (local to the zone that is shown: `2026-11-23T09:00`), and `view from zone` as in the address; `do`: `save`, `preview`, and `delete` for one that there is |
//! | `/schedules/{id}/overrides/{ovr}/delete` | |
//! | `/schedules/{id}/take` | `hours` |
//! | `/profile/calendar` | |
//! | `/teams`, `/teams/{id}` | `name` |
//! | `/teams/{id}/members` | `user_id` |
//! | `/teams/{id}/members/{usr}` | `lead receives` (`on`), or the button `remove` |
//! | `/teams/{id}/delete` | |
//! | `/users` | `name email role` |
//! | `/users/{id}` | `name role` (no `role` for oneself) |
//! | `/users/{id}/invite`, `/invite/delete`, `/disable`, `/enable` | |
//! | `/users/{id}/second-step/reset`, `/sessions/delete`, `/sessions/{id}/delete`, `/passkeys/{id}/delete` | |
//! | `/test-page`, `/first-steps/dismiss` | |
//! | `/profile` | `name time_zone` |
//! | `/profile/contact-methods`, `/users/{id}/contact-methods` | `type address` |
//! | the same with `/{methodId}` | `do`: `verify` (with `code`), `send-code`, `clear`, `delete`, `test` |
//! | `/profile/notification-rules`, `/users/{id}/notification-rules` | `rules.N.urgency rules.N.channel rules.N.delay`; buttons `save`, `add=HIGH`, `remove=N` |
//! | `/profile/mail`, `/users/{id}/mail` | `receive_news` (`on`); `do`: `save`, `clear` |
//! | `/profile/password` | `current_password new_password` (and `username`, for password managers only) |
//! | `/profile/sessions/{id}/delete`, `/profile/sessions/delete` | |
//! | `/notifications/{id}/retry` | |
//! | `/profile/shortcuts` | `single_keys` (`on`) |
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
//! | `/settings/webhooks/{id}/test`, `/secret`, `/delete` | |
//! | `/settings/webhooks/{id}/deliveries/{dlv}/retry` | |
//!
//! \* repeated.
//!
//! | GET | query |
//! |---|---|
//! | `/` | `days`, `part` (`now`: without the figures) |
//! | `/incidents/{id}` | `story`: `people`; `before` (an entry), `alerts` (an alert): what came before it |
//! | `/incidents` | `status urgency serviceId teamId assigneeId`, several values by comma; `service` (a name), `mine q from to` (dates), `sort`: `newest oldest urgency changed`, `after`, `before` (a row's place) |
//! | `/services` | `q teamId policyId health sort after before` |
//! | `/services/{id}/integrations/new` | `q type` |
//! | `/services/{id}/integrations` | `open`: the integration whose card is open |
//! | `/services/{id}/maintenance` | `offset` |
//! | `/services/{id}/activity` | `before`: where the list goes on |
//! | `/schedules` | `name`: words of a schedule's or a person's name |
//! | `/schedules/{id}` | `view` (`day`, `week`, `fortnight`, `month`), `from`: a date, `zone`: `mine`; `at`: who is on call then (`2026-11-23T09:00`); `cover_from cover_to cover_for` (seconds since 1970, and a person) or `edit` (an override) for the form |
//! | `/schedules/new`, `/policies/new` | `copy`: the one to begin with |
//! | `/users` | `name role standing` |
//! | `/search` | `q` |
//! | `/events` | `integration serviceId outcome`, and what all logs have: `q from to older newer` |
//! | `/notifications` | `outcome channel user`, and the same |
//! | `/settings/webhooks/{id}` | `outcome` (`failed`) `offset` |
//! | `/audit`, `/audit.csv` | `actor kind`, and the same |
//! | `/guide` | `q` |
//! | `/analytics`, `/analytics/{report}.csv` | `days`, or `from to`; `serviceId teamId urgency sort` |
//! | `/login`, `/login/oidc` | `next` |
//! | `/login/oidc/callback` | `state code error`, from the provider |
//! | `/live` | an `EventSource`; any message, also one named `change`, makes pages fetch their live regions again |
//!
//! A form about something that others may change as well carries `version`, of `form::version`: when it last changed. Where
//! that is not so any more the form is answered with 412 and itself, and with a [`Conflict`] above it.
//!
//! # Live regions
//!
//! An element with `data-live="/path"` and an id is replaced by the element with that id on the page at that path
//! whenever `/live` says that something changed. Forms with `data-enhance` are sent without leaving the page: answer
//! them as any other form, with a redirect to the page they are on and a [`Flash`] there. A form with
//! `data-preview="ID"` is sent with `do=preview` while somebody types in it, and what the answer has in ID is shown.

mod activity;
mod analytics;
mod channels;
mod chart;
mod conflict;
mod dashboard;
mod form;
mod frame;
mod gate;
mod guide;
mod incident;
mod incidents;
mod integrations;
mod maintenance;
pub mod markdown;
mod overview;
mod page;
mod parts;
mod people;
mod policies;
mod preview;
mod reach;
mod records;
mod schedules;
mod search;
mod security;
mod services;
mod settings;
mod strip;
mod system;
mod time;
mod ways;

#[cfg(test)]
mod check;
#[cfg(test)]
mod samples;

// Templates name these through `super::`.
pub use opsknight_domain::directory::Standing;

pub use self::{
    activity::*, analytics::*, channels::*, chart::*, conflict::*, dashboard::*, form::*, frame::*, gate::*, guide::*,
    incident::*, incidents::*, integrations::*, maintenance::*, overview::*, page::*, parts::*, people::*, policies::*,
    preview::*, reach::*, records::*, schedules::*, search::*, security::*, services::*, settings::*, strip::*,
    system::*, time::*, ways::*,
};

/// What the bar at the bottom of a phone shows beside "More".
pub const BOTTOM_BAR: [Section; 4] = [
    Section::Dashboard,
    Section::Incidents,
    Section::Services,
    Section::Schedules,
];
