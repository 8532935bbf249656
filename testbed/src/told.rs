//! Everything that programs and servers of a test run print, kept for a scan.
//!
//! Only where `TESTS_TELL_ALL` names a folder, as `scripts/secrets` has it; otherwise nothing
//! here does anything.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

/// Names the folder.
const VARIABLE: &str = "TESTS_TELL_ALL";

/// Where what a program prints is kept: a file of its own in the folder of the run.
#[derive(Debug)]
pub struct Told(File);

impl Told {
    /// A file for one program, which is told to log all that there is to log; `None` in an
    /// ordinary run.
    ///
    /// # Panics
    /// When there is a folder and nothing can be written to it.
    pub fn of(program: &mut Command) -> Option<Self> {
        let name = Path::new(program.get_program()).file_stem()?.to_owned();
        let told = Self::in_folder("programs", &name.to_string_lossy())?;
        program.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "0");
        Some(told)
    }

    /// A file for what a server wrote to its log.
    pub(crate) fn of_server(name: &str) -> Option<Self> {
        Self::in_folder("servers", name)
    }

    fn in_folder(kind: &str, name: &str) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = PathBuf::from(env::var_os(VARIABLE)?).join(kind);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{name}-{}-{number}.log", process::id()));
        let open = || {
            fs::create_dir_all(&folder)?;
            OpenOptions::new().create(true).append(true).open(&path)
        };
        match open() {
            Ok(file) => Some(Self(file)),
            Err(error) => panic!("{VARIABLE}: {}: {error}", path.display()),
        }
    }

    /// Keeps what comes out of `output`, to its end.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub fn keep(mut self, mut output: impl io::Read) -> io::Result<()> {
        io::copy(&mut output, &mut self.0).map(drop)
    }

    /// The file itself, for a program that writes there.
    #[must_use]
    pub fn into_file(self) -> File {
        self.0
    }
}
