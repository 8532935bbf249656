//! The programs of the servers: where they are, and as whom they run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// A program, and the package of Debian that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

impl Program {
    pub(crate) const REDIS: Self = Self::new("redis-server", "redis-server");
    pub(crate) const VALKEY: Self = Self::new("valkey-server", "valkey-server");
    pub(crate) const REDIS_CLI: Self = Self::new("redis-cli", "redis-server");
    pub(crate) const INITDB: Self = Self::new("initdb", "postgresql");
    pub(crate) const POSTGRES: Self = Self::new("postgres", "postgresql");
    pub(crate) const PG_ISREADY: Self = Self::new("pg_isready", "postgresql");
    pub(crate) const MARIADB_INSTALL: Self = Self::new("mariadb-install-db", "mariadb-server");
    pub(crate) const MARIADB: Self = Self::new("mariadbd", "mariadb-server");
    pub(crate) const MARIADB_CLI: Self = Self::new("mariadb", "mariadb-server");
    const SETPRIV: Self = Self::new("setpriv", "util-linux");

    const fn new(name: &'static str, package: &'static str) -> Self {
        Self { name, package }
    }

    /// Where it is: in the path, or where Debian puts servers that are not.
    pub(crate) fn find(self) -> Result<PathBuf, Error> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<_> = std::env::split_paths(&path).collect();
        folders.push("/usr/sbin".into());
        folders.extend(postgresql_folders());
        let places = folders.iter().map(|folder| folder.join(self.name));
        let mut found = places.filter(|place| place.is_file());
        found.next().ok_or(Error::Missing {
            program: self.name,
            package: self.package,
        })
    }
}

/// Debian keeps the programs of each release of PostgreSQL apart; the newest comes first.
fn postgresql_folders() -> Vec<PathBuf> {
    let Ok(releases) = Path::new("/usr/lib/postgresql").read_dir() else {
        return Vec::new();
    };
    let mut folders: Vec<_> = releases.flatten().map(|it| it.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

/// As whom a program runs. Databases refuse to run as root.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User {
    /// As whoever runs the test.
    Same,
    /// As this user, when root runs the test.
    InsteadOfRoot(&'static str),
}

impl User {
    /// The name of the user that a program has to run as; `None` for the present one.
    pub(crate) fn other(self) -> Option<&'static str> {
        match self {
            Self::InsteadOfRoot(name) if rustix::process::geteuid().is_root() => Some(name),
            Self::InsteadOfRoot(_) | Self::Same => None,
        }
    }
}

/// A command for `program` that runs as `user` and does not outlive who starts it.
pub(crate) fn command(program: Program, user: User) -> Result<Command, Error> {
    let mut command = Command::new(Program::SETPRIV.find()?);
    if let Some(name) = user.other() {
        command.arg(format!("--reuid={name}"));
        command.arg(format!("--regid={name}"));
        command.arg("--init-groups");
    }
    command.args([OsStr::new("--pdeathsig"), OsStr::new("KILL")]);
    command.arg(program.find()?);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Runs `command` to its end, and answers what it printed.
pub(crate) fn run(program: Program, command: &mut Command) -> Result<String, Error> {
    let output = command
        .output()
        .map_err(Error::system("running a program"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed {
        program: program.name.into(),
        status: output.status.to_string(),
        output: text,
    })
}

/// Gives a folder to the user that the program in it runs as.
pub(crate) fn give(folder: &Path, user: User) -> Result<(), Error> {
    let Some(name) = user.other() else {
        return Ok(());
    };
    let mut command = Command::new("chown");
    command.arg("-R").arg(format!("{name}:{name}")).arg(folder);
    let chown = Program::new("chown", "coreutils");
    run(chown, &mut command).map(drop)
}
