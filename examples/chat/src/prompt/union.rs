//! Copies of one conversation, in several sessions and with an account, and what they have
//! together.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use super::{ChatPrompt, Entry, Piece, Question, ReplyId};

/// A reply as far as it came.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) is_complete: bool,
}

impl ChatPrompt {
    /// The conversation that an account begins when it has forgotten the chapters before.
    #[must_use]
    pub fn blank(chapter: u64) -> Self {
        Self {
            entries: vec![Entry::Chapter(chapter)],
        }
    }

    /// Which of an account's conversations this is; `None` when it belongs to no account yet.
    #[must_use]
    pub fn chapter(&self) -> Option<u64> {
        let chapters = self.entries.iter().filter_map(|entry| match entry {
            Entry::Chapter(chapter) => Some(*chapter),
            Entry::Asked(_) | Entry::Said(_) => None,
        });
        chapters.max()
    }

    /// Everything that is in either of the two: the questions of this one and then those that
    /// only `other` has, each reply as far as either knows it. A question that was asked again
    /// waits for the reply of the last attempt. Of an earlier chapter nothing is left, since
    /// somebody forgot it; what belongs to no account joins any.
    ///
    /// What comes out is the same however often and in whichever order copies are united, but
    /// for the order of the questions.
    #[must_use]
    pub fn united(&self, other: &Self) -> Self {
        let chapter = self.chapter().max(other.chapter());
        let is_current = |copy: &&Self| copy.chapter().is_none() || copy.chapter() == chapter;
        let copies: Vec<&Self> = [self, other].into_iter().filter(is_current).collect();
        let questions = questions(copies.iter().flat_map(|copy| copy.questions()));
        let mut replies = replies(copies.iter().flat_map(|copy| copy.pieces()));
        let mut entries: Vec<Entry> = chapter.map(Entry::Chapter).into_iter().collect();
        for question in questions {
            let reply = question.reply;
            entries.push(Entry::Asked(question));
            entries.extend(replies.remove(&reply).map(|it| {
                Entry::Said(Piece {
                    reply,
                    at: 0,
                    text: it.text,
                    last: it.is_complete,
                })
            }));
        }
        Self { entries }
    }

    /// True when the two say the same, into however many pieces replies are cut.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let nothing = Self::default();
        self.united(&nothing) == other.united(&nothing)
    }
}

/// Each question once, as it was asked last, in the order in which they came first.
fn questions<'a>(asked: impl Iterator<Item = (usize, &'a Question)>) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let mut places = HashMap::new();
    for (_, question) in asked {
        match places.entry(question.id) {
            Place::Vacant(place) => {
                place.insert(questions.len());
                questions.push(question.clone());
            }
            Place::Occupied(place) => {
                let known = &mut questions[*place.get()];
                // Asked again in two places at once, one of them is taken, the same everywhere.
                if (known.attempt, known.reply) < (question.attempt, question.reply) {
                    *known = question.clone();
                }
            }
        }
    }
    questions
}

/// The replies, each put together from its pieces. A piece may be there several times, cut in
/// several ways.
pub(super) fn replies<'a>(pieces: impl Iterator<Item = &'a Piece>) -> HashMap<ReplyId, Reply> {
    let mut sorted: HashMap<ReplyId, Vec<&Piece>> = HashMap::new();
    for piece in pieces {
        sorted.entry(piece.reply).or_default().push(piece);
    }
    let replies = sorted.into_iter().map(|(id, mut pieces)| {
        pieces.sort_by_key(|piece| piece.at);
        (id, pieces.into_iter().fold(Reply::default(), Reply::and))
    });
    replies.collect()
}

impl Reply {
    fn and(mut self, piece: &Piece) -> Self {
        let known = (self.text.len() as u64).checked_sub(piece.at);
        let known = known.and_then(|known| usize::try_from(known).ok());
        // Where something is missing in between, what comes after it is not shown.
        if let Some(known) = known {
            self.text.push_str(piece.text.get(known..).unwrap_or(""));
            self.is_complete |= piece.last;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    fn prompt(entries: impl IntoIterator<Item = Entry>) -> ChatPrompt {
        ChatPrompt {
            entries: entries.into_iter().collect(),
        }
    }

    fn asked(id: u64, text: &str) -> Entry {
        Entry::Asked(Question::new(ReplyId(id), text.into()))
    }

    fn said(reply: u64, at: u64, text: &str, last: bool) -> Entry {
        Entry::Said(Piece {
            reply: ReplyId(reply),
            at,
            text: text.into(),
            last,
        })
    }

    fn turn(id: u64, text: &str) -> [Entry; 2] {
        [asked(id, text), said(id, 0, text, true)]
    }

    #[test]
    fn what_either_copy_has_is_in_the_union_and_the_first_copy_comes_first() {
        let one = prompt([turn(1, "both"), turn(2, "one")].concat());
        let other = prompt([turn(3, "other"), turn(1, "both")].concat());
        let told: Vec<String> = one
            .united(&other)
            .messages()
            .into_iter()
            .map(|it| it.content)
            .collect();
        assert_eq!(told, ["both", "both", "one", "one", "other", "other"]);
    }

    #[test]
    fn uniting_again_changes_nothing() {
        let one = prompt([turn(1, "a"), turn(2, "b")].concat());
        let other = prompt([asked(2, "b"), said(2, 0, "b", true), asked(3, "c")]);
        let union = one.united(&other);
        for copy in [&one, &other, &union] {
            assert_eq!(union.united(copy), union);
            assert!(copy.united(&union).united(&one).messages().len() == union.messages().len());
        }
    }

    #[test]
    fn a_reply_is_as_long_as_the_copy_that_knows_most_of_it_however_it_is_cut() {
        let whole = prompt([asked(1, "?"), said(1, 0, "猫と茶", true)]);
        let pieces = prompt([
            asked(1, "?"),
            said(1, 0, "猫", false),
            said(1, 3, "と", false),
        ]);
        for union in [whole.united(&pieces), pieces.united(&whole)] {
            assert_eq!(union.messages()[1], Message::assistant("猫と茶"));
        }
        assert!(!whole.says_the_same_as(&pieces));
    }

    #[test]
    fn a_piece_that_comes_after_the_copy_that_has_it_already_is_not_told_twice() {
        let prompt = prompt([
            asked(1, "?"),
            said(1, 0, "so far so good", true),
            said(1, 6, " so good", true),
        ]);
        assert_eq!(prompt.messages()[1], Message::assistant("so far so good"));
    }

    #[test]
    fn what_comes_after_a_gap_is_not_shown() {
        let prompt = prompt([
            asked(1, "?"),
            said(1, 0, "so", false),
            said(1, 6, " good", true),
        ]);
        let reply = &prompt.messages()[1];
        assert_eq!((reply.content.as_str(), reply.complete), ("so", false));
    }

    #[test]
    fn the_last_attempt_at_a_reply_is_the_one_that_is_left() {
        let before = prompt(turn(1, "first"));
        let mut after = before.clone();
        after.ask_again(ReplyId(2));
        after.entries.push(said(2, 0, "second", true));
        for union in [before.united(&after), after.united(&before)] {
            let expected = [Message::user("first"), Message::assistant("second")];
            assert_eq!(union.messages(), expected);
        }
    }

    #[test]
    fn one_attempt_is_left_of_two_at_once_and_everywhere_the_same() {
        let before = prompt(turn(1, "?"));
        let again = |reply, text| {
            let mut copy = before.clone();
            copy.ask_again(ReplyId(reply));
            copy.entries.push(said(reply, 0, text, true));
            copy
        };
        let (one, other) = (again(2, "one"), again(3, "other"));
        assert_eq!(one.united(&other).messages(), other.united(&one).messages());
        assert_eq!(one.united(&other).messages().len(), 2);
    }

    #[test]
    fn a_chapter_that_was_forgotten_anywhere_is_forgotten_everywhere() {
        let stale = prompt([&[Entry::Chapter(4)][..], &turn(1, "old")].concat());
        let fresh = prompt([&[Entry::Chapter(5)][..], &turn(2, "new")].concat());
        for union in [stale.united(&fresh), fresh.united(&stale)] {
            assert_eq!(union, fresh);
        }
        assert_eq!(stale.united(&ChatPrompt::blank(5)).messages(), []);
    }

    #[test]
    fn what_belongs_to_no_account_joins_any_chapter() {
        let anonymous = prompt(turn(1, "before the login"));
        let saved = ChatPrompt::blank(7).united(&prompt(turn(2, "saved")));
        let union = saved.united(&anonymous);
        assert_eq!(union.chapter(), Some(7));
        assert_eq!(union.messages().len(), 4);
    }

    #[test]
    fn into_how_many_pieces_a_reply_is_cut_makes_no_difference() {
        let cut = prompt([asked(1, "?"), said(1, 0, "a", false), said(1, 1, "b", true)]);
        let whole = prompt([asked(1, "?"), said(1, 0, "ab", true)]);
        assert!(cut.says_the_same_as(&whole));
        assert!(!cut.says_the_same_as(&ChatPrompt::blank(0).united(&cut)));
    }
}
