//! One page of a list: which part is wanted and how texts are searched. Knows no table.

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
    /// Only what holds this text in its name, in any case.
    pub q: Option<&'a str>,
}

impl Part<'static> {
    /// All there is. For what the program itself goes through, not for what is answered.
    pub const ALL: Self = Self {
        limit: i64::MAX,
        offset: 0,
        q: None,
    };
}

impl Part<'_> {
    /// What a lower-case column must be LIKE, with `ESCAPE '\'`.
    pub(crate) fn pattern(&self) -> String {
        match self.q {
            None => "%".to_owned(),
            Some(q) => format!("%{}%", escape_like(&q.trim().to_lowercase())),
        }
    }
}

/// A text in which LIKE finds nothing but the text itself.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_the_signs_of_like_literally() {
        let pattern = |q| Part { q, ..Part::ALL }.pattern();
        assert_eq!(pattern(None), "%");
        assert_eq!(pattern(Some(" 100%_A\\ ")), "%100\\%\\_a\\\\%");
    }
}
