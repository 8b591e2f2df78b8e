//! That somebody else was faster: what they changed while a form was filled in. Owns words, never decides who wins.

use super::Times;

/// Shown above a form that was not saved, because what it is about had changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conflict {
    /// Who changed it, the last first, each with when.
    pub who: Vec<(String, Times)>,
    /// What is different from what the form began with.
    pub fields: Vec<ConflictField>,
}

/// One field that somebody else changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictField {
    /// What it is called.
    pub name: String,
    /// What it was when the form was opened.
    pub was: String,
    /// What it is now.
    pub now: String,
    /// The form has it as it is now: the person left it alone. Otherwise theirs would take its place.
    pub taken: bool,
}

impl Conflict {
    /// Whether saving the form as it is would undo something of the others'.
    #[must_use]
    pub fn undoes(&self) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|field| !field.taken)
    }
}
