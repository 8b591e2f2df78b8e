//! What is typed into forms: every control carries the value as the person typed it and what is wrong with it.
//! Reading and judging values is the handlers' work; drawing is that of `templates/macros/form.html`.

/// One control with its value. A dot in a name separates an index: `steps.0.delay`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Unique on the page; the label and the list of errors point at it.
    pub id: String,
    /// What it is called in the form that is sent.
    pub name: String,
    /// As typed.
    pub value: String,
    /// What is wrong, as a sentence: "Enter a name".
    pub error: Option<String>,
}

impl Field {
    /// An empty control. Its id is its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            id: name.replace('.', "-"),
            name: name.to_owned(),
            value: String::new(),
            error: None,
        }
    }

    /// The same under another id, for pages with several forms: `prefix-name`.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.id = format!("{prefix}-{}", self.name.replace('.', "-"));
        self
    }

    /// The same with a value.
    #[must_use]
    pub fn with(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// The same with what is wrong about it.
    #[must_use]
    pub fn wrong(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }
}

/// One thing that can be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

impl Choice {
    /// A choice that is not chosen.
    #[must_use]
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            chosen: false,
        }
    }

    /// The same, chosen or not.
    #[must_use]
    pub const fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }
}

/// One of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// The control; its value says which option is chosen.
    pub field: Field,
    /// What can be chosen, in order.
    pub options: Vec<Choice>,
}

impl Select {
    /// A control with these options; the one whose value is the field's is chosen.
    #[must_use]
    pub fn new(field: Field, options: impl IntoIterator<Item = Choice>) -> Self {
        let options = options
            .into_iter()
            .map(|option| {
                let chosen = option.value == field.value;
                option.chosen(chosen)
            })
            .collect();
        Self { field, options }
    }
}

/// Any of several: check boxes that share a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// Name, id of the group and what is wrong; the value is not used.
    pub field: Field,
    /// What can be chosen, in order.
    pub options: Vec<Choice>,
}

impl Checks {
    /// A group whose options say themselves whether they are chosen.
    #[must_use]
    pub fn new(field: Field, options: impl IntoIterator<Item = Choice>) -> Self {
        Self {
            field,
            options: options.into_iter().collect(),
        }
    }
}

/// One line of the list of errors on top of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormError {
    /// The id of the control, or empty where it is about the whole.
    pub id: String,
    /// What is wrong.
    pub text: String,
}

impl FormError {
    /// What is wrong with the whole rather than with one control.
    #[must_use]
    pub fn whole(text: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            text: text.into(),
        }
    }
}

/// The errors of these controls in their order.
#[must_use]
pub fn errors<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<FormError> {
    let wrong = |field: &Field| {
        field.error.clone().map(|text| FormError {
            id: field.id.clone(),
            text,
        })
    };
    fields.into_iter().filter_map(wrong).collect()
}
