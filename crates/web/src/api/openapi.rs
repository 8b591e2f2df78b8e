//! `/api/openapi.json`: the description of the API, generated from the handlers.
//!
//! What all operations have in common is added here once: who may call, and the answers of the gate and of the
//! extractors. A test walks the router and the description and finds no difference.

use axum::{Router, http::header, response::IntoResponse, routing::get};
use serde_json::Value;
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    SecurityRequirement, ServerBuilder,
    path::{HttpMethod, Operation, Parameter, ParameterIn},
    schema::{AdditionalProperties, Schema},
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{
    access::{Need, RULES},
    error::{Code, ErrorBody, ErrorObject},
};
use crate::{auth::cookie_name, state::AppState};

const KEY_SCHEME: &str = "apiKey";
const SESSION_SCHEME: &str = "session";

/// What stands before the first route.
pub(super) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("OpsKnight")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Incidents, who is on call for them, and everything that decides who is paged. Unknown fields and \
             parameters are refused by name. Ids are TypeIDs, times are RFC 3339 in UTC. Lists are answered in pages.",
        ))
        .build();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API key, `sk_live_…`, with the scope that the operation names.",
        ))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<ErrorBody>()
        .schema_from::<ErrorObject>()
        .schema_from::<Code>()
        .security_scheme(KEY_SCHEME, SecurityScheme::Http(key))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// The description with what all operations have in common.
pub(super) fn finished(mut description: OpenApi, state: &AppState) -> OpenApi {
    let server = ServerBuilder::new().url(state.public_url.as_str().trim_end_matches('/'));
    description.servers = Some(vec![server.build()]);
    let cookie = ApiKeyValue::with_description(cookie_name(state.is_https()), "The session of a person who signed in.");
    if let Some(components) = &mut description.components {
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        components.add_security_scheme(SESSION_SCHEME, session);
    }
    let mut bodies = Vec::new();
    for (path, item) in &mut description.paths.paths {
        for (method, operation) in operations(item) {
            let need = RULES
                .iter()
                .find(|rule| rule.path == path && rule.method == method)
                .map_or(Need::Nothing, |rule| rule.need);
            complete(operation, need);
            bodies.extend(body_schema(operation));
        }
    }
    close(&mut description, bodies);
    description
}

fn operations(item: &mut utoipa::openapi::PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((name(&method), operation.as_mut()?)))
}

const fn name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Head => "HEAD",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Trace => "TRACE",
    }
}

/// Adds who may call, and what may be answered.
fn complete(operation: &mut Operation, need: Need) {
    describe_success(operation);
    let (role, scope) = match need {
        Need::Nothing => {
            operation.security = Some(Vec::new());
            return;
        }
        Need::SignedIn(role) => (role.word(), None),
        Need::Role(role, scope) => (role.word(), Some(scope.word())),
        Need::Own(scope) => ("USER for oneself, ADMIN for others", Some(scope.word())),
    };
    let needs = match scope {
        Some(scope) => format!("Needs the scope `{scope}` of an API key, or the role {role}."),
        None => format!("Needs a session with the role {role}."),
    };
    operation.description = Some(match operation.description.take() {
        Some(said) => format!("{said}\n\n{needs}"),
        None => needs,
    });
    let mut security = vec![SecurityRequirement::new(SESSION_SCHEME, Vec::<String>::new())];
    if scope.is_some() {
        security.insert(0, SecurityRequirement::new(KEY_SCHEME, Vec::<String>::new()));
    }
    operation.security = Some(security);
    answers(operation);
}

/// Adds the answers that no handler gives itself.
fn answers(operation: &mut Operation) {
    let has_path = parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Path);
    let has_query = parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Query);
    let has_body = operation.request_body.is_some();
    let has_state = parameters(operation).any(|parameter| parameter.name == "If-Match");
    let common = [
        (
            "400",
            has_body || has_query,
            "Something in the request is not acceptable.",
        ),
        ("401", true, "Nobody is signed in, or the key is not valid."),
        ("403", true, "The caller may not do this."),
        ("404", has_path, "There is no such thing."),
        ("409", false, "It does not fit the present state."),
        ("412", has_state, "It has changed since the caller read it."),
        ("413", has_body, "The body is too long."),
        ("415", has_body, "The body is not sent as application/json."),
        ("500", true, "Our fault; the server's log says what."),
        (
            "503",
            true,
            "The database cannot take it now; nothing was changed, try again.",
        ),
    ];
    let successes = [
        ("200", "Done."),
        ("201", "It was made."),
        ("202", "It was taken."),
        ("204", "It was removed."),
    ];
    for (status, says) in successes {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .and_modify(|response| describe(response, says));
    }
    for (status, applies, says) in common {
        let responses = &mut operation.responses.responses;
        if applies {
            responses
                .entry(status.to_owned())
                .or_insert_with(|| RefOr::T(refusal(says)));
        }
        responses
            .entry(status.to_owned())
            .and_modify(|response| describe(response, says));
    }
}

/// What a success says where the handler has no words of its own.
fn describe_success(operation: &mut Operation) {
    for (status, says) in [("200", "What was asked for, as it is now."), ("201", "It is made.")] {
        if let Some(response) = operation.responses.responses.get_mut(status) {
            describe(response, says);
        }
    }
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
}

fn describe(response: &mut RefOr<Response>, says: &str) {
    if let RefOr::T(response) = response
        && response.description.is_empty()
    {
        says.clone_into(&mut response.description);
    }
}

fn refusal(says: &str) -> Response {
    let schema = Ref::from_schema_name("ErrorBody");
    ResponseBuilder::new()
        .description(says)
        .content("application/json", Content::new(Some(schema)))
        .build()
}

/// The name of the schema of an operation's body.
fn body_schema(operation: &mut Operation) -> Option<String> {
    let RefOr::T(body) = operation.request_body.as_mut()? else {
        return None;
    };
    body.required = body.required.take().or(Some(Required::True));
    let RefOr::T(content) = body.content.get("application/json")? else {
        return None;
    };
    let RefOr::Ref(reference) = content.schema.as_ref()? else {
        return None;
    };
    reference.ref_location.rsplit('/').next().map(str::to_owned)
}

/// Says of every body, and of every object within one, that it takes no other fields: the extractor refuses them.
fn close(description: &mut OpenApi, mut names: Vec<String>) {
    let Some(components) = &mut description.components else {
        return;
    };
    let mut seen = std::collections::BTreeSet::new();
    while let Some(name) = names.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        if let Some(RefOr::T(schema)) = components.schemas.get_mut(&name) {
            close_schema(schema, &mut names);
        }
    }
}

fn close_schema(schema: &mut Schema, names: &mut Vec<String>) {
    match schema {
        Schema::Object(object) => {
            if !object.properties.is_empty() && object.additional_properties.is_none() {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
            for property in object.properties.values_mut() {
                close_ref(property, names);
            }
        }
        Schema::Array(array) => {
            if let utoipa::openapi::schema::ArrayItems::RefOrSchema(items) = &mut array.items {
                close_ref(items, names);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(|item| close_ref(item, names)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|item| close_ref(item, names)),
        Schema::AllOf(_) => {}
        _ => {}
    }
}

fn close_ref(reference: &mut RefOr<Schema>, names: &mut Vec<String>) {
    match reference {
        RefOr::Ref(reference) => names.extend(reference.ref_location.rsplit('/').next().map(str::to_owned)),
        RefOr::T(schema) => close_schema(schema, names),
    }
}

/// The route that answers the description.
pub(super) fn route(description: OpenApi) -> Router<AppState> {
    let mut tree = serde_json::to_value(&description).unwrap_or_default();
    describe_in_place(&mut tree);
    let text = tree.to_string();
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], text).into_response();
    Router::new().route("/api/openapi.json", get(answer))
}

/// A described field whose schema is written in place comes out of the generator as that schema and, beside it, an
/// object that holds nothing but the description. No value is both, so the description is moved into the schema.
fn describe_in_place(tree: &mut Value) {
    if let Some([schema, said]) = tree.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
        && let Some(words) = only_words(said)
    {
        let mut schema = schema.clone();
        schema["description"] = words;
        *tree = schema;
    }
    match tree {
        Value::Array(list) => list.iter_mut().for_each(describe_in_place),
        Value::Object(map) => map.values_mut().for_each(describe_in_place),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The description of a schema that says nothing else but that it is an object.
fn only_words(schema: &Value) -> Option<Value> {
    let map = schema.as_object()?;
    let others = map.keys().filter(|key| *key != "description" && *key != "type");
    (others.count() == 0 && map.get("type")? == "object").then(|| map.get("description").cloned())?
}
