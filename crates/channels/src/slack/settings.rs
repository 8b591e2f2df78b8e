//! What an administrator must give so that Slack can be reached.

use std::fmt;

use url::Url;

use super::address::{Address, is_id};
use crate::{Problem, Secret};

/// Most workspaces: a mail address is asked for in one after the other.
pub const WORKSPACES_MAX: usize = 20;

/// A workspace in which the app is installed.
#[derive(Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its identity, `T…`; that of an organisation, `E…`, where the app was installed for a whole one.
    pub team: String,
    /// Its name, for people.
    pub name: String,
    /// The bot's token, `xoxb-…`.
    pub token: Secret,
    /// Where messages go that name no channel: `C…` or `#name`.
    pub default_channel: Option<String>,
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            team,
            name,
            token: _,
            default_channel,
        } = self;
        f.debug_struct("Workspace")
            .field("team", team)
            .field("name", name)
            .field("default_channel", default_channel)
            .finish_non_exhaustive()
    }
}

/// Workspaces of Slack and where its API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackSettings {
    /// Where messages go that name no workspace is the first.
    pub workspaces: Vec<Workspace>,
    /// `OPSKNIGHT_SLACK_BASE_URL`; none: `https://slack.com/api`. Methods stand directly below it.
    pub base_url: Option<Url>,
}

impl SlackSettings {
    /// All that cannot work, each with the setting to change. Empty: they may work.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field, why: String| problems.push(Problem { field, why });
        if self.workspaces.is_empty() {
            wrong("workspaces", "no workspace of Slack is connected".into());
        } else if self.workspaces.len() > WORKSPACES_MAX {
            wrong("workspaces", format!("must not be more than {WORKSPACES_MAX}"));
        }
        for (n, workspace) in self.workspaces.iter().enumerate() {
            let Workspace {
                team,
                name: _,
                token,
                default_channel,
            } = workspace;
            if !is_id(team, &['T', 'E']) {
                wrong("team", "must be a workspace's identity, like T0123ABCD".into());
            } else if self.workspaces[..n].iter().any(|other| other.team == *team) {
                wrong("team", format!("the workspace {team} is named twice"));
            }
            if token.is_empty() || !token.expose().chars().all(|c| c.is_ascii_graphic()) {
                wrong("token", "must be a bot's token, like xoxb-…".into());
            }
            if let Some(Err(why)) = default_channel.as_deref().map(Address::parse) {
                wrong("defaultChannel", why);
            }
        }
        if let Some(url) = &self.base_url
            && (url.cannot_be_a_base() || !matches!(url.scheme(), "http" | "https"))
        {
            wrong("OPSKNIGHT_SLACK_BASE_URL", "must begin with https:// or http://".into());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        Workspace {
            team: "T0123".into(),
            name: "Ours".into(),
            token: Secret::new("xoxb-1-secret"),
            default_channel: Some("#ops".into()),
        }
    }

    fn fields(workspaces: Vec<Workspace>) -> Vec<&'static str> {
        let settings = SlackSettings {
            workspaces,
            base_url: None,
        };
        settings.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn each_problem_names_its_setting() {
        assert_eq!(fields(vec![workspace()]), [""; 0]);
        assert_eq!(fields(Vec::new()), ["workspaces"]);
        assert_eq!(fields(vec![workspace(), workspace()]), ["team"]);
        let wrong = Workspace {
            team: "ours".into(),
            token: Secret::new("xoxb-\n"),
            default_channel: Some("Not a channel".into()),
            ..workspace()
        };
        assert_eq!(fields(vec![wrong]), ["team", "token", "defaultChannel"]);
        let many = (0..=WORKSPACES_MAX)
            .map(|n| Workspace {
                team: format!("T{n}"),
                ..workspace()
            })
            .collect();
        assert_eq!(fields(many), ["workspaces"]);
        let settings = SlackSettings {
            workspaces: vec![workspace()],
            base_url: Some("mailto:x@y.example".parse().unwrap()),
        };
        assert_eq!(settings.problems()[0].field, "OPSKNIGHT_SLACK_BASE_URL");
    }

    #[test]
    fn the_token_is_not_printed() {
        assert!(!format!("{:?}", workspace()).contains("secret"));
    }
}
