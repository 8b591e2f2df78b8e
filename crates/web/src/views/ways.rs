//! A choice that brings its own fields along: who delivers messages, what a webhook speaks to. All of it is on the page;
//! the style sheet shows the fields of what is chosen, so that it works without a script.

use super::{Field, FormError, Select};

/// One of several, each with its own fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// The control that chooses.
    pub field: Field,
    /// What can be chosen, in order. Where there is only one, nobody is asked.
    pub ways: Vec<Way>,
}

/// What can be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// What is sent.
    pub word: String,
    /// What is read.
    pub name: String,
    /// It is chosen.
    pub chosen: bool,
    /// What somebody must know who chooses it; empty: nothing.
    pub says: String,
    /// Its fields.
    pub fields: Vec<Setting>,
    /// What must be entered on the other side.
    pub pastes: Vec<Paste>,
}

/// A field of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What it is called.
    pub label: String,
    /// What it is; may be empty.
    pub hint: String,
    /// Nothing works without it. The browser does not insist: what is not chosen is on the page too.
    pub required: bool,
    /// How it is typed.
    pub control: Control,
}

/// How a field is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// A line.
    Text {
        /// Name and value.
        field: Field,
        /// The type of the control: `text`, `url`, `tel`.
        kind: &'static str,
    },
    /// A credential, which is never sent back.
    Secret {
        /// The name; without a value.
        field: Field,
        /// One is saved and stays where nothing is typed.
        saved: bool,
        /// It can be taken away: the box that does.
        remove: Option<Field>,
    },
    /// One of several words.
    Choice(Select),
}

/// Something to enter on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste {
    /// Unique on the page.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Where it goes.
    pub says: String,
    /// What to enter.
    pub text: String,
    /// It has several lines.
    pub long: bool,
}

impl Setting {
    /// Its control.
    #[must_use]
    pub const fn field(&self) -> &Field {
        match &self.control {
            Control::Text { field, .. } | Control::Secret { field, .. } => field,
            Control::Choice(select) => &select.field,
        }
    }
}

impl Ways {
    /// What is wrong, in order.
    pub fn errors(&self) -> impl Iterator<Item = FormError> {
        let fields = self.ways.iter().flat_map(|way| &way.fields).map(Setting::field);
        super::errors([&self.field].into_iter().chain(fields)).into_iter()
    }
}
