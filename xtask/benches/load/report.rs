//! What was measured, printed as it comes and kept for `bench.json`.

use serde_json::{Value, json};

/// The figures of one part.
pub(crate) struct Part {
    name: &'static str,
    figures: Vec<Value>,
}

impl Part {
    /// Begins a part, with its heading.
    pub(crate) fn begin(name: &'static str) -> Self {
        println!("\n{name}");
        Self {
            name,
            figures: Vec::new(),
        }
    }

    /// Prints and keeps a figure.
    pub(crate) fn say(&mut self, what: &str, value: f64, unit: &'static str, note: &str) {
        let shown = if value >= 1000.0 {
            grouped(value)
        } else if value >= 100.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.2}")
        };
        println!("  {what:<52} {shown:>9} {unit:<3} {note}");
        self.keep(what, value, unit);
    }

    /// Keeps a figure that another line has shown.
    pub(crate) fn keep(&mut self, what: &str, value: f64, unit: &'static str) {
        let what = what.trim();
        self.figures.push(json!({ "what": what, "value": value, "unit": unit }));
    }

    /// The part for the file.
    pub(crate) fn json(self) -> Value {
        json!({ "part": self.name, "figures": self.figures })
    }
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
