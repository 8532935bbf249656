//! The conversation, kept in one session attribute.
//!
//! It is a list of [`Entry`]s that grows by `append_attribute` alone, so that any number of
//! replies may be streamed into one session at once without a conflict: only the new piece
//! travels, never the conversation. A question names the reply that it waits for, and the
//! pieces of a reply carry that name. Therefore
//!
//! - two tabs may talk at the same time: pieces are told apart by name, not by position;
//! - a reply exists as far as its pieces do, and is complete when the last one is there: a
//!   client that vanished and a process that was killed both leave an incomplete reply, and
//!   nothing has to be repaired;
//! - asking again, or forgetting everything, takes the name away. Pieces of a stream that is
//!   still running then belong to nothing and are not shown;
//! - every entry says by itself what it is part of and where, so that two copies of one
//!   conversation can be united in any order and any number of times: see
//!   [`ChatPrompt::united`].
//!
//! The two changes that do need to see the conversation, asking again and forgetting, go
//! through `update_attribute`, which is replayed when another request was faster.

mod union;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use session_core::{Entropy, EntropyError, SessionAttribute};

/// The conversation of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatPrompt {
    entries: Vec<Entry>,
}

impl SessionAttribute for ChatPrompt {
    const NAME: &'static str = "chat_prompt";
}

/// What is appended to a [`ChatPrompt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Which of the conversations of an account this is: each time it forgets one, the next
    /// chapter begins. Absent as long as the conversation belongs to no account.
    Chapter(u64),
    /// Something the visitor said.
    Asked(Question),
    /// A piece of a reply.
    Said(Piece),
}

/// Something the visitor said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The first reply that the question waited for, which is what it is known by.
    pub id: ReplyId,
    /// The reply that the question waits for.
    pub reply: ReplyId,
    /// How many replies were dropped in favour of that one.
    pub attempt: u32,
    /// What was said.
    pub text: String,
}

/// A piece of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The reply.
    pub reply: ReplyId,
    /// How many bytes of the reply come before this piece.
    pub at: u64,
    /// What was said.
    pub text: String,
    /// True for the piece that completes the reply.
    pub last: bool,
}

/// The name of a reply: 64 random bits, since parallel requests cannot agree on a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplyId(u64);

impl ReplyId {
    /// Draws a name.
    ///
    /// # Errors
    /// [`EntropyError`] when the source of random bytes fails.
    pub fn draw(entropy: &impl Entropy) -> Result<Self, EntropyError> {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes)?;
        Ok(Self(u64::from_le_bytes(bytes)))
    }
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The visitor.
    User,
    /// The responder.
    Assistant,
}

/// One message of the conversation, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
    /// False for a reply that was stopped, or is still being made.
    pub complete: bool,
}

impl Question {
    /// A question that was never asked before, and waits for `reply`.
    #[must_use]
    pub fn new(reply: ReplyId, text: String) -> Self {
        Self {
            id: reply,
            reply,
            attempt: 0,
            text,
        }
    }
}

impl Message {
    /// What the visitor said.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            content: content.into(),
            complete: true,
        }
    }

    /// A complete reply.
    #[must_use]
    pub fn assistant(content: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
            complete: true,
        }
    }
}

/// A question that is to be answered, with everything that was said before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The conversation up to the question, which is the last message.
    pub messages: Vec<Message>,
    /// How many replies to the question were dropped before.
    pub attempt: u32,
}

impl ChatPrompt {
    /// The messages in the order of the questions, each reply directly behind its question,
    /// also when several replies were made at the same time.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.shown(self.entries.len())
    }

    /// The turn that waits for `reply`, or `None` when none does: the conversation was
    /// forgotten, or the question was asked again.
    #[must_use]
    pub fn turn(&self, reply: ReplyId) -> Option<Turn> {
        let (at, question) = self
            .questions()
            .find(|(_, question)| question.reply == reply)?;
        let mut messages = self.shown(at);
        messages.push(Message::user(&question.text));
        Some(Turn {
            messages,
            attempt: question.attempt,
        })
    }

    /// Drops the reply to the last question, as far as it came, and lets the question wait
    /// for `reply` instead. Nothing changes when there is no question.
    pub fn ask_again(&mut self, reply: ReplyId) {
        let mut backwards = self.entries.iter_mut().rev();
        let Some(question) = backwards.find_map(Entry::as_question) else {
            return;
        };
        question.reply = reply;
        question.attempt = question.attempt.saturating_add(1);
        self.drop_strays();
    }

    /// Forgets the conversation.
    pub fn forget(&mut self) {
        self.entries.clear();
    }

    /// An upper bound of the bytes that the conversation occupies in the session.
    #[must_use]
    pub fn size_bound(&self) -> usize {
        let texts = self.entries.iter().map(|entry| match entry {
            Entry::Chapter(_) => 0,
            Entry::Asked(question) => question.text.len(),
            Entry::Said(piece) => piece.text.len(),
        });
        Entry::size_bound(Self::NAME.len()) + texts.map(Entry::size_bound).sum::<usize>()
    }

    fn questions(&self) -> impl Iterator<Item = (usize, &Question)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| match entry {
                Entry::Asked(question) => Some((at, question)),
                Entry::Chapter(_) | Entry::Said(_) => None,
            })
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Chapter(_) | Entry::Asked(_) => None,
            Entry::Said(piece) => Some(piece),
        })
    }

    /// The questions before the entry at `end`, each with its reply as far as there is one.
    fn shown(&self, end: usize) -> Vec<Message> {
        let mut replies = union::replies(self.pieces());
        let mut messages = Vec::new();
        for (_, question) in self.questions().take_while(|(at, _)| *at < end) {
            messages.push(Message::user(&question.text));
            messages.extend(replies.remove(&question.reply).map(|reply| Message {
                role: Role::Assistant,
                content: reply.text,
                complete: reply.is_complete,
            }));
        }
        messages
    }

    /// Drops the pieces that no question waits for, so that they take no room.
    fn drop_strays(&mut self) {
        let awaited: HashSet<ReplyId> = self.questions().map(|(_, it)| it.reply).collect();
        self.entries.retain(|entry| match entry {
            Entry::Chapter(_) | Entry::Asked(_) => true,
            Entry::Said(piece) => awaited.contains(&piece.reply),
        });
    }
}

impl Entry {
    /// More bytes than an entry occupies in the session besides its text: the names of the
    /// variant and the fields, three numbers and the length of the text, in MessagePack.
    const OVERHEAD_BYTES: usize = 64;

    /// An upper bound of the bytes that an entry with a text of `text_bytes` occupies.
    #[must_use]
    pub const fn size_bound(text_bytes: usize) -> usize {
        text_bytes.saturating_add(Self::OVERHEAD_BYTES)
    }

    fn as_question(&mut self) -> Option<&mut Question> {
        match self {
            Self::Asked(question) => Some(question),
            Self::Chapter(_) | Self::Said(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: ReplyId = ReplyId(1);
    const SECOND: ReplyId = ReplyId(2);
    const AGAIN: ReplyId = ReplyId(3);

    fn prompt(entries: impl IntoIterator<Item = Entry>) -> ChatPrompt {
        ChatPrompt {
            entries: entries.into_iter().collect(),
        }
    }

    fn asked(reply: ReplyId, text: &str) -> Entry {
        Entry::Asked(Question::new(reply, text.into()))
    }

    /// The beginning of a reply.
    fn said(reply: ReplyId, text: &str, last: bool) -> Entry {
        went_on(reply, 0, text, last)
    }

    fn went_on(reply: ReplyId, at: u64, text: &str, last: bool) -> Entry {
        Entry::Said(Piece {
            reply,
            at,
            text: text.into(),
            last,
        })
    }

    #[test]
    fn two_conversations_at_once_are_told_apart_and_each_reply_follows_its_question() {
        let prompt = prompt([
            asked(FIRST, "one?"),
            asked(SECOND, "two?"),
            said(SECOND, "tw", false),
            said(FIRST, "one!", true),
            went_on(SECOND, 2, "o!", true),
        ]);
        let expected = [
            Message::user("one?"),
            Message::assistant("one!"),
            Message::user("two?"),
            Message::assistant("two!"),
        ];
        assert_eq!(prompt.messages(), expected);
    }

    #[test]
    fn a_reply_without_its_last_piece_is_incomplete() {
        let prompt = prompt([asked(FIRST, "?"), said(FIRST, "so far", false)]);
        let reply = &prompt.messages()[1];
        assert_eq!((reply.content.as_str(), reply.complete), ("so far", false));
    }

    #[test]
    fn a_turn_knows_what_was_said_before_it_and_nothing_of_what_came_after() {
        let prompt = prompt([
            asked(FIRST, "one?"),
            said(FIRST, "one!", true),
            asked(SECOND, "two?"),
            asked(AGAIN, "three?"),
        ]);
        let turn = prompt.turn(SECOND).unwrap();
        let expected = [
            Message::user("one?"),
            Message::assistant("one!"),
            Message::user("two?"),
        ];
        assert_eq!(turn.messages, expected);
        assert_eq!(turn.attempt, 0);
    }

    #[test]
    fn asking_again_drops_the_reply_and_ignores_the_rest_of_its_stream() {
        let mut prompt = prompt([asked(FIRST, "?"), said(FIRST, "begun", false)]);
        prompt.ask_again(AGAIN);
        prompt.entries.push(went_on(FIRST, 5, " and ended", true));
        assert_eq!(prompt.messages(), [Message::user("?")]);
        assert_eq!(prompt.turn(AGAIN).unwrap().attempt, 1);
        assert_eq!(prompt.turn(FIRST), None);
    }

    #[test]
    fn a_question_whose_reply_never_came_can_be_asked_again() {
        let mut prompt = prompt([asked(FIRST, "?")]);
        prompt.ask_again(AGAIN);
        assert!(prompt.turn(AGAIN).is_some());
    }

    #[test]
    fn without_a_question_there_is_nothing_to_ask_again() {
        let mut nothing = ChatPrompt::default();
        nothing.ask_again(AGAIN);
        assert_eq!(nothing, ChatPrompt::default());
    }

    #[test]
    fn asking_again_also_removes_what_earlier_streams_left_behind() {
        let mut prompt = prompt([
            said(SECOND, "of a forgotten conversation", true),
            asked(FIRST, "?"),
            said(FIRST, "!", true),
        ]);
        prompt.ask_again(AGAIN);
        assert_eq!(prompt.entries.len(), 1);
    }

    #[test]
    fn a_forgotten_conversation_stays_forgotten_while_its_last_reply_still_streams() {
        let mut prompt = prompt([asked(FIRST, "?"), said(FIRST, "be", false)]);
        prompt.forget();
        prompt.entries.push(went_on(FIRST, 2, "gun", true));
        assert_eq!(prompt.messages(), []);
    }

    #[test]
    fn the_size_bound_is_never_below_what_the_session_stores() {
        let prompt = prompt([
            Entry::Chapter(u64::MAX),
            asked(ReplyId(u64::MAX), &"x".repeat(70_000)),
            went_on(ReplyId(u64::MAX), u64::MAX, "", true),
            went_on(ReplyId(u64::MAX), u64::MAX, &"y".repeat(300), false),
        ]);
        let mut stored = Vec::new();
        let mut encoder = rmp_serde::Serializer::new(&mut stored).with_struct_map();
        prompt.serialize(&mut encoder).unwrap();
        assert!(stored.len() + ChatPrompt::NAME.len() <= prompt.size_bound());
    }
}
