//! Fixtures that somebody twisted: each begins with a body that a product sends, and a list of edits is done to it.

use std::{fs, path::Path, sync::LazyLock};

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value, json};

use crate::{Call, SOURCES, headers, mapping, text};

/// Most edits to one body.
const EDITS_MAX: usize = 12;
/// Most values in a body: beyond it nothing is repeated, so that one input takes no seconds.
const VALUES_MAX: usize = 4_000;
/// Longest text that is still repeated, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;
/// Deepest nesting that an edit makes; readers of JSON give up at 128.
const DEPTH_MAX: u8 = 140;

/// The fixtures of each source, in the order of [`SOURCES`], and every name and text in them.
struct Material {
    bodies: Vec<Vec<Value>>,
    names: Vec<String>,
    texts: Vec<String>,
}

static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
    let mut material = Material {
        bodies: Vec::new(),
        names: Vec::new(),
        texts: Vec::new(),
    };
    for source in SOURCES.iter() {
        let bodies = read_folder(source.slug());
        bodies.iter().for_each(|body| words(body, &mut material));
        material.bodies.push(bodies);
    }
    for words in [&mut material.names, &mut material.texts] {
        words.sort();
        words.dedup();
    }
    material
});

/// The fixtures of a source that are JSON, in the order of their names.
fn read_folder(slug: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/sources/fixtures")
        .join(slug);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let paths = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths
        .filter_map(|path| serde_json::from_slice(&fs::read(path).expect("a readable file")).ok())
        .collect()
}

fn words(value: &Value, material: &mut Material) {
    match value {
        Value::String(text) => material.texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| words(item, material)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            material.names.push(name.clone());
            words(field, material);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A call with an edited fixture as its body.
#[derive(Debug)]
pub struct Edited(pub Call);

impl<'a> Arbitrary<'a> for Edited {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let source: u8 = u.arbitrary()?;
        let bodies = &MATERIAL.bodies[usize::from(source) % SOURCES.len()];
        let mut body = pick(bodies, u.arbitrary::<u8>()?.into()).clone();
        let headers = headers(u)?;
        let mapping = mapping(u)?;
        for _ in 0..EDITS_MAX {
            if u.is_empty() {
                break;
            }
            edit(&mut body, bodies, u)?;
        }
        let mut body = body.to_string().into_bytes();
        if !u.is_empty() {
            break_text(&mut body, u)?;
        }
        Ok(Self(Call {
            source,
            method: 0,
            query: String::new(),
            headers,
            mapping,
            body,
        }))
    }
}

fn pick<T>(all: &[T], number: usize) -> &T {
    &all[number % all.len()]
}

/// How many values there are in a value, itself counted.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value that has this number, counted from the top.
fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Does one edit to some value of the body.
fn edit(body: &mut Value, bodies: &[Value], u: &mut Unstructured<'_>) -> Result<()> {
    let values = count(body);
    let mut at = usize::from(u.arbitrary::<u16>()?) % values;
    let kind = u.arbitrary::<u8>()? % 14;
    let number = usize::from(u.arbitrary::<u16>()?);
    let here = nth(body, &mut at).expect("a number below their count");
    match kind {
        0 => *here = odd(number),
        1 => *here = Value::from(text(u)?),
        2 => *here = Value::from(pick(&MATERIAL.texts, number).as_str()),
        3 => {
            let mut other = pick(bodies, number).clone();
            let mut at = usize::from(u.arbitrary::<u16>()?) % count(&other);
            *here = nth(&mut other, &mut at).expect("a number below their count").take();
        }
        4 => *here = json!(text(u)?.parse::<f64>().unwrap_or(number as f64 - 32_768.0)),
        5 => repeat(here, number, values),
        6 => remove(here, number),
        7 => rename(here, number, u)?,
        8 => {
            if let Value::Object(fields) = here {
                let value = odd(usize::from(u.arbitrary::<u8>()?));
                fields.insert(pick(&MATERIAL.names, number).clone(), value);
            }
        }
        9 => *here = Value::from(here.to_string()),
        10 => {
            *here = here
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default()
        }
        11 => nest(here, number),
        12 => twist(here, number),
        _ => {
            if let (Value::String(here), Ok(text)) = (here, text(u)) {
                let at = (0..=here.len())
                    .rev()
                    .find(|at| *at <= number && here.is_char_boundary(*at));
                here.insert_str(at.unwrap_or_default(), &text);
            }
        }
    }
    Ok(())
}

/// Values that are seldom what is expected.
fn odd(number: usize) -> Value {
    match number % 22 {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => json!(0),
        4 => json!(-1),
        5 => json!(u64::MAX),
        6 => json!(i64::MIN),
        7 => json!(-1.5e300),
        8 => json!(253_402_300_800_i64),
        9 => json!(1_700_000_000_000_i64),
        10 => json!(""),
        11 => json!(" "),
        12 => json!("\u{0}"),
        13 => json!("x".repeat(5_000)),
        14 => json!("‏🔥\u{fffd}".repeat(300)),
        15 => json!([]),
        16 => json!([null]),
        17 => json!([[]]),
        18 => json!({}),
        19 => json!({"": null}),
        20 => json!("9999-12-31T23:59:60Z"),
        _ => json!("https://[::1]:99999/\u{7f}<&>\"'"),
    }
}

/// A list becomes longer, and anything else a list of itself.
fn repeat(here: &mut Value, number: usize, values: usize) {
    let times = 1 + number % 40;
    if count(here) * times + values > VALUES_MAX {
        return;
    }
    let items = match here.take() {
        Value::Array(items) => items,
        other => vec![other],
    };
    *here = std::iter::repeat_n(items, times).flatten().collect();
}

/// Takes one item or field out.
fn remove(here: &mut Value, number: usize) {
    match here {
        Value::Array(items) if !items.is_empty() => drop(items.remove(number % items.len())),
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(number % fields.len()).cloned();
            name.and_then(|name| fields.shift_remove(&name));
        }
        _ => *here = Value::Null,
    }
}

/// Gives one field the name of another, in this body or elsewhere.
fn rename(here: &mut Value, number: usize, u: &mut Unstructured<'_>) -> Result<()> {
    let Value::Object(fields) = here else { return Ok(()) };
    if fields.is_empty() {
        return Ok(());
    }
    let name = pick(&MATERIAL.names, u.arbitrary::<u16>()?.into());
    let at = number % fields.len();
    let renamed = std::mem::take(fields).into_iter().enumerate();
    *fields = renamed
        .map(|(index, (was, field))| (if index == at { name.clone() } else { was }, field))
        .collect();
    Ok(())
}

/// Puts a value into lists or objects within each other.
fn nest(here: &mut Value, number: usize) {
    for _ in 0..=number % usize::from(DEPTH_MAX) {
        let inner = here.take();
        *here = if number.is_multiple_of(2) {
            Value::Array(vec![inner])
        } else {
            Value::Object(Map::from_iter([("a".to_owned(), inner)]))
        };
    }
}

/// Changes how a text is written.
fn twist(here: &mut Value, number: usize) {
    let Value::String(text) = here else { return };
    *text = match number % 8 {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => format!(" \t{text}\n"),
        3 => text.chars().rev().collect(),
        4 if text.len() <= TEXT_BYTES_MAX => text.repeat(2 + number % 60),
        5 => text.chars().take(number / 8 % 40).collect(),
        6 => text.replace([' ', '-', '_', '.', ':', '/'], ""),
        _ => format!("{{{{ {text} }}}}"),
    };
}

/// Breaks the written body as templates and lines do: cut off, a stray piece within, or bytes that are no text.
fn break_text(body: &mut Vec<u8>, u: &mut Unstructured<'_>) -> Result<()> {
    let at = usize::from(u.arbitrary::<u16>()?) % (body.len() + 1);
    if u.arbitrary::<bool>()? {
        body.truncate(at);
    }
    let at = at.min(body.len());
    let piece = u.bytes(u.len())?;
    body.splice(at..at, piece.iter().copied());
    Ok(())
}
