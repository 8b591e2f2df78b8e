//! Documents that were fetched, kept for a while by their addresses.

use std::collections::HashMap;

use jiff::Timestamp;
use url::Url;

/// Most documents that are kept. There are a few dozen regions of Amazon, each with a few certificates.
const DOCUMENTS_MAX: usize = 128;

/// What was fetched, and when.
pub(super) struct Kept<T> {
    documents: HashMap<Url, (T, Timestamp)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            documents: HashMap::new(),
        }
    }
}

impl<T: Clone> Kept<T> {
    /// The document at this address, if it was fetched within so many seconds.
    pub(super) fn fresh(&self, url: &Url, now: Timestamp, kept_s: i64) -> Option<T> {
        let (document, at) = self.documents.get(url)?;
        (now.as_second() - at.as_second() < kept_s).then(|| document.clone())
    }

    /// Keeps a document; when there are too many, the oldest goes.
    pub(super) fn keep(&mut self, url: Url, document: T, now: Timestamp) -> T {
        if self.documents.len() >= DOCUMENTS_MAX && !self.documents.contains_key(&url) {
            let oldest = self.documents.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                self.documents.remove(&oldest);
            }
        }
        self.documents.insert(url, (document.clone(), now));
        document
    }
}
