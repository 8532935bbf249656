//! The thread that starts all servers.
//!
//! A server is told to die with its parent, and to the kernel the parent is the thread that
//! started it: one that lives as long as the process does.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

type Order = (Command, Sender<io::Result<Child>>);

/// Starts `command` from the thread that lives as long as the process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| Mutex::new(start()));
    let (answer, answered) = channel();
    let gone = || io::Error::other("the thread that starts servers is gone");
    keeper
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn start() -> Sender<Order> {
    let (orders, ordered) = channel::<Order>();
    thread::spawn(move || {
        for (mut command, answer) in ordered {
            // Whoever asked may have given up; the child then dies with the process.
            let _ = answer.send(command.spawn());
        }
    });
    orders
}
