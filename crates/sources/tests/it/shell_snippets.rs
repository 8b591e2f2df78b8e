//! Commands that the set-up texts give to paste: the JSON in them is JSON, and what is an alert becomes one.

use opsknight_domain::event::{Action, Normalised};
use serde_json::Value;

use crate::{each_source, parse};

/// The bodies in a command: after `-d '`, and in a here-document.
fn bodies(command: &str) -> Vec<&str> {
    let quoted = command
        .split("-d '{")
        .skip(1)
        .filter_map(|rest| rest.find("}'").map(|end| &rest[..=end]));
    let here = command
        .split("<<'JSON'\n{")
        .skip(1)
        .filter_map(|rest| rest.find("\nJSON").map(|end| &rest[..end]));
    quoted.chain(here).collect()
}

#[test]
fn commands_hold_json_and_alerts() {
    let mut seen = 0;
    each_source(|source| {
        let url = format!(
            "https://ok.example/api/integrations/{}?integrationId=int_1",
            source.slug()
        );
        for snippet in source
            .setup()
            .snippets
            .iter()
            .filter(|snippet| snippet.language == "shell")
        {
            let command = snippet.render(&url, "0123456789abcdef0123456789abcdef");
            for body in bodies(&command) {
                let body = format!("{{{body}");
                let value: Result<Value, _> = serde_json::from_str(&body);
                let value = value.unwrap_or_else(|error| panic!("{} {}: {error}\n{body}", source.slug(), snippet.name));
                seen += 1;
                if ["events", "webhook"].contains(&source.slug()) {
                    let all = parse(source, body.as_bytes()).expect("an alert");
                    assert!(
                        matches!(&all[..], [Normalised::Event(event)] if event.action == Action::Trigger),
                        "{body}"
                    );
                } else {
                    // These set a webhook up at the product: our address is in them.
                    assert!(value.to_string().contains("https://ok.example/"), "{body}");
                }
            }
        }
    });
    assert!(seen >= 6, "{seen} bodies are found");
}
