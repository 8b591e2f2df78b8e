//! The line to a room whose address a person entered: checked against private targets at every call, and hidden in
//! everything that comes back.

use jiff::{SignedDuration, Timestamp};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::{
    DeliveryError, Endpoint, Problem, Secret, Timeouts,
    guard::{Guard, check_url},
    http::{Answer, Client, RETRY_AFTER_MAX},
    tls::Roots,
    words,
};

/// Shorter pieces of an address are not hidden: they are ordinary words, not tokens.
const TOKEN_CHARS_MIN: usize = 8;

/// Calls rooms, all over one pool of connections.
#[derive(Debug, Clone)]
pub(super) struct Line {
    client: Client,
    guard: Guard,
}

impl Line {
    /// Calls public addresses, with `allow_private` also private ones and this machine.
    pub(super) fn new(allow_private: bool, roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        let guard = Guard::new(allow_private);
        Ok(Self {
            client: Client::new(guard, roots, timeouts)?,
            guard,
        })
    }

    /// The address of a room. Checked at every call: what was saved may have been saved under another setting.
    pub(super) fn url(&self, to: &Endpoint) -> Result<Url, DeliveryError> {
        check_url(&to.url, self.guard.allows_private()).map_err(|why| Problem { field: "url", why }.into())
    }

    /// The same of an address that was taken apart.
    pub(super) fn check(&self, url: &Url) -> Result<(), DeliveryError> {
        let checked = check_url(url.as_str(), self.guard.allows_private());
        checked.map(|_| ()).map_err(|why| Problem { field: "url", why }.into())
    }

    /// Begins to post a document.
    pub(super) fn post(&self, url: Url, body: &Value) -> RequestBuilder {
        self.client.post(url).json(body)
    }

    /// Makes the call and reads the whole answer, whatever its status.
    pub(super) async fn call(
        &self,
        request: RequestBuilder,
        hidden: Hidden,
        now: Timestamp,
    ) -> Result<Said, DeliveryError> {
        let answer = self.client.ask(request, now).await?;
        Ok(Said { answer, hidden })
    }
}

/// What must not be repeated of an address and its credentials.
#[derive(Clone)]
pub(super) struct Hidden {
    to: Endpoint,
    more: Vec<Secret>,
}

impl Hidden {
    /// The endpoint's secret and the parts of its address that may be a token, as they were entered and decoded.
    pub(super) fn of(to: &Endpoint) -> Self {
        let mut more = Vec::new();
        if let Ok(url) = Url::parse(&to.url) {
            let path = url.path_segments().into_iter().flatten().map(decoded);
            let query = url.query_pairs().map(|(_, value)| value.into_owned());
            let long = |piece: &String| piece.chars().count() >= TOKEN_CHARS_MIN;
            more.extend(path.chain(query).filter(long).map(Secret::new));
        }
        Self { to: to.clone(), more }
    }

    /// This too.
    pub(super) fn and(mut self, secret: &str) -> Self {
        self.more.push(Secret::new(secret));
        self
    }

    fn hide(&self, words: &str) -> String {
        let words = self.to.hide_in(words);
        self.more.iter().fold(words, |words, secret| secret.hide_in(&words))
    }
}

fn decoded(piece: &str) -> String {
    percent_encoding::percent_decode_str(piece)
        .decode_utf8_lossy()
        .into_owned()
}

/// What a room answered.
pub(super) struct Said {
    answer: Answer,
    hidden: Hidden,
}

impl Said {
    /// Its status.
    pub(super) const fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// One of its headers, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name)?.to_str().ok()
    }

    /// How long it asks us to wait, by the header that every server may set.
    pub(super) const fn retry_after(&self) -> Option<SignedDuration> {
        self.answer.retry_after
    }

    /// Its body as JSON, where it is of that form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.answer.raw).ok()
    }

    /// The beginning of its body, on one line.
    pub(super) fn text(&self) -> &str {
        &self.answer.body
    }

    /// Status and body in one line, without our secrets.
    pub(super) fn words(&self) -> String {
        self.answer.words(|words| self.hidden.hide(words))
    }

    /// The status and what the room says in it, in one line, without our secrets.
    pub(super) fn quote(&self, said: &str) -> String {
        let said = self.hidden.hide(said);
        words::answer(&format!("{}: {said}", self.answer.status))
    }

    /// It was not taken now.
    pub(super) const fn later(&self, why: String) -> DeliveryError {
        DeliveryError::Retry {
            why,
            after: self.answer.retry_after,
        }
    }

    /// What an answer that is no receipt means by its status alone: `field` names the setting that holds the address or
    /// the token. Where nobody has said why, it is tried again, for the contract has a webhook tried for a day.
    pub(super) fn failure(&self, why: String, field: &'static str) -> DeliveryError {
        match self.answer.status {
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::GONE => DeliveryError::Misconfigured { field, why },
            status if status.is_redirection() => DeliveryError::Misconfigured {
                field,
                why: format!("{why} (redirects are not followed)"),
            },
            status if status.is_success() => DeliveryError::Unknown {
                why: words::answer(&format!("the answer is not this room's: {why}")),
            },
            _ => self.later(why),
        }
    }
}

/// A wait in seconds, as rooms write it, within what a provider can ask for.
pub(super) fn wait(seconds: f64) -> Option<SignedDuration> {
    let longest = RETRY_AFTER_MAX.as_secs_f64();
    (seconds.is_finite() && seconds >= 0.0)
        .then(|| SignedDuration::try_from_secs_f64(seconds.min(longest)).ok())
        .flatten()
}

/// The address with these parameters, in the place of any of the same names, those named in `without` left out. What
/// else was entered stays as it is written.
pub(super) fn with_query(mut url: Url, without: &[&str], set: &[(&str, &str)]) -> Url {
    let goes = |piece: &&str| {
        let name = piece.split('=').next().unwrap_or_default();
        !piece.is_empty() && !without.contains(&name) && !set.iter().any(|(set, _)| *set == name)
    };
    let kept: Vec<&str> = url.query().unwrap_or_default().split('&').filter(goes).collect();
    let kept = kept.join("&");
    url.set_query((!kept.is_empty()).then_some(kept.as_str()));
    if !set.is_empty() {
        url.query_pairs_mut().extend_pairs(set);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str) -> Endpoint {
        Endpoint {
            url: url.into(),
            secret: None,
            channel: None,
        }
    }

    #[test]
    fn parameters_are_replaced_and_the_rest_stays_as_it_was_entered() {
        let url = |text: &str| Url::parse(text).unwrap();
        let set = with_query(
            url("https://x.example/a?token=a%3D%2F&wait=false&old=1"),
            &["old"],
            &[("wait", "true")],
        );
        assert_eq!(set.as_str(), "https://x.example/a?token=a%3D%2F&wait=true");
        assert_eq!(
            with_query(url("https://x.example/a"), &[], &[("a", "b c")]).as_str(),
            "https://x.example/a?a=b+c"
        );
        assert_eq!(
            with_query(url("https://x.example/a?old=1"), &["old"], &[]).as_str(),
            "https://x.example/a"
        );
    }

    #[test]
    fn tokens_are_hidden_as_entered_and_decoded() {
        let hidden = Hidden::of(&to(
            "https://x.example/v1/abc%3Ddefgh/x?key=12345678&token=s%2Bcret%3D%3Dzz",
        ))
        .and("one:two");
        assert_eq!(
            hidden.hide("abc%3Ddefgh abc=defgh 12345678 s+cret==zz s%2Bcret%3D%3Dzz one:two x"),
            "[hidden] [hidden] [hidden] [hidden] [hidden] [hidden] x"
        );
    }

    #[test]
    fn waits_are_bounded() {
        assert_eq!(wait(0.25), Some(SignedDuration::from_millis(250)));
        assert_eq!(wait(1e300), Some(RETRY_AFTER_MAX));
        assert_eq!(wait(-1.0), None);
        assert_eq!(wait(f64::NAN), None);
        assert_eq!(wait(f64::INFINITY), None);
    }
}
