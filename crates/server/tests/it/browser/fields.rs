//! Every text that a program may set, found by walking the description that the program makes of its own API: where
//! validation lets it through, there is text afterwards that must never be run.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::api::Api;

/// Schemas within schemas are followed so far.
const DEPTH_MAX: usize = 6;
/// Calls that would change how messages leave: the mails that the test reads would not come any more.
const LEFT_OUT: [&str; 2] = ["/api/settings/", "/api/receipts/"];
/// Where a thing is found whose identity has this prefix.
const LISTS: [(&str, &str); 9] = [
    ("usr_", "/api/users"),
    ("team_", "/api/teams"),
    ("svc_", "/api/services"),
    ("pol_", "/api/escalation-policies"),
    ("sch_", "/api/schedules"),
    ("inc_", "/api/incidents"),
    ("whk_", "/api/webhooks"),
    ("key_", "/api/api-keys"),
    ("evt_", "/api/events/log"),
];

/// How many texts were made up.
static COUNT: AtomicUsize = AtomicUsize::new(1);

/// Steps from a body to a text in it: names of fields, and `0` for the first of a list.
type Way = Vec<String>;

/// The description, with what is known of the things that bodies name.
pub(super) struct Walk<'a> {
    api: &'a Api,
    description: Value,
    ids: BTreeMap<&'static str, String>,
    /// The texts to be tried, the worst first.
    texts: &'a [&'a str],
}

/// What came of the walk.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The fields that took one of the texts, as `POST /api/teams name`.
    pub(super) taken: Vec<String>,
    /// The identities of what was made on the way.
    pub(super) made: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) async fn of(api: &'a Api, texts: &'a [&'a str]) -> Self {
        let mut ids = BTreeMap::new();
        for (prefix, list) in LISTS {
            if let Some(id) = first_id(api, list).await {
                ids.insert(prefix, id);
            }
        }
        let description = api.get("/api/openapi.json").await;
        Self {
            api,
            description,
            ids,
            texts,
        }
    }

    /// Fills every field of every call that makes or changes something.
    pub(super) async fn fill(&self) -> Walked {
        let mut walked = Walked::default();
        let paths = self.description["paths"].as_object().expect("there are paths");
        for (path, calls) in paths {
            if LEFT_OUT.iter().any(|left_out| path.starts_with(left_out)) {
                continue;
            }
            for (name, method) in [("post", Method::POST), ("patch", Method::PATCH), ("put", Method::PUT)] {
                let schema = &calls[name]["requestBody"]["content"]["application/json"]["schema"];
                if schema.is_null() {
                    continue;
                }
                let Some(address) = self.address(path).await else {
                    continue;
                };
                for way in self.ways(schema, 0) {
                    let field = format!("{method} {path} {}", way.join("."));
                    self.fill_one(&method, &address, schema, &way, &field, &mut walked)
                        .await;
                }
            }
        }
        walked
    }

    async fn fill_one(
        &self,
        method: &Method,
        address: &str,
        schema: &Value,
        way: &Way,
        field: &str,
        walked: &mut Walked,
    ) {
        for text in self.texts {
            let mut body = if *method == Method::PATCH {
                json!({})
            } else {
                self.least(schema)
            };
            self.put(schema, &mut body, way, text);
            let (status, answer) = self.api.call(method.clone(), address, Some(&body)).await;
            assert!(!status.is_server_error(), "{field} {body}: {status} {answer}");
            if status.is_success() {
                walked.taken.push(field.to_owned());
                walked.made.extend(answer["id"].as_str().map(str::to_owned));
                return;
            }
        }
    }

    /// The path with the first thing of each list in it; none where there is nothing yet.
    async fn address(&self, path: &str) -> Option<String> {
        let mut address = String::new();
        for part in path.split('/').skip(1) {
            let part = if part.starts_with('{') {
                first_id(self.api, &address).await?
            } else {
                part.to_owned()
            };
            address = format!("{address}/{part}");
        }
        Some(address)
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|name| name.strip_prefix("#/components/schemas/"))
        {
            return self.resolved(&self.description["components"]["schemas"][name]);
        }
        let choices = ["oneOf", "anyOf", "allOf"]
            .into_iter()
            .filter_map(|name| schema[name].as_array());
        let first = choices.flatten().find(|choice| choice["type"] != "null");
        first.map_or(schema, |first| self.resolved(first))
    }

    /// The ways to all texts: strings that are no word of a list, no identity and no time, and objects of anything.
    fn ways(&self, schema: &Value, depth: usize) -> Vec<Way> {
        let schema = self.resolved(schema);
        if depth > DEPTH_MAX {
            return Vec::new();
        }
        if is(schema, "array") {
            return under("0", self.ways(&schema["items"], depth + 1));
        }
        if let Some(fields) = schema["properties"].as_object() {
            let ways = fields
                .iter()
                .map(|(name, field)| under(name, self.ways(field, depth + 1)));
            return ways.flatten().collect();
        }
        let is_text = is(schema, "string") && schema["enum"].is_null() && schema["pattern"].is_null();
        if (is_text && schema["format"].is_null()) || is(schema, "object") {
            return vec![Vec::new()];
        }
        Vec::new()
    }

    /// The least that a schema asks for.
    fn least(&self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(words) = schema["enum"].as_array() {
            return words[0].clone();
        }
        if is(schema, "array") {
            let some = schema["minItems"].as_u64().unwrap_or_default() > 0;
            return if some {
                json!([self.least(&schema["items"])])
            } else {
                json!([])
            };
        }
        if is(schema, "object") {
            let required = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let fields = required.map(|name| (name.to_owned(), self.least(&schema["properties"][name])));
            return Value::Object(fields.collect());
        }
        if is(schema, "integer") {
            return schema.get("minimum").cloned().unwrap_or(json!(1));
        }
        if is(schema, "boolean") {
            return json!(true);
        }
        self.least_text(schema)
    }

    fn least_text(&self, schema: &Value) -> Value {
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        let known = self
            .ids
            .iter()
            .find(|(prefix, _)| pattern.starts_with(&format!("^{prefix}")));
        match known {
            Some((_, id)) => json!(id),
            None if schema["format"] == "date-time" => json!("2026-01-05T09:00:00Z"),
            // Names and addresses are different each time.
            None => json!(format!("x{}@example.com", COUNT.fetch_add(1, Ordering::SeqCst))),
        }
    }

    /// Puts a text into a body, with what must be around it there.
    fn put(&self, schema: &Value, body: &mut Value, way: &[String], text: &str) {
        let schema = self.resolved(schema);
        let Some((step, rest)) = way.split_first() else {
            *body = if is(schema, "string") {
                json!(text)
            } else {
                json!({ text: [text, { text: text }] })
            };
            return;
        };
        if is(schema, "array") {
            if body.as_array().is_none_or(Vec::is_empty) {
                *body = json!([self.least(&schema["items"])]);
            }
            return self.put(&schema["items"], &mut body[0], rest, text);
        }
        if !body.is_object() {
            *body = self.least(schema);
        }
        let field = &schema["properties"][step];
        let object: &mut Map<String, Value> = body.as_object_mut().expect("it was just made");
        let within = object.entry(step.clone()).or_insert_with(|| self.least(field));
        self.put(field, within, rest, text);
    }
}

fn is(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind
        || schema["type"]
            .as_array()
            .is_some_and(|kinds| kinds.contains(&json!(kind)))
}

fn under(step: &str, ways: Vec<Way>) -> Vec<Way> {
    let ways = ways.into_iter().map(|way| [vec![step.to_owned()], way].concat());
    ways.collect()
}

/// The first thing of a list, if there is a list and something in it.
async fn first_id(api: &Api, list: &str) -> Option<String> {
    let (status, answer) = api.call(Method::GET, list, None).await;
    let first = status.is_success().then(|| answer["data"][0]["id"].clone())?;
    Some(first.as_str()?.to_owned())
}
