//! One record: fields of a fixed width, one after another.

use crate::RECORD_CHARS;

/// A record in the making.
pub struct Record(String);

impl Record {
    pub fn new(kind: char) -> Record {
        let mut text = String::with_capacity(RECORD_CHARS);
        text.push(kind);
        Record(text)
    }

    /// Text, filled up with blanks; what does not fit is cut off.
    pub fn text(mut self, text: &str, width: usize) -> Record {
        let text = alphanumeric(text);
        let cut = text.get(..width).unwrap_or(&text);
        self.0.push_str(&format!("{cut:<width$}"));
        self
    }

    /// The same with the blanks before it.
    pub fn right(mut self, text: &str, width: usize) -> Record {
        let text = alphanumeric(text);
        let cut = text.get(..width).unwrap_or(&text);
        self.0.push_str(&format!("{cut:>width$}"));
        self
    }

    /// A number with leading zeros; the last digits of one that is too long.
    pub fn number(mut self, number: i64, width: usize) -> Record {
        let digits = format!("{:0width$}", number.max(0));
        self.0.push_str(digits.get(digits.len() - width..).unwrap_or(&digits));
        self
    }

    pub fn blank(self, width: usize) -> Record {
        self.text("", width)
    }

    pub fn done(self) -> String {
        debug_assert_eq!(self.0.len(), RECORD_CHARS);
        self.0
    }
}

/// The characters that files may have: printable ASCII, in capitals. Others are left out as one
/// blank each.
pub fn alphanumeric(text: &str) -> String {
    let plain = |letter: char| {
        if letter == ' ' || letter.is_ascii_graphic() { letter.to_ascii_uppercase() } else { ' ' }
    };
    text.chars().map(plain).collect()
}

/// The field of a record that begins at that position and is so wide; positions count from zero.
pub fn text_of(record: &str, at: usize, width: usize) -> &str {
    record.get(at..at + width).unwrap_or_default()
}

/// The first eight digits of a routing number: the bank, without its check digit.
pub fn bank_digits(routing_number: &str) -> i64 {
    routing_number.get(..8).and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_cannot_say_becomes_blank_and_what_is_too_long_is_cut() {
        assert_eq!(alphanumeric("a\u{f1}\u{9}b\u{1f600}"), "A  B ");
        let record = Record::new('6').text("abcdef", 3).right("9", 3).number(12_345, 3);
        assert_eq!(record.0, "6ABC  9345");
    }
}
