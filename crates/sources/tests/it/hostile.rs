//! Input that nobody should send: whatever arrives is understood or refused with the name of a field, and nothing panics.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::{
    assert_verdict, each_source, parse, readable,
    sent::{Sent, each_fixture, each_sample},
};

/// Most values of a sample that are replaced; samples of thousands of values have many of a kind.
const SAMPLE_VALUES_MAX: usize = 40;

/// Sources that read a body in another way where a header says what it is.
const LOOK_AT_HEADERS: &[&str] = &["github", "sentry", "bitbucket", "cloudwatch"];

/// The verdict must be sound, whichever it is, with the headers that belong to the body and without.
fn check(sent: &Sent, body: &[u8]) {
    assert_verdict(&sent.parse(&sent.headers, body));
    if LOOK_AT_HEADERS.contains(&sent.source.slug()) {
        assert_verdict(&sent.parse(&HeaderMap::new(), body));
    }
}

/// What a value is replaced by, one after the other.
fn replacements() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5e300),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("x".repeat(5000)),
        json!("‏🔥\u{fffd}"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({"": null}),
    ]
}

/// The paths of all values in a value, the value itself first.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), found));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointers(
                    field,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Cuts a body off at so many places.
fn cut(sent: &Sent, places: usize) {
    let step = 1 + sent.body.len() / places;
    (0..sent.body.len())
        .step_by(step)
        .for_each(|end| check(sent, &sent.body[..end]));
}

/// Puts other values in the place of values: of each place all of them, or some in turn where there are too many places.
fn flip(sent: &Sent, values_max: usize) {
    let body: Value = serde_json::from_slice(&sent.body).unwrap_or_else(|error| panic!("{}: {error}", sent.name));
    let mut paths = Vec::new();
    pointers(&body, "", &mut paths);
    let replacements = replacements();
    let is_long = paths.len() > values_max;
    for (turn, path) in paths.iter().step_by(1 + paths.len() / values_max).enumerate() {
        for (index, replacement) in replacements.iter().enumerate() {
            if is_long && (index + turn) % 4 != 0 {
                continue;
            }
            let mut changed = body.clone();
            *changed.pointer_mut(path).expect("a path of this body") = replacement.clone();
            check(sent, changed.to_string().as_bytes());
        }
    }
}

/// Puts null in the place of every value, one after the other, and of all that stand in one object or list at once.
fn stuff_with_nulls(sent: &Sent, values_max: usize) {
    let body: Value = serde_json::from_slice(&sent.body).unwrap_or_else(|error| panic!("{}: {error}", sent.name));
    let mut paths = Vec::new();
    pointers(&body, "", &mut paths);
    for path in paths.iter().step_by(1 + paths.len() / values_max) {
        let mut changed = body.clone();
        let here = changed.pointer_mut(path).expect("a path of this body");
        match here {
            Value::Array(items) => items.iter_mut().for_each(|item| *item = Value::Null),
            Value::Object(fields) => fields.values_mut().for_each(|field| *field = Value::Null),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        check(sent, changed.to_string().as_bytes());
        *changed.pointer_mut(path).expect("a path of this body") = Value::Null;
        check(sent, changed.to_string().as_bytes());
    }
}

/// Puts bytes in the place of bytes that JSON takes for something else.
fn flip_bytes(sent: &Sent, places: usize) {
    let mut body = sent.body.clone();
    for at in (0..body.len()).step_by(3 + body.len() / places) {
        let was = body[at];
        for byte in [0, b'"', b'\\', b'{', 0xff] {
            body[at] = byte;
            check(sent, &body);
        }
        body[at] = was;
    }
}

#[test]
fn fixtures_that_break_off() {
    each_fixture(|sent| cut(sent, 600));
}

#[test]
fn fixtures_with_values_of_another_type() {
    each_fixture(|sent| flip(sent, usize::MAX));
}

#[test]
fn fixtures_stuffed_with_nulls() {
    each_fixture(|sent| stuff_with_nulls(sent, usize::MAX));
}

#[test]
fn fixtures_with_flipped_bytes() {
    each_fixture(|sent| flip_bytes(sent, 200));
}

#[test]
fn samples_that_break_off() {
    each_sample(|sent| cut(sent, 40));
}

#[test]
fn samples_with_values_of_another_type() {
    each_sample(|sent| flip(sent, SAMPLE_VALUES_MAX));
}

#[test]
fn samples_stuffed_with_nulls() {
    each_sample(|sent| stuff_with_nulls(sent, SAMPLE_VALUES_MAX));
}

#[test]
fn samples_with_flipped_bytes() {
    each_sample(|sent| flip_bytes(sent, 20));
}

/// Somebody pastes the address of one integration into another product.
#[test]
fn bodies_of_other_products() {
    each_fixture(|sent| each_source(|source| assert_verdict(&parse(source, &sent.body))));
}

/// A body means the same with the headers that its product sends as without them, on a way that loses headers.
#[test]
fn headers_agree_with_bodies() {
    each_fixture(|sent| {
        let verdict = |headers: &HeaderMap| readable(&sent.parse(headers, &sent.body));
        assert_eq!(verdict(&sent.headers), verdict(&HeaderMap::new()), "{}", sent.name);
    });
}

#[test]
fn nesting_is_bounded() {
    each_source(|source| {
        for opening in ["[", "{\"a\":", "{\"alerts\":[", "{\"payload\":", "{\"labels\":["] {
            let result = parse(source, opening.repeat(100_000).as_bytes());
            assert_eq!(
                result.map_err(|error| error.field),
                Err("body".into()),
                "{}",
                source.slug()
            );
        }
    });
}

#[test]
fn a_group_of_a_thousand_alerts_is_taken_apart() {
    let alert =
        |n: usize| json!({"status": "firing", "labels": {"alertname": "A", "n": n.to_string()}, "annotations": {}});
    let body = |count: usize| json!({"alerts": (0..count).map(alert).collect::<Vec<_>>()}).to_string();
    for slug in ["prometheus", "grafana"] {
        let source = opsknight_sources::by_slug(slug).expect("a source");
        assert_eq!(parse(source, body(1000).as_bytes()).map(|all| all.len()), Ok(1000));
        assert_eq!(
            parse(source, body(10_001).as_bytes()).map_err(|error| error.field),
            Err("alerts".into())
        );
    }
}
