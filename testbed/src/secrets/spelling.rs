//! The spellings in which bytes are printed, undone.

/// What a text says when it is read in one way.
pub(super) struct Spelled {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Where in the text each byte begins; empty when they are the same.
    offsets: Vec<u32>,
}

impl Spelled {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            bytes: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// Where in the text the byte at `at` is spelled.
    pub(super) fn offset_of(&self, at: usize) -> usize {
        let offset = self.offsets.get(at);
        offset.map_or(at, |offset| *offset as usize)
    }

    fn push(&mut self, byte: u8, offset: usize) {
        self.bytes.push(canonical(byte));
        self.offsets.push(u32::try_from(offset).unwrap_or(u32::MAX));
    }
}

/// `text` in every reading.
pub(super) fn all(text: &[u8]) -> Vec<Spelled> {
    let as_it_is = Spelled {
        bytes: plain(text),
        ..Spelled::new("as it is, or in base64")
    };
    vec![
        as_it_is,
        unescaped(text),
        hexadecimal(text, 0),
        hexadecimal(text, 1),
        listed(text, "a list of numbers", 10, 3),
        listed(text, "a list of hexadecimal numbers", 16, 2),
    ]
}

/// The two alphabets of base64 are one here.
const fn canonical(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}

pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    text.iter().copied().map(canonical).collect()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// In base64 without padding.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, place| {
            bits << 8 | usize::from(group.get(place).copied().unwrap_or(0))
        });
        let digits = [18, 12, 6, 0].map(|shift| DIGITS[bits >> shift & 63]);
        text.extend(&digits[..=group.len()]);
    }
    text
}

/// The bytes that a text in base64 without padding stands for.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0_usize, 0, Vec::new());
    for digit in text {
        let digit = canonical(*digit);
        let value = DIGITS.iter().position(|other| *other == digit)?;
        bits = (bits << 6 | value) & 0xfff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// With `\x8f`, `\"`, `%8f` and the like undone.
fn unescaped(text: &[u8]) -> Spelled {
    let mut spelled = Spelled::new("escaped");
    if !text.iter().any(|byte| matches!(byte, b'\\' | b'%')) {
        return spelled;
    }
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let (byte, length) = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'x')) => pair(text, at + 2).map_or((b'\\', 1), |byte| (byte, 4)),
            (b'%', _) => pair(text, at + 1).map_or((b'%', 1), |byte| (byte, 3)),
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (b'\\', Some(b'0')) => (0, 2),
            (b'\\', Some(quoted @ (b'\\' | b'"' | b'\''))) => (*quoted, 2),
            (other, _) => (*other, 1),
        };
        spelled.push(byte, at);
        at += length;
    }
    spelled
}

/// The byte that two hexadecimal digits stand for.
fn pair(text: &[u8], at: usize) -> Option<u8> {
    let [high, low] = text.get(at..at + 2)? else {
        return None;
    };
    Some(digit(*high, 16)? << 4 | digit(*low, 16)?)
}

fn digit(byte: u8, radix: u32) -> Option<u8> {
    let digit = char::from(byte).to_digit(radix)?;
    u8::try_from(digit).ok()
}

/// The runs of hexadecimal digits, from the first or from the second of each on.
fn hexadecimal(text: &[u8], skipped: usize) -> Spelled {
    let mut spelled = Spelled::new("in hexadecimal digits");
    let mut at = 0;
    while at < text.len() {
        let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
        let length = text[at..].iter().take_while(is_digit).count();
        if length >= 16 {
            for place in (at + skipped..at + length - 1).step_by(2) {
                if let Some(byte) = pair(text, place) {
                    spelled.push(byte, place);
                }
            }
        }
        at += length.max(1);
    }
    spelled
}

/// Numbers up to 255 with nothing but commas, colons and white space between them.
fn listed(text: &[u8], name: &'static str, radix: u32, digits_max: usize) -> Spelled {
    let mut spelled = Spelled::new(name);
    let mut list: Vec<(u8, usize)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if matches!(byte, b',' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
            continue;
        }
        let is_of_a_word = |byte: &&u8| byte.is_ascii_alphanumeric();
        let length = text[at..].iter().take_while(is_of_a_word).count();
        match number(&text[at..at + length], radix, digits_max) {
            Some(number) => list.push((number, at)),
            None => {
                end_of_list(&mut list, &mut spelled);
            }
        }
        at += length.max(1);
    }
    end_of_list(&mut list, &mut spelled);
    spelled
}

fn end_of_list(list: &mut Vec<(u8, usize)>, spelled: &mut Spelled) {
    if list.len() >= 8 {
        for (byte, at) in &*list {
            spelled.push(*byte, *at);
        }
    }
    list.clear();
}

fn number(word: &[u8], radix: u32, digits_max: usize) -> Option<u8> {
    let word = match word.strip_prefix(b"0x") {
        Some(digits) if radix == 16 => digits,
        _ => word,
    };
    if word.is_empty() || word.len() > digits_max {
        return None;
    }
    let mut value = 0_u32;
    for byte in word {
        value = value * radix + u32::from(digit(*byte, radix)?);
    }
    u8::try_from(value).ok()
}
