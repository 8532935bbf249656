//! A reader of server-sent events (WHATWG HTML, section 9.2), as far as chat completions use
//! them: only the `data` of an event counts.

/// Puts the events of a byte stream together, however the stream is cut.
#[derive(Debug, Default)]
pub(super) struct SseReader {
    /// The bytes of a line that has not ended yet.
    line: Vec<u8>,
    /// The `data` of an event that has not ended yet.
    data: Option<String>,
    /// True when the last byte was a CR, whose LF may still come.
    after_carriage_return: bool,
}

/// Most bytes an event may have. Tokens have a few hundred; what never ends is an attack or
/// not an event stream at all.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// An event is larger than any chat completion's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventTooLarge;

impl SseReader {
    /// Takes the next bytes and answers the data of the events that they end.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, EventTooLarge> {
        let mut events = Vec::new();
        for byte in bytes {
            let ends_cr_lf = std::mem::take(&mut self.after_carriage_return) && *byte == b'\n';
            match byte {
                b'\n' if ends_cr_lf => {}
                b'\r' | b'\n' => {
                    self.after_carriage_return = *byte == b'\r';
                    events.extend(self.end_line());
                }
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_BYTES_MAX {
                return Err(EventTooLarge);
            }
        }
        Ok(events)
    }

    /// Ends a line; an empty one ends the event. Other fields and comments are skipped.
    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        if line.is_empty() {
            return self.data.take();
        }
        let value = line.strip_prefix(b"data")?;
        let value = match value.strip_prefix(b":") {
            Some(value) => value.strip_prefix(b" ").unwrap_or(value),
            None if value.is_empty() => value,
            None => return None,
        };
        let text = String::from_utf8_lossy(value);
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(&text);
            }
            data @ None => *data = Some(text.into_owned()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut reader = SseReader::default();
        let events = chunks.into_iter().map(|chunk| reader.push(chunk).unwrap());
        events.flatten().collect()
    }

    #[test]
    fn an_event_ends_with_an_empty_line() {
        assert_eq!(read([&b"data: one\n\ndata:two\n\n"[..]]), ["one", "two"]);
    }

    #[test]
    fn all_three_line_ends_are_line_ends() {
        for text in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
        ] {
            assert_eq!(read([text.as_bytes()]), ["a", "b"], "{text:?}");
        }
    }

    #[test]
    fn however_the_stream_is_cut_the_events_are_the_same() {
        let stream =
            "\u{feff}: comment\r\nid: 7\r\ndata: 猫\r\ndata: two\r\n\r\nevent: x\ndata\n\n"
                .as_bytes();
        for size in 1..stream.len() {
            assert_eq!(
                read(stream.chunks(size)),
                ["猫\ntwo", ""],
                "chunks of {size}"
            );
        }
    }

    #[test]
    fn other_fields_are_skipped_and_an_event_without_data_is_none() {
        assert_eq!(
            read([&b"event: ping\nretry: 5\ndatabase: no\n\n: hi\n\n"[..]]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_event_cut_off_by_the_end_is_none() {
        assert_eq!(read([&b"data: whole\n\ndata: half\n"[..]]), ["whole"]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = SseReader::default();
        let line = format!("data: {}\n", "x".repeat(EVENT_BYTES_MAX / 2));
        assert_eq!(reader.push(line.as_bytes()), Ok(vec![]));
        assert_eq!(reader.push(line.as_bytes()), Err(EventTooLarge));
    }
}
