//! How a message comes into a conversation: a new one, or the earlier one brought up to date with a line below it.
//!
//! It never decides what is said; whatever Slack does not take of blocks, it is told in words alone.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    address::{Posted, is_id},
    blocks::{self, Mention, Shown},
    call::{Failure, Line},
};
use crate::{DeliveryError, Message, Receipt};

/// Errors after which the earlier message cannot be edited any more, and a new one is posted (Slack, "chat.update").
const NOT_EDITABLE: [&str; 8] = [
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "channel_not_found",
    "is_inactive",
    "block_mismatch",
    "team_not_found",
    "streaming_state_conflict",
];
/// Errors that words alone do not meet (Slack, "chat.postMessage").
const ABOUT_BLOCKS: [&str; 9] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_attachments",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "metadata_too_large",
    "msg_blocks_too_long",
    "msg_too_long",
    "invalid_arguments",
];

/// What Slack says of a message that it took.
#[derive(Debug, Deserialize)]
struct Taken {
    channel: String,
    ts: String,
}

/// The answer to a call of which only the success counts.
#[derive(Debug, Deserialize)]
pub(super) struct Done {}

/// Posts a new message.
pub(super) async fn anew(
    line: &Line,
    team: &str,
    channel: &str,
    message: &Message,
    mention: Mention<'_>,
    now: Timestamp,
) -> Result<Receipt, DeliveryError> {
    let shown = blocks::shown(message, mention);
    let metadata = blocks::metadata(message);
    let body = json!({
        "channel": channel,
        "text": shown.text,
        "blocks": shown.blocks,
        "metadata": metadata,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    let taken = match join_and_post(line, channel, &body, now).await {
        Err(failure) if failure.is(&ABOUT_BLOCKS) => {
            let body = bare(channel, &shown, &metadata, &failure);
            join_and_post(line, channel, &body, now).await
        }
        outcome => outcome,
    };
    let Taken { channel, ts } = taken.map_err(|failure| failure.error)?;
    let posted = Posted {
        team: team.to_owned(),
        channel,
        ts,
    };
    Ok(Receipt::of(format!("posted in {} as {}", posted.channel, posted.ts)).with_id(posted.to_string()))
}

/// The words alone. Metadata stays unless it is what Slack does not like.
fn bare(channel: &str, shown: &Shown, metadata: &Value, failure: &Failure) -> Value {
    let mut body = json!({ "channel": channel, "text": shown.bare });
    let about_metadata = failure.code.as_deref().is_some_and(|code| code.contains("metadata"));
    if !about_metadata {
        body["metadata"] = metadata.clone();
    }
    body
}

/// Posts, and where the app is not in a public channel, joins it and posts once more.
async fn join_and_post(line: &Line, channel: &str, body: &Value, now: Timestamp) -> Result<Taken, Failure> {
    let first = line.post("chat.postMessage", body, now).await;
    match first {
        Err(failure) if failure.is(&["not_in_channel"]) && is_id(channel, &['C']) => {
            let joined: Result<Done, Failure> = line
                .post("conversations.join", &json!({ "channel": channel }), now)
                .await;
            match joined {
                Ok(Done {}) => line.post("chat.postMessage", body, now).await,
                // A private channel cannot be joined: then somebody must invite the app, as the first answer says.
                Err(refused) if matches!(refused.error, DeliveryError::Refused { .. }) => Err(failure),
                Err(other) => Err(other.while_asking().into()),
            }
        }
        outcome => outcome,
    }
}

/// Brings the earlier message up to date. False where it cannot be edited any more, or the message stands for itself.
pub(super) async fn edit(
    line: &Line,
    earlier: &Posted,
    message: &Message,
    mention: Mention<'_>,
    now: Timestamp,
) -> Result<bool, DeliveryError> {
    if blocks::edits(message).is_none() {
        return Ok(false);
    }
    let Posted { team: _, channel, ts } = earlier;
    let shown = blocks::shown(message, mention);
    // Without "parse", an edit looks for links and mentions of its own accord, unlike a new message.
    let body = json!({
        "channel": channel,
        "ts": ts,
        "text": shown.text,
        "blocks": shown.blocks,
        "parse": "none",
    });
    let edited: Result<Done, Failure> = match line.post("chat.update", &body, now).await {
        Err(failure) if failure.is(&ABOUT_BLOCKS) => {
            // No blocks at all, else the old ones would stay with their buttons.
            let body = json!({ "channel": channel, "ts": ts, "text": shown.bare, "blocks": [], "parse": "none" });
            line.post("chat.update", &body, now).await
        }
        outcome => outcome,
    };
    match edited {
        Ok(Done {}) => Ok(true),
        Err(failure) if failure.is(&NOT_EDITABLE) => Ok(false),
        // An edit can be made twice: what became of it does not matter.
        Err(failure) => Err(failure.while_asking()),
    }
}

/// Brings the earlier message up to date and writes what happened below it. Nothing where it cannot be edited any more.
pub(super) async fn below(
    line: &Line,
    earlier: &Posted,
    message: &Message,
    mention: Mention<'_>,
    now: Timestamp,
) -> Result<Option<Receipt>, DeliveryError> {
    let Some(news) = blocks::edits(message) else {
        return Ok(None);
    };
    if !edit(line, earlier, message, mention, now).await? {
        return Ok(None);
    }
    let Posted { team: _, channel, ts } = earlier;
    let body = json!({
        "channel": channel,
        "thread_ts": ts,
        "text": blocks::reply(news, mention),
        "metadata": blocks::metadata(message),
        "unfurl_links": false,
        "unfurl_media": false,
    });
    let Taken { channel, ts } = join_and_post(line, channel, &body, now)
        .await
        .map_err(|failure| failure.error)?;
    // The identity stays that of the message which further news edits.
    Ok(Some(
        Receipt::of(format!("edited in {channel}, told below as {ts}")).with_id(earlier.to_string()),
    ))
}
