//! The conversations of Slack that are offered while somebody types one.

use crate::{
    api::{
        access::Caller,
        error::ApiError,
        settings::rooms::{self, RoomBody, RoomQuery},
    },
    pages::error::sentence,
    state::AppState,
    views::{Field, RoomField},
};

/// Most conversations that are offered: whoever has more types the beginning of a name of theirs in full.
const OFFERED_MAX: usize = 300;

/// A field with what is offered in it. Where Slack tells nothing, anything can be typed all the same.
pub(in crate::pages) async fn field(
    state: &AppState,
    caller: &Caller,
    team: Option<String>,
    field: Field,
) -> Result<RoomField, ApiError> {
    let query = RoomQuery { team, q: None };
    match rooms::search(state, caller, query).await {
        Ok(found) => Ok(RoomField {
            field,
            rooms: found.iter().take(OFFERED_MAX).map(offered).collect(),
            why: String::new(),
        }),
        Err(error) if error.status() == http::StatusCode::CONFLICT => Ok(RoomField {
            field,
            rooms: Vec::new(),
            why: sentence(error.message()),
        }),
        Err(error) => Err(error),
    }
}

fn offered(room: &RoomBody) -> (String, String) {
    let marks = match (room.private, room.member) {
        (true, true) => "private",
        (true, false) => "private: invite the app first",
        (false, _) => "",
    };
    (format!("#{}", room.name), marks.to_owned())
}
