//! The HTTP API of a vendor: where it is, how it is called, and what its statuses mean for a message.
//!
//! The base address is the vendor's own or one that the operator set, never one that a person of the program entered,
//! so it may be on a private network. What a vendor says in the body of an answer is its channel's to read.

use jiff::{SignedDuration, Timestamp};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{
    DeliveryError, Problem, Secret, Timeouts,
    guard::Guard,
    http::{Answer, Client},
    tls::Roots,
    words,
};

/// Opens the APIs of vendors, all over one pool of connections.
#[derive(Debug, Clone)]
pub struct Vendors {
    client: Client,
}

impl Vendors {
    /// Calls that trust `roots` and take no longer than `timeouts`.
    ///
    /// # Errors
    ///
    /// `Misconfigured` where encryption cannot be set up.
    pub fn new(roots: &Roots, timeouts: Timeouts) -> Result<Self, DeliveryError> {
        Ok(Self {
            client: Client::new(Guard::new(true), roots, timeouts)?,
        })
    }

    /// The API at `given`, else at the vendor's own address. `secrets` are left out of what the vendor is quoted with.
    pub(crate) fn api(&self, given: Option<&Url>, own: &str, secrets: &[&Secret]) -> Api {
        let own = || Url::parse(own).expect("a vendor's own address is a URL");
        Api {
            client: self.client.clone(),
            base: given.cloned().unwrap_or_else(own),
            secrets: secrets.iter().map(|secret| (*secret).clone()).collect(),
        }
    }
}

/// The API of one vendor for one account.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    base: Url,
    secrets: Vec<Secret>,
}

impl Api {
    /// The address of a path below the base; each segment is escaped.
    pub(crate) fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<Url, DeliveryError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(segments);
            }
            Err(()) => {
                return Err(Problem {
                    field: "base URL",
                    why: "must begin with https:// or http://".into(),
                }
                .into());
            }
        }
        Ok(url)
    }

    /// Begins a `POST` to a path below the base.
    pub(crate) fn post<'a>(
        &self,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<RequestBuilder, DeliveryError> {
        Ok(self.client.post(self.url(segments)?))
    }

    /// Begins a `GET` of a path below the base.
    pub(crate) fn get<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<RequestBuilder, DeliveryError> {
        Ok(self.client.get(self.url(segments)?))
    }

    /// Makes the call and reads the whole answer, whatever its status.
    pub(crate) async fn call(&self, request: RequestBuilder, now: Timestamp) -> Result<Reply, DeliveryError> {
        let answer = self.client.ask(request, now).await?;
        Ok(Reply {
            answer,
            secrets: self.secrets.clone(),
        })
    }
}

/// What a vendor answered.
#[derive(Debug)]
pub(crate) struct Reply {
    answer: Answer,
    secrets: Vec<Secret>,
}

impl Reply {
    /// Its status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// One of its headers, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name)?.to_str().ok()
    }

    /// How long it asks us to wait.
    pub(crate) const fn retry_after(&self) -> Option<SignedDuration> {
        self.answer.retry_after
    }

    /// Its body as JSON, where it is of that form.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.answer.raw).ok()
    }

    /// Status and body in one line, without our secrets.
    pub(crate) fn words(&self) -> String {
        self.hide(&self.answer.words())
    }

    /// The status and what the vendor says in it, in one line, without our secrets.
    pub(crate) fn quote(&self, said: &str) -> String {
        self.hide(&words::answer(&format!("{}: {said}", self.answer.status)))
    }

    /// Some words without our secrets.
    pub(crate) fn hide(&self, words: &str) -> String {
        self.secrets
            .iter()
            .fold(words.to_owned(), |words, secret| secret.hide_in(&words))
    }

    /// What an answer that is no receipt means by its status alone (RFC 9110, section 15): `why` are the words for
    /// it, `credential` the setting that is wrong where the vendor does not know us.
    pub(crate) fn failure(&self, why: String, credential: &'static str) -> DeliveryError {
        match self.answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => DeliveryError::Misconfigured { field: credential, why },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => self.later(why),
            status if status.is_server_error() => self.later(why),
            status if status.is_redirection() => DeliveryError::Misconfigured {
                field: "base URL",
                why: format!("{why} (redirects are not followed)"),
            },
            status if status.is_success() => self.unreadable(),
            _ => DeliveryError::Refused { why },
        }
    }

    /// It was not taken now.
    pub(crate) fn later(&self, why: String) -> DeliveryError {
        DeliveryError::Retry {
            why,
            after: self.answer.retry_after,
        }
    }

    /// It may have been taken, but what came back is not what this vendor answers.
    pub(crate) fn unreadable(&self) -> DeliveryError {
        DeliveryError::Unknown {
            why: self.hide(&words::answer(&format!(
                "the answer is not this vendor's: {}",
                self.answer.words()
            ))),
        }
    }
}
