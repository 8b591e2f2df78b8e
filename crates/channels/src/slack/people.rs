//! Who is who and which rooms there are: members by mail address and by identity, lists of channels.
//!
//! It only asks, and posts nothing.

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Slack,
    call::{Failure, Line},
};
use crate::{DeliveryError, words::one_line};

/// Rooms asked for at once, and most pages: Slack takes fewer than 1000 a page ("conversations.list").
const ROOMS_A_PAGE: &str = "500";
/// Most pages of rooms that are asked for: rooms beyond them are not listed, but can still be written to.
pub const ROOM_PAGES_MAX: usize = 20;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A channel that a message can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// `C…` or `G…`.
    pub id: String,
    /// Its name, without `#`.
    pub name: String,
    /// Only members see it.
    pub private: bool,
    /// The app is in it. A public one it can join by itself.
    pub member: bool,
}

/// A member of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The workspace, `T…`.
    pub team: String,
    /// `U…` or `W…`.
    pub id: String,
    /// The name that they go by.
    pub name: String,
    /// Their mail address, where Slack tells it.
    pub email: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    real_name: Option<String>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    profile: Profile,
}

#[derive(Default, Deserialize)]
struct Profile {
    email: Option<String>,
    real_name: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    channels: Vec<Listed>,
    #[serde(default)]
    response_metadata: Next,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    is_private: bool,
    #[serde(default)]
    is_member: bool,
    #[serde(default)]
    is_archived: bool,
}

#[derive(Default, Deserialize)]
struct Next {
    #[serde(default)]
    next_cursor: String,
}

/// The member with this mail address, where there is one in this workspace (Slack, "users.lookupByEmail").
pub(super) async fn member_with(
    line: &Line,
    team: &str,
    mail: &str,
    now: Timestamp,
) -> Result<Option<Member>, DeliveryError> {
    let found: Result<Found, Failure> = line.get("users.lookupByEmail", &[("email", mail)], now).await;
    match found {
        Ok(Found { user }) if user.deleted => Ok(None),
        Ok(Found { user }) => Ok(Some(member(team, user))),
        Err(failure) if failure.is(&["users_not_found", "user_not_found"]) => Ok(None),
        Err(failure) => Err(failure.while_asking()),
    }
}

fn member(team: &str, user: User) -> Member {
    let name = [user.real_name, user.profile.real_name]
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty())
        .unwrap_or(user.name);
    Member {
        team: team.to_owned(),
        id: user.id,
        name: one_line(&name, NAME_CHARS_MAX),
        email: user.profile.email.filter(|email| !email.is_empty()),
    }
}

impl Slack {
    /// The channels of a workspace, public ones and those private ones that the app is in, by name.
    ///
    /// # Errors
    ///
    /// What is to be done next, with Slack's own words.
    pub async fn rooms(&self, team: &str, now: Timestamp) -> Result<Vec<Room>, DeliveryError> {
        let line = &self.workspace(team)?.line;
        let mut rooms = Vec::new();
        let mut cursor = String::new();
        for _page in 0..ROOM_PAGES_MAX {
            let mut query = vec![
                ("types", "public_channel,private_channel"),
                ("exclude_archived", "true"),
                ("limit", ROOMS_A_PAGE),
            ];
            if !cursor.is_empty() {
                query.push(("cursor", &cursor));
            }
            let page: Page = line
                .get("conversations.list", &query, now)
                .await
                .map_err(Failure::while_asking)?;
            let open = page.channels.into_iter().filter(|listed| !listed.is_archived);
            rooms.extend(open.map(|listed| Room {
                id: listed.id,
                name: one_line(&listed.name, NAME_CHARS_MAX),
                private: listed.is_private,
                member: listed.is_member,
            }));
            cursor = page.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rooms)
    }

    /// Who a member is; the mail address says who that is with us.
    ///
    /// # Errors
    ///
    /// What is to be done next, with Slack's own words.
    pub async fn member_email(&self, team: &str, user: &str, now: Timestamp) -> Result<Member, DeliveryError> {
        let line = &self.workspace(team)?.line;
        let found: Found = line
            .get("users.info", &[("user", user)], now)
            .await
            .map_err(Failure::while_asking)?;
        Ok(member(team, found.user))
    }

    /// The member with this mail address, looked for in one workspace after the other.
    ///
    /// # Errors
    ///
    /// What is to be done next, where none was found and one of the workspaces could not be asked.
    pub async fn member_of(&self, email: &str, now: Timestamp) -> Result<Option<Member>, DeliveryError> {
        self.member_in(None, email, now).await
    }
}
