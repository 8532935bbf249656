//! What the embedded responder says in Japanese.

use super::embedded::{Talk, excerpt};

pub(super) fn answer(talk: &Talk<'_>) -> String {
    let asks = |phrases: &[&str]| phrases.iter().any(|phrase| talk.question.contains(phrase));

    if asks(OWN_WORDS) {
        return match talk.last_reply {
            Some(reply) => format!("私は最後に{}と言いました。", quoted(reply)),
            None => "私はまだ何も言っていません。これが最初の返事です。".into(),
        };
    }
    let about = || talk.said_about(words);
    if !asks(RECALL) {
        return match about().filter(|_| asks(QUESTION)) {
            Some(said) => format!("前に{}と話してくれましたね。", quoted(said)),
            None => reflection(talk),
        };
    }
    match talk.said.as_slice() {
        [] => "まだ何も聞いていません。これが最初のメッセージです。".into(),
        [first, ..] if asks(FIRST) => format!("最初の言葉は{}でした。", quoted(first)),
        said if asks(EVERYTHING) => format!("これまでに聞いたことです。\n{}", listed(said)),
        [.., last] => match about() {
            Some(said) => format!("それについては{}と言っていました。", quoted(said)),
            None => format!("この前は{}と言っていました。", quoted(last)),
        },
    }
}

const OWN_WORDS: &[&str] = &["あなたは何", "あなたは何て", "あなたの返事", "君は何"];
const RECALL: &[&str] = &[
    "何て言",
    "なんて言",
    "何と言",
    "何を言",
    "何を話",
    "何の話",
    "言ったこと",
    "話したこと",
    "覚えて",
    "繰り返",
    "くり返",
    "まとめ",
    "これまで",
    "今まで",
    "最初のメッセージ",
    "最後のメッセージ",
];
const FIRST: &[&str] = &["最初", "はじめ", "初め"];
const EVERYTHING: &[&str] = &["まとめ", "これまで", "今まで", "全部", "すべて"];
const QUESTION: &[&str] = &[
    "?",
    "？",
    "ですか",
    "ますか",
    "でしたか",
    "ましたか",
    "何",
    "誰",
];

fn reflection(talk: &Talk<'_>) -> String {
    let now = quoted(talk.question);
    let (Some(first), Some(before)) = (talk.said.first(), talk.said.last()) else {
        return match talk.phrasing(2) {
            0 => format!(
                "{now}から始まりましたね。このセッションが続くあいだ覚えています。\
                 もっと聞かせてください。後で何と言ったか尋ねてもかまいません。"
            ),
            _ => format!(
                "最初の言葉は{now}ですね。今日はどうしてそう思ったのでしょう。\
                 何を答えても、始まりは忘れません。"
            ),
        };
    };
    let (before, number) = (quoted(before), talk.number());
    match talk.phrasing(3) {
        0 => format!(
            "{now}ですね。さっきは{before}でした。二つはつながっていますか、\
             それとも考えが移りましたか。"
        ),
        1 => format!(
            "これで{number}つ目のメッセージです。{now}の前は{before}でした。\
             あと一言だけ足すなら、何と言いますか。"
        ),
        _ => format!(
            "{before}から{now}へ。{}から始まって、ここまで来ました。\
             いちばん大切なのはどこですか。",
            quoted(first)
        ),
    }
}

fn listed(said: &[&str]) -> String {
    let lines = said.iter().zip(1..);
    let lines = lines.map(|(text, number)| format!("{number}. {}", quoted(text)));
    lines.collect::<Vec<_>>().join("\n")
}

fn quoted(text: &str) -> String {
    format!("「{}」", excerpt(text))
}

/// The runs of kanji, katakana or Latin letters in `text`, which carry the meaning of a
/// Japanese sentence; hiragana carries its grammar.
fn words(text: &str) -> Vec<String> {
    let script = |character: char| match character {
        '\u{30a1}'..='\u{30ff}' => Some(Script::Katakana),
        '\u{3400}'..='\u{9fff}' => Some(Script::Kanji),
        _ if character.is_ascii_alphanumeric() => Some(Script::Latin),
        _ => None,
    };
    let characters: Vec<char> = text.to_lowercase().chars().collect();
    characters
        .chunk_by(|one, next| script(*one) == script(*next))
        .filter(|run| run.len() > 1 && script(run[0]).is_some())
        .map(|run| run.iter().collect())
        .filter(|word: &String| !COMMON.contains(&word.as_str()))
        .collect()
}

#[derive(PartialEq)]
enum Script {
    Kanji,
    Katakana,
    Latin,
}

/// Words that say nothing about what a sentence is about.
const COMMON: &[&str] = &["最初", "最後", "今日", "先程", "何度", "全部", "以前"];
