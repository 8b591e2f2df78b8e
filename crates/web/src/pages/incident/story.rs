//! The story of an incident: its sentences, and beneath those that page somebody, what became of each message.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use opsknight_domain::incident::{EntryKind, Incident, ats};
use opsknight_store::{
    deliveries,
    timeline::{StoredEntry, Told},
};
use serde_json::Value;

use super::{Asked, STORY_MAX};
use crate::{
    actions::notes::is_author,
    api::address::label_of_word,
    pages::{
        rows::{channel_name, outcome_of_page},
        viewer::Viewer,
    },
    views::{PageView, Story, StoryPart, markdown},
};

/// The pages of a person that were decided on at one time.
type Pages = HashMap<(String, Timestamp), Vec<deliveries::Listed>>;

/// From when until when these sentences page people.
pub(super) fn span(entries: &[StoredEntry]) -> Option<(Timestamp, Timestamp)> {
    let mut paged = entries.iter().filter(|entry| entry.kind == EntryKind::Paged);
    let first = paged.next()?;
    Some((first.at, paged.next_back().unwrap_or(first).at))
}

/// The part that was asked for. `entries` may have one more than is shown: then there are older ones.
pub(super) fn part(
    viewer: &Viewer,
    asked: Asked,
    incident: &Incident,
    mut entries: Vec<StoredEntry>,
    pages: Vec<deliveries::Listed>,
) -> StoryPart {
    let most = usize::try_from(STORY_MAX).unwrap_or(usize::MAX);
    let more = entries.len() > most;
    if more {
        entries.remove(0);
    }
    let address = |told, before| Asked { told, before, ..asked }.address(incident.id);
    let older = entries
        .first()
        .filter(|_| more)
        .map(|first| address(asked.told, Some(first.id)));
    StoryPart {
        by_people: asked.told == Told::ByPeople,
        all_href: address(Told::All, None),
        people_href: address(Told::ByPeople, None),
        older,
        newest: asked.before.map(|_| address(asked.told, None)),
        entries: told(viewer, incident, entries, pages),
    }
}

fn told(viewer: &Viewer, incident: &Incident, entries: Vec<StoredEntry>, pages: Vec<deliveries::Listed>) -> Vec<Story> {
    let mut beneath: Pages = HashMap::new();
    for page in pages {
        let user = page.user.map(|id| id.to_string()).unwrap_or_default();
        beneath.entry((user, page.created_at)).or_default().push(page);
    }
    let mut shown: HashSet<String> = HashSet::new();
    let mut stories = Vec::new();
    for entry in entries {
        let of_message = matches!(entry.kind, EntryKind::Sent | EntryKind::Delivered | EntryKind::NotSent);
        let message = entry.data["deliveryId"].as_str().unwrap_or_default();
        // What became of a message stands beneath the sentence that it belongs to.
        if of_message && shown.contains(message) {
            continue;
        }
        let pages = match (entry.kind, entry.data["userId"].as_str()) {
            (EntryKind::Paged, Some(user)) => beneath.remove(&(user.to_owned(), entry.at)).unwrap_or_default(),
            _ => Vec::new(),
        };
        shown.extend(pages.iter().map(|page| page.id.to_string()));
        stories.push(story(viewer, incident, entry, pages));
    }
    stories
}

fn story(viewer: &Viewer, incident: &Incident, entry: StoredEntry, pages: Vec<deliveries::Listed>) -> Story {
    let at = viewer.times(entry.at);
    let pages = pages.into_iter().map(|page| page_view(viewer, page)).collect();
    let (kind, id) = (entry.kind, entry.id.to_string());
    if kind != EntryKind::Note {
        // Every other sentence names who did it.
        return Story {
            id,
            kind,
            actor: None,
            text: entry.text,
            note: None,
            edited: None,
            edit_href: None,
            pages,
            at,
        };
    }
    let own = is_author(&viewer.caller, &entry);
    let edited = edited_at(&entry.data).map(|at| viewer.times(at));
    let known = known_words(viewer, &entry.text);
    Story {
        kind,
        text: "wrote a note".to_owned(),
        note: Some(markdown::note(&entry.text, &known)),
        edited,
        edit_href: own.then(|| format!("/incidents/{}/notes/{id}", incident.id)),
        actor: Some(entry.actor_name),
        id,
        pages,
        at,
    }
}

fn edited_at(data: &Value) -> Option<Timestamp> {
    data["editedAt"].as_str()?.parse().ok()
}

/// The words behind an `@` by which somebody is known, in lower case.
fn known_words(viewer: &Viewer, text: &str) -> Vec<String> {
    let words = ats(text).into_iter().map(|(_, word)| word.to_lowercase());
    let known =
        |word: &String| !opsknight_domain::incident::mentioned(&format!("@{word}"), viewer.directory()).is_empty();
    words.filter(known).collect()
}

fn page_view(viewer: &Viewer, row: deliveries::Listed) -> PageView {
    let at = match (row.delivered_at, row.finished_at) {
        (Some(at), _) | (None, Some(at)) => at,
        (None, None) => row.due_at,
    };
    PageView {
        channel: channel_name(&row.channel),
        address: row
            .address
            .map_or_else(String::new, |address| label_of_word(&row.channel, address)),
        outcome: outcome_of_page(&row.state, row.delivered_at.is_some(), row.tries),
        words: row.outcome.unwrap_or_default(),
        tries: u32::try_from(row.tries).unwrap_or_default(),
        at: viewer.times(at),
    }
}
