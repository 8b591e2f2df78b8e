//! Requests for the unit tests of the sources.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use opsknight_domain::event::{Event, Normalised};
use serde_json::Value;

use crate::{ParseError, Request, Source, signature::SignatureError};

/// What a sender sends: a POST of JSON unless it says otherwise.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a [u8],
}

impl Default for Call<'_> {
    fn default() -> Self {
        Self {
            method: Method::POST,
            query: "",
            headers: &[],
            body: b"",
        }
    }
}

impl<'a> Call<'a> {
    /// A POST of a form.
    pub(crate) fn form(body: &'a str) -> Self {
        Self {
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: body.as_bytes(),
            ..Self::default()
        }
    }
}

impl Call<'_> {
    fn map(&self) -> HeaderMap {
        let header = |(name, value): &(&'static str, &str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a value"),
            )
        };
        self.headers.iter().map(header).collect()
    }

    pub(crate) fn parse(&self, source: &dyn Source) -> Result<Vec<Normalised>, ParseError> {
        let headers = self.map();
        source.parse(
            &Request {
                method: &self.method,
                query: self.query,
                headers: &headers,
                body: self.body,
            },
            None,
        )
    }

    pub(crate) fn verify(&self, source: &dyn Source, secret: &str) -> Result<(), SignatureError> {
        let headers = self.map();
        let request = Request {
            method: &self.method,
            query: self.query,
            headers: &headers,
            body: self.body,
        };
        source.verify(&request, secret, Timestamp::from_second(1_700_000_000).expect("a time"))
    }

    pub(crate) fn delivery_id(&self, source: &dyn Source) -> Option<String> {
        let headers = self.map();
        source.delivery_id(&Request {
            method: &self.method,
            query: self.query,
            headers: &headers,
            body: self.body,
        })
    }
}

/// What a body of JSON becomes.
pub(crate) fn parse(source: &dyn Source, body: &Value) -> Result<Vec<Normalised>, ParseError> {
    Call {
        body: body.to_string().as_bytes(),
        ..Call::default()
    }
    .parse(source)
}

/// What the snippet of a source becomes that people paste as a payload, with the product's variables filled in: the
/// longest names first, since some begin as others do. A variable that no value is given for stays as it is.
pub(crate) fn pasted(source: &dyn Source, variables: &[(&str, &str)]) -> Event {
    let snippets = source.setup().snippets;
    let snippet = snippets
        .iter()
        .find(|snippet| snippet.language == "json")
        .expect("a payload");
    let mut variables = variables.to_vec();
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let body = snippet.render("https://ok.example/", "key");
    let body = variables
        .iter()
        .fold(body, |body, (name, value)| body.replace(name, value));
    let body = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    event(source, &body)
}

/// The only event in a body.
pub(crate) fn event(source: &dyn Source, body: &Value) -> Event {
    only(parse(source, body).expect("events"))
}

/// The only event there is.
pub(crate) fn only(all: Vec<Normalised>) -> Event {
    let [Normalised::Event(event)] = &all[..] else {
        panic!("one event: {all:?}")
    };
    (**event).clone()
}

/// Why the only alert in a body is ignored.
pub(crate) fn reason(source: &dyn Source, body: &Value) -> String {
    match parse(source, body).expect("an outcome").remove(0) {
        Normalised::Ignored { reason, .. } => reason,
        Normalised::Event(event) => panic!("{event:?}"),
    }
}

/// The form that a command of a set-up sends: each of its quoted words `name=$MACRO$` with the macro's value filled in;
/// a macro that is not among the values has none, as in Nagios.
pub(crate) fn filled(command: &str, values: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, macro_) in command.split(['\'', '"']).filter_map(|word| word.split_once('=')) {
        let Some(macro_) = macro_.strip_prefix('$').and_then(|rest| rest.strip_suffix('$')) else {
            continue;
        };
        let value = values.iter().find(|(known, _)| *known == macro_);
        form.append_pair(name, value.map_or("", |(_, value)| value));
    }
    form.finish()
}
