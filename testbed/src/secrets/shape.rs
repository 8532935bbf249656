//! What looks like a token, whoever made it.

/// Characters of a token and of 32 bytes in base64.
const LENGTHS: [usize; 2] = [87, 43];

/// Where the words begin that look like a token, or like an id or a key in base64. Names of tests
/// have no capitals, and digests are printed in hexadecimal digits, which do not mix cases.
pub(super) fn tokens_in(text: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let is_of_a_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        let length = text[at..].iter().take_while(is_of_a_token).count();
        if LENGTHS.contains(&length) && is_random(&text[at..at + length]) {
            found.push(at);
        }
        at += length.max(1);
    }
    found
}

fn is_random(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_lowercase)
        && word.iter().any(u8::is_ascii_uppercase)
        && word.iter().any(u8::is_ascii_digit)
}
