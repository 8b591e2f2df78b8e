//! Every fixture of every source on its whole way: as it is, cut off, with values of other types and with nulls. Whoever
//! is known is answered that it was taken, or which field is wrong; nothing is our fault, and nobody becomes unknown.

use std::{collections::BTreeMap, fs, path::Path};

use opsknight_sources::{Request, Source, all};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use super::{
    bodies::pointers,
    door::{ask, post},
};
use crate::{
    api::{Api, integration},
    both::Place,
    process::Server,
};

both! {
    every_source_answers_whatever_arrives,
}

/// At how many places a body is cut, and how many of its values are replaced.
const PLACES: usize = 8;

/// Bodies of a source by what was done to them.
fn bodies(source: &dyn Source) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../sources/fixtures")
        .join(source.slug());
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let fixtures = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut bodies = Vec::new();
    for path in fixtures {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let body = fs::read(&path).unwrap();
        for end in (0..body.len()).step_by(1 + body.len() / PLACES) {
            bodies.push((format!("{name}, cut at {end}"), body[..end].to_vec()));
        }
        let value: Value = serde_json::from_slice(&body).expect("a fixture is JSON");
        bodies.extend(twisted(&value).map(|(what, value)| (format!("{name}, {what}"), value.to_string().into_bytes())));
        bodies.push((name, body));
    }
    bodies
}

/// The value with one of its parts replaced, and with nulls in all of them.
fn twisted(value: &Value) -> impl Iterator<Item = (String, Value)> {
    let others = [
        json!(null),
        json!(-1e300),
        json!("\0"),
        json!([null]),
        json!({ "": null }),
        json!("x".repeat(70_000)),
    ];
    let mut paths = Vec::new();
    pointers(value, "", &mut paths);
    let step = 1 + paths.len() / PLACES;
    let changes = (0..step).flat_map(move |_| others.clone());
    let changes = paths.into_iter().step_by(step).zip(changes.cycle());
    changes
        .flat_map(|(path, other)| {
            let with = |replacement: &dyn Fn(&mut Value)| {
                let mut changed = value.clone();
                changed.pointer_mut(&path).map(replacement);
                changed
            };
            let hollow = |here: &mut Value| match here {
                Value::Object(fields) => fields.values_mut().for_each(|field| *field = Value::Null),
                Value::Array(items) => items.iter_mut().for_each(|item| *item = Value::Null),
                other => *other = Value::Null,
            };
            [
                (
                    format!("{path} is {:.20}", other.to_string()),
                    with(&|here| *here = other.clone()),
                ),
                (format!("{path} is hollow"), with(&hollow)),
            ]
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// What the source itself makes of a body: whether it is understood, or else which field is wrong.
fn understood(source: &dyn Source, body: &[u8]) -> Result<(), String> {
    let request = Request {
        method: &Method::POST,
        query: "",
        headers: &HeaderMap::new(),
        body,
    };
    source.parse(&request, None).map(drop).map_err(|error| error.field)
}

/// Whether a topic of SNS asks to be confirmed.
fn is_handshake(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["Type"] == "SubscriptionConfirmation"
}

async fn every_source_answers_whatever_arrives(place: &Place) {
    // No fixture is signed by Amazon. Its handshake calls somebody: nobody is there, and `clouds` has it whole.
    let variables = [
        ("OPSKNIGHT_SNS_VERIFY_SIGNATURES", "false"),
        ("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9"),
    ];
    let server = Server::start(place, &variables).await;
    let api = Api::of(place, &server).await;
    let service = api.make("/api/services", json!({ "name": "Checkout" })).await;
    let mut answered = BTreeMap::new();
    for source in all() {
        let more = json!({ "rateLimitPerMinute": 9999 });
        let door = integration(&api, &service, source.type_name(), more).await;
        // The events API knows its sender by the key.
        let path = match source.slug() {
            "events" => "/api/events".to_owned(),
            slug => format!("/api/integrations/{slug}?integrationId={}", door.id),
        };
        for (name, body) in bodies(*source) {
            let answer = ask(&api, post(&path, body.clone()).by(&door)).await;
            let what = format!("{}: {name}", source.slug());
            if is_handshake(&body) {
                assert!(matches!(answer.status.as_u16(), 400 | 503), "{what}: {}", answer.body);
                continue;
            }
            match understood(*source, &body) {
                Ok(()) => assert_eq!(
                    answer.status.as_u16(),
                    source.answer_status(),
                    "{what}: {}",
                    answer.body
                ),
                Err(field) => answer.names(&what, &field),
            }
            *answered.entry(answer.status.is_success()).or_insert(0) += 1;
        }
    }
    assert!(answered[&true] > 1000 && answered[&false] > 1000, "{answered:?}");
}
