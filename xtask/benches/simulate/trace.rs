//! What happened, line by line, and one number that stands for all of it.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use jiff::Timestamp;

/// Most lines that are kept: the last ones.
const LINES_MAX: usize = 40_000;

/// The story of a run.
pub(crate) struct Trace {
    begins: i64,
    lines: VecDeque<String>,
    hash: DefaultHasher,
    said: u64,
}

impl Trace {
    pub(crate) fn new(begins: Timestamp) -> Self {
        let mut trace = Self {
            begins: begins.as_microsecond(),
            lines: VecDeque::new(),
            hash: DefaultHasher::new(),
            said: 0,
        };
        trace.say(begins.as_microsecond(), "it", &format!("begins at {begins}"));
        trace
    }

    pub(crate) fn say(&mut self, now: i64, who: &str, what: &str) {
        let ms = (now - self.begins) / 1_000;
        let (s, ms) = (ms / 1_000, ms % 1_000);
        let line = format!(
            "{:02}:{:02}:{:02}.{ms:03} {who:<11} {what}",
            s / 3_600,
            s / 60 % 60,
            s % 60
        );
        line.hash(&mut self.hash);
        self.said += 1;
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// One number for the whole story.
    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// The last lines.
    pub(crate) fn last(&self, lines: usize) -> Vec<String> {
        let skip = self.lines.len().saturating_sub(lines);
        self.lines.iter().skip(skip).cloned().collect()
    }
}
