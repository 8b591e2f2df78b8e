//! Documents that were fetched, kept for a while by their addresses.

use std::collections::HashMap;

use jiff::Timestamp;
use url::Url;

/// Most documents that are kept. There are a few dozen regions of Amazon, each with a few certificates.
const DOCUMENTS_MAX: usize = 128;

/// What was fetched, and when.
pub(super) struct Kept<T> {
    documents: HashMap<Url, (T, Timestamp)>,
    /// When those that are kept could last not be fetched anew.
    failures: HashMap<Url, Timestamp>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            documents: HashMap::new(),
            failures: HashMap::new(),
        }
    }
}

impl<T: Clone> Kept<T> {
    /// The document at this address, if it was fetched within so many seconds.
    pub(super) fn fresh(&self, url: &Url, now: Timestamp, kept_s: i64) -> Option<T> {
        let (document, at) = self.documents.get(url)?;
        (now.as_second() - at.as_second() < kept_s).then(|| document.clone())
    }

    /// Notes that the document at this address could not be fetched anew.
    pub(super) fn failed(&mut self, url: &Url, now: Timestamp) {
        if self.documents.contains_key(url) {
            self.failures.insert(url.clone(), now);
        }
    }

    /// Whether it could not be, within so many seconds: whoever asks again so soon only waits.
    pub(super) fn failed_within(&self, url: &Url, now: Timestamp, s: i64) -> bool {
        let failed = self.failures.get(url);
        failed.is_some_and(|at| now.as_second() - at.as_second() < s)
    }

    /// Keeps a document; when there are too many, the oldest goes.
    pub(super) fn keep(&mut self, url: Url, document: T, now: Timestamp) -> T {
        if self.documents.len() >= DOCUMENTS_MAX && !self.documents.contains_key(&url) {
            let oldest = self.documents.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                self.documents.remove(&oldest);
                self.failures.remove(&oldest);
            }
        }
        self.failures.remove(&url);
        self.documents.insert(url, (document.clone(), now));
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_does_not_answer_is_not_waited_for_each_time() {
        let at = |s: i64| Timestamp::from_second(1_800_000_000 + s).unwrap();
        let url: Url = "https://issuer.example/keys".parse().unwrap();
        let mut kept = Kept::default();
        kept.failed(&url, at(0));
        assert!(!kept.failed_within(&url, at(1), 60), "there is nothing to fall back to");
        kept.keep(url.clone(), "keys", at(0));
        assert_eq!(
            (kept.fresh(&url, at(3599), 3600), kept.fresh(&url, at(3600), 3600)),
            (Some("keys"), None)
        );
        kept.failed(&url, at(3600));
        assert!(kept.failed_within(&url, at(3659), 60) && !kept.failed_within(&url, at(3660), 60));
        kept.keep(url.clone(), "newer", at(3660));
        assert!(!kept.failed_within(&url, at(3661), 60));
    }
}
