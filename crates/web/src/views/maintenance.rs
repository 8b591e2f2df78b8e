//! `/services/{id}/maintenance`: times in which nobody is paged for what breaks.

use askama::Template;

use super::{Field, FormError, Pager, ServiceHead, Shell, Times, form::errors};

/// `/services/{id}/maintenance`
#[derive(Debug, Clone, Template)]
#[template(path = "services/maintenance.html")]
pub struct Maintenance {
    /// Around the page.
    pub shell: Shell,
    /// Above the page.
    pub head: ServiceHead,
    /// How many incidents wait for the end.
    pub waiting: u64,
    /// The windows that are under way.
    pub active: Vec<Window>,
    /// Those that have not begun, the next first.
    pub planned: Vec<Window>,
    /// Those that are over, the last first.
    pub past: Vec<Window>,
    /// `reason` and `end` of the form that begins one now.
    pub now: (Field, Field),
    /// `start`, `end` and `reason` of the form that plans one.
    pub plan: (Field, Field, Field),
    /// The zone in which times are typed.
    pub zone: String,
    /// What is wrong with the whole.
    pub whole: Option<String>,
    /// Where in the past this is.
    pub pager: Pager,
}

impl Maintenance {
    /// What is wrong, in order.
    #[must_use]
    pub fn errors(&self) -> Vec<FormError> {
        let whole = self.whole.iter().map(FormError::whole);
        let fields = [&self.now.0, &self.now.1, &self.plan.0, &self.plan.1, &self.plan.2];
        let of_windows = self.active.iter().chain(&self.planned).flat_map(Window::fields);
        whole.chain(errors(fields.into_iter().chain(of_windows))).collect()
    }
}

/// A time of maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its identity.
    pub id: String,
    /// It is under way.
    pub active: bool,
    /// From when.
    pub start: Times,
    /// Until when.
    pub end: Times,
    /// What is done meanwhile.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// What changes it; none where it cannot be changed, or is not here.
    pub form: Option<WindowForm>,
}

impl Window {
    /// The controls that change it: what has begun is not asked for its beginning.
    fn fields(&self) -> Vec<&Field> {
        let forms = self.form.iter();
        let fields = forms.flat_map(|form| {
            let start = (!self.active).then_some(&form.start);
            start.into_iter().chain([&form.end, &form.reason])
        });
        fields.collect()
    }
}

/// What changes a time of maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowForm {
    /// `start`; not asked for once it has begun.
    pub start: Field,
    /// `end`
    pub end: Field,
    /// `reason`
    pub reason: Field,
}
