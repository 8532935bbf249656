//! What happens to sessions outside of requests: tasks, sockets, an administrator, the sweep.

use session_core::{Session, SessionError};

use super::book::{Edit, Wish};
use super::check;
use super::world::{MOMENT, Socket, World};

impl World<'_> {
    pub(super) fn run_task(&mut self) {
        let value = self.fresh();
        let Some(mut task) = self.tasks.pop_front() else {
            return;
        };
        let outcome = task.session.append_attribute("list", &value);
        if check::may_change(&self.book, &task.wish, true, outcome) {
            task.wish.edits.push((Edit::Append, value));
        }
        drop(task.session);
        self.given.pass(MOMENT);
        self.book.commit_untold(&mut task.wish);
    }

    pub(super) fn open_socket(&mut self, tab: usize) {
        let Some(open) = &self.tabs[tab] else {
            return;
        };
        // Of a session that is stored and stays under its id for now.
        if open.wish.who.is_none() || open.wish.ends || !open.wish.is_empty() {
            return;
        }
        let wish = Wish {
            who: open.wish.who,
            id: open.wish.id,
            ..Wish::default()
        };
        let accessor = open.handles[0].accessor().unwrap();
        self.sockets.insert(0, Socket { accessor, wish });
    }

    pub(super) fn access(&mut self, socket: usize) {
        let value = self.fresh();
        let Some(socket) = self.sockets.get(socket) else {
            return;
        };
        let access = socket
            .accessor
            .access(async |session: Session| session.append_attribute("list", &value));
        let outcome = self.given.in_a_while(access);
        let (who, id) = (socket.wish.who.unwrap(), socket.wish.id);
        if self.book.is_usable(who, id) {
            let mut wish = Wish {
                who: Some(who),
                id,
                edits: vec![(Edit::Append, value)],
                ..Wish::default()
            };
            let told = check::told(&outcome);
            assert_eq!(told, self.book.commit(&mut wish, told));
        } else {
            let refused = matches!(outcome, Err(SessionError::Gone | SessionError::Moved));
            assert!(refused, "a dead id gives access: {outcome:?}");
        }
    }

    pub(super) fn end_all(&mut self, name: &str) {
        let sessions = self.given.site.sessions();
        let ended = self.given.in_a_while(sessions.end_sessions_of(name));
        assert_eq!(ended.unwrap(), self.book.end_all(name));
    }

    pub(super) fn sweep(&mut self) {
        let sessions = self.given.site.sessions();
        self.given.in_a_while(sessions.sweep()).unwrap();
        let live = (0..self.book.sessions.len()).filter(|&who| self.book.is_live(who));
        assert_eq!(self.given.sessions_stored(), live.count(), "after a sweep");
    }
}
