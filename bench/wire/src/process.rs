//! Programs that are started for the run, on one CPU each, and ended with it.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A program and what it is told.
pub(crate) struct Program {
    words: Vec<OsString>,
    folder: Option<OsString>,
}

impl Program {
    /// This program, without words for it yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            words: vec![path.into()],
            folder: None,
        }
    }

    /// It is told these words too.
    pub(crate) fn with<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// It works in this folder.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Starts it as a server for this address, on this CPU.
    pub(crate) fn serve(&self, address: SocketAddr, cpu: usize) -> io::Result<Server> {
        let mut command = Command::new("taskset");
        command
            .arg("--cpu-list")
            .arg(cpu.to_string())
            .args(&self.words)
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        Ok(Server(command.spawn()?))
    }
}

/// A server that runs until this is dropped.
pub(crate) struct Server(Child);

impl Server {
    /// The number of its process.
    pub(crate) fn number(&self) -> u32 {
        self.0.id()
    }

    /// Whether it is still there.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either it goes, or it has gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
