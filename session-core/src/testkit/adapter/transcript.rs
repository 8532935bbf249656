//! What a story showed, as text, and how it differs from what it should have shown.

use std::fmt::Write;

/// The lines of a transcript. Tokens stand in it by the names that they were given, so that no
/// credential, and nothing that chance has made, is ever in it.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    text: String,
    names: Vec<(String, String)>,
    tokens: usize,
}

impl Transcript {
    /// A sentence for the reader.
    pub(super) fn tell(&mut self, sentence: &str) {
        self.gap();
        self.line(sentence);
    }

    /// An empty line, before something new begins.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Names a token that a server has sent, by the order of its first appearance.
    pub(super) fn meet(&mut self, token: &str) {
        crate::testkit::note_tokens(token);
        if !token.is_empty() && !self.names.iter().any(|(known, _)| known == token) {
            self.tokens += 1;
            let name = format!("token {}", self.tokens);
            self.name(token, &name);
        }
    }

    /// Names a value that is too much like a token to stand in a file.
    pub(super) fn name(&mut self, value: &str, name: &str) {
        self.names.push((value.to_owned(), format!("<{name}>")));
    }

    /// The text, with the names.
    pub(super) fn text(&self) -> String {
        let replace = |text: String, (value, name): &(String, String)| text.replace(value, name);
        self.names.iter().fold(self.text.clone(), replace)
    }
}

/// Where `actual` leaves `expected`, for people; `None` when it does not.
pub(super) fn difference(expected: &str, actual: &str) -> Option<String> {
    /// How many lines of context come before the difference and after it.
    const CONTEXT: usize = 6;
    let (expected, actual): (Vec<_>, Vec<_>) =
        (expected.lines().collect(), actual.lines().collect());
    let at =
        (0..expected.len().max(actual.len())).find(|&at| expected.get(at) != actual.get(at))?;
    let mut text = String::new();
    let mut show = |mark: &str, lines: &[&str], from: usize, to: usize| {
        for (number, line) in lines.iter().enumerate().take(to).skip(from) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{mark} {:>4} {line}", number + 1);
        }
    };
    show(" ", &expected, at.saturating_sub(CONTEXT), at);
    show("- expected", &expected, at, at + CONTEXT);
    show("+ actual  ", &actual, at, at + CONTEXT);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_names_in_the_order_of_their_appearance() {
        let mut transcript = Transcript::default();
        for token in ["aaaa", "bbbb", "aaaa"] {
            transcript.meet(token);
            transcript.line(token);
        }
        assert_eq!(transcript.text(), "<token 1>\n<token 2>\n<token 1>\n");
    }

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn the_first_line_that_differs_is_shown_both_ways() {
        let shown = difference("a\nb\nc\n", "a\nx\n").unwrap();
        assert_eq!(
            shown,
            "     1 a\n\
             - expected    2 b\n\
             - expected    3 c\n\
             + actual      2 x\n"
        );
    }

    #[test]
    fn an_end_that_is_missing_is_a_difference() {
        assert!(difference("a\nb\n", "a\n").is_some());
        assert!(difference("a\n", "a\nb\n").is_some());
    }
}
