//! How long a text message is on the air, and its characters.
//!
//! Phone companies carry 140 bytes a message: 160 characters of a small alphabet (3GPP TS 23.038, section 6.2.1) at
//! seven bits, or 70 of any other at sixteen. A longer text is carried in several, each with a header of six bytes
//! (3GPP TS 23.040, section 9.2.3.24.1), which leaves 153 and 67.

/// What the small alphabet has besides ASCII.
const LETTERS: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€";
/// Its extension: each of these takes two places (3GPP TS 23.038, section 6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How a text is written on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The small alphabet.
    Gsm,
    /// Sixteen bits a character; characters outside the first plane take two.
    Ucs2,
}

impl Encoding {
    /// How many units fit into a message that is alone, and into each of several.
    const fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    /// How many units a character takes.
    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm => 1 + usize::from(EXTENSION.contains(c)),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// How long a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// How it is written.
    pub encoding: Encoding,
    /// How many places it takes: of seven bits, or of sixteen.
    pub units: usize,
    /// How many messages it is carried in, which is what is paid for.
    pub segments: usize,
}

/// How long a text is. A character of two units is never divided between two messages.
#[must_use]
pub fn length(text: &str) -> Length {
    let encoding = if text.chars().all(is_gsm) {
        Encoding::Gsm
    } else {
        Encoding::Ucs2
    };
    let units: usize = text.chars().map(|c| encoding.units(c)).sum();
    let (alone, each) = encoding.room();
    let segments = if units <= alone {
        usize::from(units > 0)
    } else {
        let mut segments = 1;
        let mut used = 0;
        for units in text.chars().map(|c| encoding.units(c)) {
            if used + units > each {
                segments += 1;
                used = 0;
            }
            used += units;
        }
        segments
    };
    Length {
        encoding,
        units,
        segments,
    }
}

/// The small alphabet has this character, in one place or in two.
pub(super) fn is_gsm(c: char) -> bool {
    match c {
        '\n' | '\r' | '\u{c}' => true,
        ' '..='~' => c != '`',
        c => LETTERS.contains(c),
    }
}

/// The same text with typographic signs as plain ones, so that one curly quote does not more than halve the room.
/// Letters are never changed: what is written in another script stays so.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_gsm(c) => plain.push(c),
            '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' | '‹' | '›' | 'ʼ' => plain.push('\''),
            '“' | '”' | '„' | '‟' | '″' | '«' | '»' => plain.push('"'),
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => plain.push('-'),
            '…' => plain.push_str("..."),
            '•' | '·' => plain.push('*'),
            '×' => plain.push('x'),
            '→' => plain.push_str("->"),
            '\u{ad}' | '\u{200b}' | '\u{2060}' => {}
            c if c.is_whitespace() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

/// The same text in the small alphabet, whatever is lost.
pub(super) fn only_gsm(text: &str) -> String {
    plain(text).chars().map(|c| if is_gsm(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Encoding, usize, usize) {
        let length = length(text);
        (length.encoding, length.units, length.segments)
    }

    /// The table of 3GPP TS 23.038, section 6.2.1, in its order, without the escape to the extension.
    const TABLE: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                         ¿abcdefghijklmnopqrstuvwxyzäöñüà";

    #[test]
    fn the_alphabet_is_the_table_and_its_extension() {
        assert_eq!(TABLE.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
        for c in ('\0'..='\u{ffff}').chain(['🔥']) {
            assert_eq!(is_gsm(c), TABLE.contains(c) || EXTENSION.contains(c), "{c:?}");
            let units = 1 + usize::from(EXTENSION.contains(c));
            assert!(!is_gsm(c) || Encoding::Gsm.units(c) == units, "{c:?}");
        }
    }

    #[test]
    fn a_text_is_counted_as_it_is_carried() {
        assert_eq!(of(""), (Encoding::Gsm, 0, 0));
        assert_eq!(of("Hello @ £5"), (Encoding::Gsm, 10, 1));
        assert_eq!(of("[€]"), (Encoding::Gsm, 6, 1));
        assert_eq!(of(&"a".repeat(160)), (Encoding::Gsm, 160, 1));
        assert_eq!(of(&"a".repeat(161)), (Encoding::Gsm, 161, 2));
        assert_eq!(of(&"a".repeat(306)), (Encoding::Gsm, 306, 2));
        assert_eq!(of(&"a".repeat(307)), (Encoding::Gsm, 307, 3));
        assert_eq!(of(&"[".repeat(80)), (Encoding::Gsm, 160, 1));
        // 76 signs of two places fill 152 of 153.
        assert_eq!(of(&"[".repeat(152)), (Encoding::Gsm, 304, 2));
        assert_eq!(of(&"[".repeat(153)), (Encoding::Gsm, 306, 3));
        assert_eq!(of("ç"), (Encoding::Ucs2, 1, 1));
        assert_eq!(of(&"日".repeat(70)), (Encoding::Ucs2, 70, 1));
        assert_eq!(of(&"日".repeat(71)), (Encoding::Ucs2, 71, 2));
        assert_eq!(of(&"日".repeat(134)), (Encoding::Ucs2, 134, 2));
        assert_eq!(of(&"日".repeat(135)), (Encoding::Ucs2, 135, 3));
        assert_eq!(of("🔥"), (Encoding::Ucs2, 2, 1));
        // 33 of them fill 66 of 67.
        assert_eq!(of(&"🔥".repeat(66)), (Encoding::Ucs2, 132, 2));
        assert_eq!(of(&"🔥".repeat(67)), (Encoding::Ucs2, 134, 3));
    }

    #[test]
    fn typographic_signs_become_plain_and_scripts_stay() {
        let text = "“It’s” 5–10 ms…\u{a0}«ok» — a\u{200b}b → c";
        assert_eq!(plain(text), "\"It's\" 5-10 ms... \"ok\" - ab -> c");
        assert_eq!(length(&plain(text)).encoding, Encoding::Gsm);
        assert_eq!(plain("Диск заполнен 🔥 ç"), "Диск заполнен 🔥 ç");
        assert_eq!(only_gsm("Диск 95 %…"), "???? 95 %...");
    }
}
