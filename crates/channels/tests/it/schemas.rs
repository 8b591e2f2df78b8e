//! Documents held against what their vendor has published as a schema: `jsonschema_rs`, by Python, says whether a document
//! is of it.
//!
//! The schemas are the vendors' and not part of this repository; where their folder is not found beside it, nothing is
//! held against them.

use serde_json::{Value, json};

use crate::{described::file, python::python};

/// The schema as it is, for Adaptive Cards.
const AS_IT_IS: &str = "schema = described";

/// A description of Google's ("discovery document"), made the schema of one of its types. Unknown fields are refused.
const DISCOVERY: &str = r##"
def made(node):
    if isinstance(node, list):
        return [made(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": "#/definitions/" + node["$ref"]}
    kept = {name: made(value) for name, value in node.items()
            if name in ("type", "enum", "items", "properties", "additionalProperties", "pattern")}
    if kept.get("type") == "any":
        del kept["type"]
    if "properties" in kept:
        kept["properties"] = {name: made(value) for name, value in node["properties"].items()}
        kept.setdefault("additionalProperties", False)
    return kept
schema = {"$ref": "#/definitions/Message",
          "definitions": {name: made(value) for name, value in described["schemas"].items()}}
"##;

/// Whether this is an Adaptive Card of version 1.5; nothing where the schema is not found.
pub(crate) fn adaptive_card(card: &Value) -> Option<Result<(), String>> {
    judge("adaptive-card-1.5.0.schema.json", AS_IT_IS, card)
}

/// Whether this is a `Message` of Google Chat's API; nothing where the description is not found.
pub(crate) fn google_message(message: &Value) -> Option<Result<(), String>> {
    judge("google-chat-v1-discovery.json", DISCOVERY, message)
}

/// The names of the query parameters that `spaces.messages.create` takes.
pub(crate) fn google_parameters() -> Option<Vec<String>> {
    let text = std::fs::read(file("google-chat-v1-discovery.json")?).unwrap();
    let described: Value = serde_json::from_slice(&text).unwrap();
    let create = &described["resources"]["spaces"]["resources"]["messages"]["methods"]["create"];
    let own = create["parameters"].as_object().unwrap().keys();
    let of_all = described["parameters"].as_object().unwrap().keys();
    Some(own.chain(of_all).cloned().collect())
}

fn judge(name: &str, made: &str, document: &Value) -> Option<Result<(), String>> {
    let path = file(name)?;
    let program = format!(
        "import json, sys, jsonschema_rs\n\
         given = json.load(sys.stdin)\n\
         described = json.load(open(given['path']))\n\
         {made}\n\
         for error in jsonschema_rs.validator_for(schema).iter_errors(given['document']):\n\
         \x20   print(list(error.instance_path), error.message[:300])\n"
    );
    let given = json!({ "path": path, "document": document }).to_string();
    let errors = python(&program, &[], given.as_bytes());
    Some(if errors.is_empty() { Ok(()) } else { Err(errors) })
}
