//! Cutting a text into the tokens in which it is streamed.

/// Cuts `text` into words with the space behind them, and into single characters where a
/// script is written without spaces. Joined, the tokens are the text.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut open = false;
    for character in text.chars() {
        let stands_alone = is_japanese(character);
        match tokens.last_mut() {
            Some(token) if open && !stands_alone => token.push(character),
            _ => tokens.push(character.into()),
        }
        open = !stands_alone && !character.is_whitespace();
    }
    tokens
}

/// True for kana, kanji and the punctuation that goes with them.
pub(super) fn is_japanese(character: char) -> bool {
    matches!(character,
        '\u{3000}'..='\u{30ff}' // punctuation, hiragana, katakana
        | '\u{3400}'..='\u{9fff}' // kanji
        | '\u{f900}'..='\u{faff}' // compatibility kanji
        | '\u{ff00}'..='\u{ffef}' // full-width forms
        | '\u{20000}'..='\u{3ffff}' // rare kanji
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_the_space_behind_them() {
        assert_eq!(tokens("Hello, you  two"), ["Hello, ", "you ", " ", "two"]);
    }

    #[test]
    fn japanese_streams_character_by_character() {
        assert_eq!(tokens("猫はRust製。"), ["猫", "は", "Rust", "製", "。"]);
    }

    #[test]
    fn joined_tokens_are_the_text() {
        for text in ["", " ", "a\nb", "日本 語 ok", "é👩‍👩‍👧!"] {
            assert_eq!(tokens(text).concat(), text);
        }
    }
}
