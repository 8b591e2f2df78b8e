//! Tags: words by which people find incidents again. Owns what a tag may be; never what one means.

/// Most tags of one incident.
pub const TAGS_MAX: usize = 20;
/// Longest tag, in characters.
pub const TAG_CHARS_MAX: usize = 50;

/// Tags as they are kept: in lower case, each once, in the order in which they were given, blanks within one as `-`.
///
/// # Errors
/// Why they cannot be kept, in words.
pub fn tags<T: AsRef<str>>(given: &[T]) -> Result<Vec<String>, String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in given {
        let words: Vec<&str> = tag.as_ref().split_whitespace().collect();
        let tag = words.join("-").to_lowercase();
        if tag.is_empty() || kept.contains(&tag) {
            continue;
        }
        if tag.chars().count() > TAG_CHARS_MAX {
            return Err(format!("a tag must have at most {TAG_CHARS_MAX} characters"));
        }
        if tag.contains(|sign: char| sign.is_control() || sign == ',') {
            return Err("a tag must have no comma and no control character".to_owned());
        }
        kept.push(tag);
    }
    if kept.len() > TAGS_MAX {
        return Err(format!("there must be at most {TAGS_MAX}"));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_lower_case_words_each_once() {
        assert_eq!(
            tags(&["Database", " needs  review ", "database", ""]).unwrap(),
            ["database", "needs-review"]
        );
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        assert!(tags(&["a".repeat(51)]).unwrap_err().contains("50 characters"));
        assert!(tags(&["a,b"]).unwrap_err().contains("comma"));
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        assert!(tags(&many).unwrap_err().contains("20"));
    }
}
