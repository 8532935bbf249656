//! What the embedded responder says in English.

use super::embedded::{Talk, excerpt};

pub(super) fn answer(talk: &Talk<'_>) -> String {
    let question = talk.question.to_lowercase();
    let asks = |phrases: &[&str]| phrases.iter().any(|phrase| question.contains(phrase));

    if asks(OWN_WORDS) {
        return match talk.last_reply {
            Some(reply) => format!("The last thing I said was: {}", quoted(reply)),
            None => "I have said nothing yet; this is my first reply.".into(),
        };
    }
    let about = || talk.said_about(words);
    if !asks(RECALL) {
        return match about().filter(|_| question.contains('?')) {
            Some(said) => format!("You told me earlier: {}", quoted(said)),
            None => reflection(talk),
        };
    }
    match talk.said.as_slice() {
        [] => "You have told me nothing yet; this is your first message.".into(),
        [first, ..] if asks(FIRST) => format!("The first thing you said was: {}", quoted(first)),
        said if asks(EVERYTHING) => format!("So far you have said:\n{}", listed(said)),
        [.., last] => match about() {
            Some(said) => format!("About that you said: {}", quoted(said)),
            None => format!("Just before this you said: {}", quoted(last)),
        },
    }
}

const OWN_WORDS: &[&str] = &[
    "did you say",
    "you said",
    "did you answer",
    "your last reply",
];
const RECALL: &[&str] = &[
    "did i say",
    "did i tell",
    "did i ask",
    "did i mention",
    "did i write",
    "have i said",
    "have i told",
    "i said",
    "i told you",
    "remember",
    "remind me",
    "repeat",
    "summar",
    "so far",
    "my first message",
    "my last message",
];
const FIRST: &[&str] = &["first", "at the beginning", "at the start"];
const EVERYTHING: &[&str] = &["so far", "everything", "summar", " all "];

fn reflection(talk: &Talk<'_>) -> String {
    let now = sentence(talk.question);
    let (Some(first), Some(before)) = (talk.said.first(), talk.said.last()) else {
        return match talk.phrasing(2) {
            0 => format!(
                "You begin with {now} I will keep that in mind for as long as this session \
                 lives. Tell me more, or ask me later what you said."
            ),
            _ => format!(
                "So your first words are {now} What made you think of that today? Whatever \
                 you answer, I will still know how we began."
            ),
        };
    };
    let (before, number) = (sentence(before), talk.number());
    match talk.phrasing(3) {
        0 => format!(
            "You say {now} A moment ago it was {before} Do the two belong together for you, or \
             did your thoughts wander?"
        ),
        1 => format!(
            "This is message {number} of our conversation: {now} It follows {before} What would \
             you add if you had only one more sentence?"
        ),
        _ => format!(
            "First {before} Then {now} We have come some way since {} What matters most to you \
             in all this?",
            sentence(first)
        ),
    }
}

/// The quoted text as the end of a sentence.
fn sentence(text: &str) -> String {
    let text = excerpt(text);
    let ended = text.ends_with(['.', '!', '?', '…', '。', '！', '？']);
    format!("“{text}{}”", if ended { "" } else { "." })
}

fn listed(said: &[&str]) -> String {
    let lines = said.iter().zip(1..);
    let lines = lines.map(|(text, number)| format!("{number}. {}", quoted(text)));
    lines.collect::<Vec<_>>().join("\n")
}

fn quoted(text: &str) -> String {
    format!("“{}”", excerpt(text))
}

/// The words that say what a sentence is about.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| word.chars().count() > 2 && !COMMON.contains(word))
        .map(str::to_owned)
        .collect()
}

/// Words of three letters and more that say nothing about what a sentence is about.
const COMMON: &[&str] = &[
    "about",
    "again",
    "all",
    "and",
    "any",
    "are",
    "ask",
    "asked",
    "before",
    "but",
    "can",
    "could",
    "did",
    "does",
    "earlier",
    "ever",
    "for",
    "from",
    "had",
    "has",
    "have",
    "her",
    "his",
    "how",
    "into",
    "its",
    "just",
    "know",
    "last",
    "let",
    "like",
    "many",
    "mention",
    "mentioned",
    "more",
    "much",
    "now",
    "our",
    "out",
    "please",
    "really",
    "remember",
    "remind",
    "repeat",
    "said",
    "say",
    "she",
    "should",
    "some",
    "tell",
    "that",
    "the",
    "them",
    "then",
    "there",
    "they",
    "thing",
    "this",
    "told",
    "too",
    "very",
    "was",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "write",
    "wrote",
    "yes",
    "yet",
    "you",
    "your",
];
