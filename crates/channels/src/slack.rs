//! Slack: messages to channels and members of several workspaces, with buttons, by one app's Web API.
//!
//! An incident is one message that is edited as its state changes, with what happened told in its thread; a page is
//! always a message of its own. `settings` says what an administrator must give, `address` who is written to, `blocks`
//! what is shown, `text` how it is made harmless, `post` how it gets there, `call` what Slack's answers mean; `people`
//! finds members and rooms, `oauth` connects workspaces, `incoming` reads what Slack sends, `answers` what is said to
//! that. It never remembers anything and never looks at a signature's age by a clock of its own.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use opsknight_domain::{delivery::CALL_TIMEOUT, message::Content};
use url::Url;

use crate::{Channel, DeliveryError, Message, Receipt, Secret, Vendors};

mod address;
pub mod answers;
mod blocks;
mod call;
pub mod incoming;
pub mod oauth;
mod people;
mod post;
mod respond;
mod settings;
mod text;

pub use address::check_address;
pub use blocks::{ACKNOWLEDGE, ACTIONS_BLOCK, METADATA_EVENT, Mention, RESOLVE, SNOOZE, Shown, VIEW, reply, shown};
pub use people::{Member, ROOM_PAGES_MAX, Room};
pub use settings::{SlackSettings, WORKSPACES_MAX, Workspace};

use address::{Address, Posted, Target, is_id, is_mail};
use call::Line;
use people::member_with;

/// Where the methods are (Slack, "Web API").
const BASE: &str = "https://slack.com/api";
/// How much of the time for a message may be spent on finding out who somebody is.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(4);

/// Writes to the workspaces in which the app is installed.
#[derive(Debug, Clone)]
pub struct Slack {
    workspaces: Vec<Connected>,
    vendors: Vendors,
    base_url: Option<Url>,
}

/// A workspace and the way to it.
#[derive(Debug, Clone)]
struct Connected {
    team: String,
    default_channel: Option<String>,
    line: Line,
}

impl Slack {
    /// Ready to send. Opens no connection yet.
    ///
    /// # Errors
    ///
    /// `Misconfigured` with the first of [`SlackSettings::problems`].
    pub fn new(settings: &SlackSettings, vendors: &Vendors) -> Result<Self, DeliveryError> {
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(problem.into());
        }
        let tokens: Vec<&Secret> = settings.workspaces.iter().map(|workspace| &workspace.token).collect();
        let workspaces = settings.workspaces.iter().map(|workspace| Connected {
            team: workspace.team.clone(),
            default_channel: workspace.default_channel.clone(),
            line: Line {
                api: vendors.api(settings.base_url.as_ref(), BASE, &tokens),
                place: if workspace.name.is_empty() {
                    workspace.team.clone()
                } else {
                    workspace.name.clone()
                },
                token: workspace.token.clone(),
            },
        });
        Ok(Self {
            workspaces: workspaces.collect(),
            vendors: vendors.clone(),
            base_url: settings.base_url.clone(),
        })
    }

    /// A workspace by its identity.
    fn workspace(&self, team: &str) -> Result<&Connected, DeliveryError> {
        self.workspaces
            .iter()
            .find(|connected| connected.team == team)
            .ok_or_else(|| DeliveryError::Misconfigured {
                field: "workspaces",
                why: format!("the workspace {team} of Slack is not connected"),
            })
    }

    /// The workspace of an address, else the first.
    fn workspace_or_first(&self, team: Option<&str>) -> Result<&Connected, DeliveryError> {
        match team {
            Some(team) => self.workspace(team),
            None => Ok(self
                .workspaces
                .first()
                .expect("settings without a workspace are not taken")),
        }
    }

    /// Who has this mail address, in this workspace or else in one after the other.
    async fn member_in(&self, team: Option<&str>, mail: &str, now: Timestamp) -> Result<Option<Member>, DeliveryError> {
        let asked = match team {
            Some(team) => vec![self.workspace(team)?],
            None => self.workspaces.iter().collect(),
        };
        let mut failed = None;
        for connected in asked {
            match member_with(&connected.line, &connected.team, mail, now).await {
                Ok(Some(member)) => return Ok(Some(member)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The workspace and the channel, or member in its place, that an address means.
    async fn place(&self, to: &str, now: Timestamp) -> Result<(&Connected, String), DeliveryError> {
        let refused = |why| DeliveryError::Refused { why };
        let Address { team, target } = Address::parse(to).map_err(refused)?;
        let connected = self.workspace_or_first(team.as_deref())?;
        match target {
            Target::Conversation(id) | Target::Member(id) | Target::Name(id) => Ok((connected, id)),
            Target::Mail(mail) => self.who(team.as_deref(), &mail, now).await,
            Target::Default => {
                let none = || DeliveryError::Misconfigured {
                    field: "defaultChannel",
                    why: format!("no default channel is chosen for {}", connected.line.place),
                };
                let default = connected.default_channel.as_deref().ok_or_else(none)?;
                match Address::parse(default).map_err(refused)?.target {
                    Target::Conversation(id) | Target::Member(id) | Target::Name(id) => Ok((connected, id)),
                    Target::Mail(mail) => self.who(Some(&connected.team), &mail, now).await,
                    Target::Default => Err(none()),
                }
            }
        }
    }

    /// The member to write to, by mail address.
    async fn who(&self, team: Option<&str>, mail: &str, now: Timestamp) -> Result<(&Connected, String), DeliveryError> {
        let asked = tokio::time::timeout(LOOKUP_TIMEOUT, self.member_in(team, mail, now)).await;
        let found = asked.unwrap_or_else(|_late| {
            Err(DeliveryError::Retry {
                why: format!(
                    "Slack did not say who has the address within {} s",
                    LOOKUP_TIMEOUT.as_secs()
                ),
                after: None,
            })
        })?;
        match found {
            Some(Member { team, id, .. }) => Ok((self.workspace(&team)?, id)),
            None => Err(DeliveryError::Refused {
                why: format!("Slack knows nobody with the address {mail}"),
            }),
        }
    }

    /// The member to mention. Where it cannot be found out, for whatever reason, the message goes out without.
    async fn mention(&self, connected: &Connected, message: &Message, now: Timestamp) -> Option<String> {
        let Content::Incident(news) = &message.content else {
            return None;
        };
        let named = news.mention.as_deref()?;
        let named = named.strip_prefix(&format!("{}/", connected.team)).unwrap_or(named);
        if is_id(named, &['U', 'W']) {
            return Some(named.to_owned());
        }
        if !is_mail(named) {
            return None;
        }
        let asked = member_with(&connected.line, &connected.team, named, now);
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, asked).await;
        found
            .ok()?
            .ok()?
            .map(|member| member.id)
            .filter(|id| is_id(id, &['U', 'W']))
    }

    /// All that belongs to one message.
    async fn deliver(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        if let Some(earlier) = message.earlier.as_deref().and_then(Posted::parse)
            && blocks::edits(message).is_some()
            && let Ok(connected) = self.workspace(&earlier.team)
        {
            let mention = self.mention(connected, message, now).await;
            let told = post::below(&connected.line, &earlier, message, mention.as_deref(), now).await?;
            if let Some(receipt) = told {
                return Ok(receipt);
            }
        }
        let (connected, channel) = self.place(to, now).await?;
        let mention = self.mention(connected, message, now).await;
        post::anew(
            &connected.line,
            &connected.team,
            &channel,
            message,
            mention.as_deref(),
            now,
        )
        .await
    }
}

#[async_trait]
impl Channel for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    /// Posts one message to a conversation (`C…`, `G…`, `D…`, `#name`), a member (`U…`, `W…`) or a member by mail
    /// address, each with a workspace `T…/` before it or not; an empty address or `#default` is the default channel.
    /// The receipt's `provider_id` is `T…/C…/ts` and is what [`Message::earlier`] is to hold: news that is no page then
    /// edits that message and is told in its thread.
    ///
    /// # Errors
    ///
    /// What is to be done next, with Slack's own words. Calls that take too long together are `Unknown`.
    async fn send(&self, to: &str, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let whole = tokio::time::timeout(CALL_TIMEOUT.unsigned_abs(), self.deliver(to, message, now)).await;
        whole.unwrap_or_else(|_late| {
            Err(DeliveryError::Unknown {
                why: format!("Slack did not take the message within {} s", CALL_TIMEOUT.as_secs()),
            })
        })
    }

    async fn edit(&self, message: &Message, now: Timestamp) -> Result<Receipt, DeliveryError> {
        let refused = || DeliveryError::Refused {
            why: "the message in Slack cannot be changed any more".into(),
        };
        let earlier = message.earlier.as_deref().and_then(Posted::parse).ok_or_else(refused)?;
        let connected = self.workspace(&earlier.team).map_err(|_gone| refused())?;
        let whole = async {
            let mention = self.mention(connected, message, now).await;
            post::edit(&connected.line, &earlier, message, mention.as_deref(), now).await
        };
        match tokio::time::timeout(CALL_TIMEOUT.unsigned_abs(), whole).await {
            Ok(Ok(true)) => Ok(Receipt::of(format!("edited in {}", earlier.channel)).with_id(earlier.to_string())),
            Ok(Ok(false)) => Err(refused()),
            Ok(Err(error)) => Err(error),
            Err(_late) => Err(DeliveryError::Retry {
                why: format!("Slack did not take the change within {} s", CALL_TIMEOUT.as_secs()),
                after: None,
            }),
        }
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        let mut names = Vec::new();
        for connected in &self.workspaces {
            // No wait of an answer is turned from a date here.
            let identity = oauth::identity(&connected.line, Timestamp::UNIX_EPOCH).await?;
            // The app of a whole organisation is known by the organisation's identity.
            if identity.team != connected.team && identity.enterprise.as_ref() != Some(&connected.team) {
                return Err(DeliveryError::Misconfigured {
                    field: "team",
                    why: format!(
                        "the token of {} belongs to the workspace {} ({})",
                        connected.team, identity.team_name, identity.team
                    ),
                });
            }
            names.push(format!("{} ({})", identity.team_name, identity.team));
        }
        Ok(format!("connected to {}", names.join(", ")))
    }
}
