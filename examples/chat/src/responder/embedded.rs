//! A responder that needs nothing but the conversation: what it says depends on what was said
//! before and on nothing else, so that the memory of a session can be seen and tested offline.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::tokens::{is_japanese, tokens};
use super::{Tokens, english, japanese};
use crate::prompt::{Message, Role, Turn};

/// Quotes what was said before when it is asked for it, and otherwise reflects on it, in
/// English or, to a message with Japanese characters, in Japanese.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    token_delay: Duration,
}

impl Embedded {
    /// A responder that pauses for `token_delay` before each token.
    #[must_use]
    pub const fn new(token_delay: Duration) -> Self {
        Self { token_delay }
    }

    pub(super) fn reply(self, turn: &Turn) -> Tokens {
        let pause = self.token_delay;
        stream::iter(tokens(&answer(turn)))
            .then(move |token| async move {
                // A sleep of zero still waits for the timer's next tick, a millisecond away.
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                Ok(token)
            })
            .boxed()
    }
}

/// The reply to the last message of `turn`.
fn answer(turn: &Turn) -> String {
    let Some((question, earlier)) = turn.messages.split_last() else {
        return String::new();
    };
    let talk = Talk::new(&question.content, earlier, turn.attempt);
    if question.content.chars().any(is_japanese) {
        japanese::answer(&talk)
    } else {
        english::answer(&talk)
    }
}

/// A conversation as a language answers it.
pub(super) struct Talk<'a> {
    /// What is to be answered.
    pub(super) question: &'a str,
    /// What the visitor said before, oldest first.
    pub(super) said: Vec<&'a str>,
    /// What was replied last.
    pub(super) last_reply: Option<&'a str>,
    /// How many replies to the question were dropped before.
    pub(super) attempt: usize,
}

impl<'a> Talk<'a> {
    fn new(question: &'a str, earlier: &'a [Message], attempt: u32) -> Self {
        let by = |role| {
            earlier
                .iter()
                .filter(move |message| message.role == role && !message.content.is_empty())
                .map(|message| message.content.as_str())
        };
        Self {
            question,
            said: by(Role::User).collect(),
            last_reply: by(Role::Assistant).next_back(),
            attempt: usize::try_from(attempt).unwrap_or(usize::MAX),
        }
    }

    /// The number of the question in the conversation, from one.
    pub(super) fn number(&self) -> usize {
        self.said.len() + 1
    }

    /// Which of `count` ways to phrase the reply: another one from message to message and from
    /// attempt to attempt.
    pub(super) fn phrasing(&self, count: usize) -> usize {
        self.said.len().wrapping_add(self.attempt) % count
    }

    /// The latest thing the visitor said that shares a word with the question.
    pub(super) fn said_about<W: PartialEq>(
        &self,
        words: impl Fn(&str) -> Vec<W>,
    ) -> Option<&'a str> {
        let asked = words(self.question);
        let shares = |text: &&str| words(text).iter().any(|word| asked.contains(word));
        // A question about the same matter is not the answer to it.
        let told = |text: &&str| !text.trim_end().ends_with(['?', '？']);
        self.said.iter().rev().copied().filter(told).find(shares)
    }
}

/// Longest quotation, in characters: a reply should stay readable.
const QUOTE_CHARACTERS_MAX: usize = 120;

/// `text` on one line, shortened with an ellipsis when it is long.
pub(super) fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reply to the last of `said`, when each one before was answered in turn.
    fn talk(said: &[&str]) -> String {
        let mut turn = Turn {
            messages: Vec::new(),
            attempt: 0,
        };
        let mut reply = String::new();
        for text in said {
            turn.messages.push(Message::user(*text));
            reply = answer(&turn);
            turn.messages.push(Message::assistant(&reply));
        }
        reply
    }

    fn assert_quotes(reply: &str, quoted: &str) {
        assert!(reply.contains(quoted), "{quoted:?} is not in {reply:?}");
    }

    #[test]
    fn asked_what_was_said_before_it_quotes_the_latest() {
        let reply = talk(&["I like tea.", "I live in Nara.", "What did I say before?"]);
        assert_quotes(&reply, "“I live in Nara.”");
    }

    #[test]
    fn asked_for_the_beginning_it_quotes_the_first() {
        let reply = talk(&["I like tea.", "I live in Nara.", "What did I say first?"]);
        assert_quotes(&reply, "“I like tea.”");
        assert!(!reply.contains("Nara"));
    }

    #[test]
    fn asked_for_everything_it_quotes_all_of_it_in_order() {
        let reply = talk(&["I like tea.", "I live in Nara.", "What did I say so far?"]);
        assert_quotes(&reply, "1. “I like tea.”\n2. “I live in Nara.”");
    }

    #[test]
    fn asked_about_a_matter_it_quotes_what_was_said_about_it() {
        let said = ["My name is Hanako.", "I like tea.", "What is my name?"];
        assert_quotes(&talk(&said), "“My name is Hanako.”");
    }

    #[test]
    fn asked_for_its_own_words_it_quotes_them() {
        let first = talk(&["I like tea."]);
        let reply = talk(&["I like tea.", "What did you say?"]);
        assert_quotes(&reply, &excerpt(&first));
    }

    #[test]
    fn asked_too_early_it_says_that_nothing_was_said() {
        assert_quotes(&talk(&["What did I say before?"]), "nothing yet");
        assert_quotes(&talk(&["さっき何て言いましたか？"]), "まだ何も");
    }

    #[test]
    fn otherwise_it_reflects_on_this_message_and_the_one_before() {
        let reply = talk(&["I like tea.", "The train was late."]);
        assert_quotes(&reply, "“The train was late.”");
        assert_quotes(&reply, "“I like tea.”");
    }

    #[test]
    fn japanese_is_answered_in_japanese_with_the_same_memory() {
        let reply = talk(&[
            "私の名前は花子です。",
            "お茶が好きです。",
            "さっき何て言った？",
        ]);
        assert_quotes(&reply, "「お茶が好きです。」");
        let reply = talk(&[
            "私の名前は花子です。",
            "お茶が好きです。",
            "私の名前は何ですか？",
        ]);
        assert_quotes(&reply, "「私の名前は花子です。」");
        let reply = talk(&["お茶が好きです。", "雨です。", "最初に何と言いましたか？"]);
        assert_quotes(&reply, "「お茶が好きです。」");
        let reply = talk(&["お茶が好きです。", "雨です。", "これまでの話をまとめて"]);
        assert_quotes(&reply, "1. 「お茶が好きです。」\n2. 「雨です。」");
        let reply = talk(&["お茶が好きです。", "雨です。"]);
        assert_quotes(&reply, "「雨です。」");
        assert_quotes(&reply, "「お茶が好きです。」");
    }

    #[test]
    fn the_same_conversation_gets_the_same_reply_and_another_attempt_another() {
        let turn = |attempt| Turn {
            messages: vec![Message::user("I like tea.")],
            attempt,
        };
        assert_eq!(answer(&turn(0)), answer(&turn(0)));
        assert_ne!(answer(&turn(0)), answer(&turn(1)));
    }

    #[test]
    fn a_long_text_is_quoted_short() {
        let quoted = excerpt(&"長い ".repeat(100));
        assert_eq!(quoted.chars().count(), QUOTE_CHARACTERS_MAX + 1);
        assert!(quoted.ends_with('…'));
    }

    #[tokio::test(start_paused = true)]
    async fn the_reply_comes_token_by_token_with_the_pause_asked_for() {
        let turn = Turn {
            messages: vec![Message::user("I like tea.")],
            attempt: 0,
        };
        let begun = tokio::time::Instant::now();
        let pause = Duration::from_millis(50);
        let said: Vec<String> = Embedded::new(pause)
            .reply(&turn)
            .map(|token| token.unwrap())
            .collect()
            .await;
        assert_eq!(said.concat(), answer(&turn));
        assert_eq!(begun.elapsed(), pause * u32::try_from(said.len()).unwrap());
    }
}
