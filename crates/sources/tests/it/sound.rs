//! What holds for whatever a source makes of a request, also of one that nobody should send. The fuzz targets include this file.

use opsknight_domain::event::{Action, Event, Normalised};
use opsknight_sources::ParseError;
use serde_json::Value;

/// Checks what holds for every outcome, whatever was sent: events that can be kept and shown, or an error that names a field.
pub(crate) fn assert_verdict(verdict: &Result<Vec<Normalised>, ParseError>) {
    match verdict {
        Ok(all) => {
            assert!(!all.is_empty(), "a request that is understood has an outcome");
            assert_sound(all);
        }
        Err(error) => assert!(!error.field.is_empty() && !error.message.is_empty(), "{error:?}"),
    }
}

/// Checks what holds for every event, whatever was sent.
pub(crate) fn assert_sound(all: &[Normalised]) {
    for normalised in all {
        match normalised {
            Normalised::Event(event) => assert_event(event),
            Normalised::Ignored { dedup_key, reason } => {
                assert!(!reason.trim().is_empty(), "what is ignored has its reason");
                assert!(dedup_key.as_ref().is_none_or(|key| is_key(key)), "{dedup_key:?}");
            }
        }
    }
}

fn assert_event(event: &Event) {
    assert!(is_key(&event.dedup_key), "{event:?}");
    assert!(
        event.action != Action::Trigger || !event.summary.trim().is_empty(),
        "{event:?}"
    );
    assert!(event.summary.chars().count() <= 1024, "{event:?}");
    let begins =
        |address: &str, schemes: &[&str]| schemes.iter().any(|scheme| address.to_lowercase().starts_with(scheme));
    let mut links = event.links.iter();
    assert!(links.all(|link| begins(&link.href, &["http:", "https:"])), "{event:?}");
    let mut images = event.images.iter();
    assert!(images.all(|image| begins(&image.src, &["https:"])), "{event:?}");
    assert!(!holds_nul(&event.details), "{event:?}");
}

/// No database keeps a NUL in a text.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, field)| name.contains('\0') || holds_nul(field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().count() <= 255
}
