//! What the gallery shows about a source: steps, snippets with the user's own address filled in, and a sample.
//!
//! It owns plain text only. Escaping for a page is the page's work.

use http::{HeaderMap, HeaderName, HeaderValue};

/// How to set a product up so that its alerts arrive.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// What to do, in order, each in a sentence or two of plain text.
    pub steps: &'static [&'static str],
    /// What to paste; the first is the one that most people want.
    pub snippets: &'static [Snippet],
    /// The vendor's page about it.
    pub vendor_docs: Option<&'static str>,
}

/// Text to paste into a product's configuration.
#[derive(Debug, Clone, Copy)]
pub struct Snippet {
    /// What it is and where it goes: `alertmanager.yml`.
    pub name: &'static str,
    /// Its language for highlighting: `yaml`, `json`, `shell`.
    pub language: &'static str,
    /// The text with `{url}`, `{base}` and `{key}` where they go.
    pub template: &'static str,
}

impl Snippet {
    /// The text with the integration's webhook URL and key filled in. `{base}` becomes the address of this server: the
    /// part of `url` before `/api/integrations/`.
    #[must_use]
    pub fn render(&self, url: &str, key: &str) -> String {
        let base = url.split_once("/api/integrations/").map_or(url, |(base, _)| base);
        self.template
            .replace("{url}", url)
            .replace("{base}", base)
            .replace("{key}", key)
    }
}

/// A request as a product sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The media type of the body.
    pub content_type: &'static str,
    /// More headers that the product sends and its source looks at, in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Sample {
    /// A JSON body without further headers.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        Self {
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }
    }

    /// All headers, ready for a [`Request`](crate::Request).
    #[must_use]
    pub fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.insert(HeaderName::from_static(name), value);
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippets_know_the_server() {
        let snippet = Snippet {
            name: "x",
            language: "yaml",
            template: "{url} {base}/v2/enqueue {key} {{ .Labels }}",
        };
        assert_eq!(
            snippet.render("https://ok.example/api/integrations/events?integrationId=int_1", "abc"),
            "https://ok.example/api/integrations/events?integrationId=int_1 https://ok.example/v2/enqueue abc {{ .Labels }}"
        );
    }
}
