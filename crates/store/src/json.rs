//! JSON in text columns: the few shapes that alerts and incidents keep beside their own columns.

use opsknight_domain::event::{Image, Link};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::{DbError, Val};

#[derive(Serialize, Deserialize)]
struct LinkDocument {
    href: String,
    text: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ImageDocument {
    src: String,
    href: Option<String>,
    alt: Option<String>,
}

/// A JSON value as text; NULL for null.
pub(crate) fn value(value: &Value) -> Val {
    if value.is_null() {
        Val::Null
    } else {
        Val::Text(value.to_string())
    }
}

/// Links as text; NULL for none.
pub(crate) fn links(links: &[Link]) -> Val {
    let documents = links.iter().map(|link| LinkDocument {
        href: link.href.clone(),
        text: link.text.clone(),
    });
    list(documents.collect::<Vec<_>>())
}

/// Words as text; NULL for none.
pub(crate) fn words(words: &[String]) -> Val {
    list(words.iter().collect())
}

/// Reads what [`words`] wrote.
pub(crate) fn read_words(text: Option<String>) -> Result<Vec<String>, DbError> {
    read(text, "words")
}

/// Images as text; NULL for none.
pub(crate) fn images(images: &[Image]) -> Val {
    let documents = images.iter().map(|image| ImageDocument {
        src: image.src.clone(),
        href: image.href.clone(),
        alt: image.alt.clone(),
    });
    list(documents.collect::<Vec<_>>())
}

fn list<T: Serialize>(documents: Vec<T>) -> Val {
    if documents.is_empty() {
        return Val::Null;
    }
    Val::Text(serde_json::to_string(&documents).expect("text and lists of text can be written as JSON"))
}

/// Reads what [`links`] wrote.
pub(crate) fn read_links(text: Option<String>) -> Result<Vec<Link>, DbError> {
    let documents: Vec<LinkDocument> = read(text, "links")?;
    Ok(documents
        .into_iter()
        .map(|link| Link {
            href: link.href,
            text: link.text,
        })
        .collect())
}

/// Reads what [`images`] wrote.
pub(crate) fn read_images(text: Option<String>) -> Result<Vec<Image>, DbError> {
    let documents: Vec<ImageDocument> = read(text, "images")?;
    Ok(documents
        .into_iter()
        .map(|image| Image {
            src: image.src,
            href: image.href,
            alt: image.alt,
        })
        .collect())
}

/// Reads JSON of a known shape; the empty value for NULL.
pub(crate) fn read<T: for<'de> Deserialize<'de> + Default>(text: Option<String>, column: &str) -> Result<T, DbError> {
    let Some(text) = text else { return Ok(T::default()) };
    serde_json::from_str(&text).map_err(|error| DbError::Corrupt {
        what: format!("{column}: {error}"),
    })
}
