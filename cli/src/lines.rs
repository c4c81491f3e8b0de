//! Prints one line per call, with control characters escaped. Text from the table or Stripe cannot steer a terminal.

use std::fmt;
use std::io::{self, Write};

/// A writer that escapes control characters as JSON does, `\u001b`. The last line break of a call stays.
pub(crate) struct Lines<'a>(pub(crate) &'a mut dyn Write);

impl Lines<'_> {
    fn print(&mut self, text: &str) -> io::Result<()> {
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (text, ""),
        };
        self.0.write_all(printable(line).as_bytes())?;
        self.0.write_all(end.as_bytes())
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.print(&String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    // Formats the text as a whole: otherwise every part would arrive by itself, with its own line breaks.
    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        self.print(&arguments.to_string())
    }
}

/// Escapes the control characters of a text.
pub(crate) fn printable(text: &str) -> String {
    use std::fmt::Write as _;

    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(printable, "\\u{:04x}", u32::from(character));
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_prints_one_line_without_control_characters() {
        let mut out = Vec::new();
        let mut lines = Lines(&mut out);
        let (broken, steering) = ("a\nb\r", "\u{1b}[2J\u{9b}2J\u{7f} é");
        writeln!(lines, "{broken}  {steering}").unwrap();
        writeln!(lines).unwrap();
        lines.write_all(b"c\td\n").unwrap();
        let printed = String::from_utf8(out).unwrap();
        let expected = "a\\u000ab\\u000d  \\u001b[2J\\u009b2J\\u007f é\n\nc\\u0009d\n";
        assert_eq!(printed, expected);
    }
}
