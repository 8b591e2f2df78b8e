//! Slack: the workspaces that are connected, and what settings and pages ask of them.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use opsknight_channels::{
    Channel as Way, DeliveryError, Secret,
    slack::{Slack, SlackSettings, Workspace, oauth},
};
use opsknight_store::{secret, slack};
use opsknight_web::state::{self, Installed, SlackApp, SlackRoom};
use serde_json::Value;
use url::Url;

use super::{Outbox, unreadable};

impl Outbox {
    /// The way to Slack; none where no workspace is connected.
    pub(super) async fn slack_way(&self) -> Result<Option<Arc<dyn Way>>, DeliveryError> {
        Ok(self
            .slack_client()
            .await?
            .map(|client| Arc::new(client) as Arc<dyn Way>))
    }

    /// The same for what is more than sending.
    ///
    /// # Errors
    /// When the workspaces cannot be read now.
    pub async fn slack_client(&self) -> Result<Option<Slack>, DeliveryError> {
        let sealer = self.store.sealer.clone();
        let read = self
            .store
            .db
            .read(async move |tx| slack::workspaces(tx, &sealer).await)
            .await;
        let rows = read.map_err(|error| unreadable(&error))?;
        let mut workspaces: Vec<Workspace> = rows
            .into_iter()
            .map(|row| Workspace {
                team: row.team,
                name: row.name,
                token: Secret::new(row.token.expose()),
                default_channel: row.default_channel,
            })
            .collect();
        if workspaces.is_empty() {
            workspaces.extend(self.workspace_of_environment().await?);
        }
        if workspaces.is_empty() {
            return Ok(None);
        }
        self.slack_to(workspaces).map(Some)
    }

    /// The way to the workspace of the environment, whatever is saved.
    pub(super) async fn slack_of_environment(&self) -> Result<Option<Arc<dyn Way>>, DeliveryError> {
        let workspaces: Vec<Workspace> = self.workspace_of_environment().await?.into_iter().collect();
        if workspaces.is_empty() {
            return Ok(None);
        }
        self.slack_to(workspaces)
            .map(|client| Some(Arc::new(client) as Arc<dyn Way>))
    }

    fn slack_to(&self, workspaces: Vec<Workspace>) -> Result<Slack, DeliveryError> {
        let settings = SlackSettings {
            workspaces,
            base_url: self.tools.bases.slack.clone(),
        };
        Slack::new(&settings, &self.tools.vendors)
    }

    /// The way to the workspace of a token that was not saved; to those that are, where settings have none.
    pub(super) async fn slack_by(&self, settings: &Value) -> Result<Option<Arc<dyn Way>>, DeliveryError> {
        let Some(token) = settings["botToken"].as_str() else {
            return self.slack_way().await;
        };
        let default_channel = settings["defaultChannel"].as_str().map(str::to_owned);
        let workspace = self.workspace_of(token, default_channel).await?;
        Ok(Some(Arc::new(self.slack_to(vec![workspace])?)))
    }

    /// The workspace of a token, which only Slack can tell.
    async fn workspace_of(&self, token: &str, default_channel: Option<String>) -> Result<Workspace, DeliveryError> {
        let token = Secret::new(token);
        let base = self.tools.bases.slack.as_ref();
        let identity = oauth::auth_test(&self.tools.vendors, base, &token, self.clock.now()).await?;
        Ok(Workspace {
            team: identity.team,
            name: identity.team_name,
            token,
            default_channel,
        })
    }

    /// The workspace of the environment's token, which only Slack can tell.
    async fn workspace_of_environment(&self) -> Result<Option<Workspace>, DeliveryError> {
        let Some((token, default_channel)) = &self.environment.slack_workspace else {
            return Ok(None);
        };
        let known = self
            .environment_workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if known.is_some() {
            return Ok(known);
        }
        let workspace = self.workspace_of(token, default_channel.clone()).await?;
        *self
            .environment_workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(workspace.clone());
        Ok(Some(workspace))
    }
}

#[async_trait]
impl state::Slack for Outbox {
    fn app(&self) -> Option<SlackApp> {
        let app = self.environment.slack_app.as_ref()?;
        let text = |name: &str| app[name].as_str().map(str::to_owned);
        Some(SlackApp {
            client_id: text("clientId")?,
            client_secret: secret::Secret::new(text("clientSecret")?),
        })
    }

    fn authorize_url(&self, client_id: &str, state: &str, redirect: &str) -> Url {
        oauth::authorize_url(client_id, state, redirect, self.tools.bases.slack.as_ref())
    }

    fn manifest(&self) -> String {
        oauth::manifest(&self.tools.public_url)
    }

    async fn exchange(&self, app: &SlackApp, code: &str, redirect: &str) -> Result<Installed, DeliveryError> {
        let installed = oauth::exchange(
            &self.tools.vendors,
            self.tools.bases.slack.as_ref(),
            &app.client_id,
            &Secret::new(app.client_secret.expose()),
            code,
            redirect,
            self.clock.now(),
        )
        .await?;
        Ok(Installed {
            team: installed.team,
            name: installed.team_name,
            token: secret::Secret::new(installed.token.expose()),
            bot_user: Some(installed.bot_user),
        })
    }

    async fn whose(&self, token: &secret::Secret) -> Result<Installed, DeliveryError> {
        let base = self.tools.bases.slack.as_ref();
        let own = Secret::new(token.expose());
        let identity = oauth::auth_test(&self.tools.vendors, base, &own, self.clock.now()).await?;
        Ok(Installed {
            team: identity.team,
            name: identity.team_name,
            token: token.clone(),
            bot_user: Some(identity.bot_user),
        })
    }

    async fn rooms(&self, team: &str) -> Result<Vec<SlackRoom>, DeliveryError> {
        let client = self.slack_client().await?.ok_or_else(|| DeliveryError::Refused {
            why: "no workspace of Slack is connected".into(),
        })?;
        let rooms = client.rooms(team, self.clock.now()).await?;
        let room = |room: opsknight_channels::slack::Room| SlackRoom {
            id: room.id,
            name: room.name,
            private: room.private,
            member: room.member,
        };
        Ok(rooms.into_iter().map(room).collect())
    }
}
