//! The servers there are: how each is set up, started and asked whether it is ready.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::folder::Folder;
use crate::programs::{Program, User, command, give, run};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A single Redis.
    Redis,
    /// A Redis Cluster of three masters.
    RedisCluster,
    /// PostgreSQL.
    Postgres,
    /// MariaDB, which speaks the protocol of MySQL.
    MariaDb,
    /// A single Valkey. Not every distribution has it.
    Valkey,
}

/// What of a server's data survives its death.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that a test may count on: the fastest.
    #[default]
    None,
    /// Everything that was acknowledged.
    Acknowledged,
}

/// Where a node of a cluster is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The port on which it talks to the other nodes.
    pub(crate) bus: u16,
    /// The port that it tells clients, where that is another one than its own.
    pub(crate) announced: Option<u16>,
}

impl Kind {
    /// The kinds that every machine for tests has.
    pub const ALL: [Self; 4] = [
        Self::Redis,
        Self::RedisCluster,
        Self::Postgres,
        Self::MariaDb,
    ];

    /// The environment variable with the URL of the server that tests share.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Redis => "TESTBED_REDIS",
            Self::RedisCluster => "TESTBED_REDIS_CLUSTER",
            Self::Postgres => "TESTBED_POSTGRES",
            Self::MariaDb => "TESTBED_MARIADB",
            Self::Valkey => "TESTBED_VALKEY",
        }
    }

    /// True when a server of this kind can be started here.
    #[must_use]
    pub fn is_installed(self) -> bool {
        self.program().find().is_ok()
    }

    pub(crate) const fn program(self) -> Program {
        match self {
            Self::Redis | Self::RedisCluster => Program::REDIS,
            Self::Postgres => Program::POSTGRES,
            Self::MariaDb => Program::MARIADB,
            Self::Valkey => Program::VALKEY,
        }
    }

    const fn user(self) -> User {
        match self {
            Self::Redis | Self::RedisCluster | Self::Valkey => User::Same,
            Self::Postgres => User::InsteadOfRoot("postgres"),
            Self::MariaDb => User::InsteadOfRoot("mysql"),
        }
    }

    /// Where clients connect to a server on `port`.
    pub(crate) fn url(self, port: u16) -> String {
        match self {
            Self::Redis | Self::RedisCluster | Self::Valkey => format!("redis://127.0.0.1:{port}"),
            Self::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Self::MariaDb => format!("mysql://testbed:testbed@127.0.0.1:{port}/testbed"),
        }
    }

    /// Makes the files that a server needs before its first start.
    pub(crate) fn prepare(self, folder: &Folder) -> Result<(), Error> {
        give(folder.path(), self.user())?;
        let data = folder.join("data");
        match self {
            Self::Redis | Self::RedisCluster | Self::Valkey => Ok(()),
            Self::Postgres => {
                let mut initdb = command(Program::INITDB, self.user())?;
                initdb.current_dir(folder.path()).arg("-D").arg(data);
                initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
                initdb.args(["--locale=C.UTF-8", "--no-sync"]);
                run(Program::INITDB, &mut initdb).map(drop)
            }
            Self::MariaDb => {
                let mut install = command(Program::MARIADB_INSTALL, self.user())?;
                install.current_dir(folder.path()).arg("--no-defaults");
                // One that starts clears its folder for temporary files of what others have there.
                install.env("TMPDIR", folder.path());
                install.arg(format!("--datadir={}", data.display()));
                install.arg("--auth-root-authentication-method=normal");
                install.arg("--skip-test-db");
                run(Program::MARIADB_INSTALL, &mut install).map(drop)
            }
        }
    }

    /// The command that starts a server on `port` with its files in `folder`. A node of a
    /// cluster talks to the others on its bus.
    pub(crate) fn start(
        self,
        folder: &Folder,
        port: u16,
        node: Option<Node>,
        durability: Durability,
    ) -> Result<Command, Error> {
        let mut start = command(self.program(), self.user())?;
        start.current_dir(folder.path());
        let is_durable = durability == Durability::Acknowledged;
        let (port, place) = (port.to_string(), folder.path().display());
        match self {
            Self::Redis | Self::RedisCluster | Self::Valkey => {
                start.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]);
                start.args(["--appendonly", if is_durable { "yes" } else { "no" }]);
                start.args(["--appendfsync", "always", "--dir", "."]);
                if let Some(Node { bus, announced }) = node {
                    start.args(["--cluster-enabled", "yes"]);
                    start.args(["--cluster-port", &bus.to_string()]);
                    if let Some(announced) = announced {
                        start.args(["--cluster-announce-port", &announced.to_string()]);
                    }
                    start.args(["--cluster-config-file", "nodes.conf"]);
                    start.args(["--cluster-node-timeout", "2000"]);
                }
            }
            Self::Postgres => {
                start.args(["-D", "data", "-p", &port]);
                start.args(["-c", "listen_addresses=127.0.0.1"]);
                start.args(["-c", &format!("unix_socket_directories={place}")]);
                start.args(["-c", "max_connections=300"]);
                if !is_durable {
                    start.args(["-c", "fsync=off", "-c", "synchronous_commit=off"]);
                    start.args(["-c", "full_page_writes=off"]);
                }
            }
            Self::MariaDb => {
                start.arg("--no-defaults");
                start.arg(format!("--tmpdir={place}"));
                start.arg(format!("--datadir={place}/data"));
                start.arg(format!("--socket={place}/socket"));
                start.arg(format!("--pid-file={place}/pid"));
                start.arg(format!("--port={port}"));
                start.args(["--bind-address=127.0.0.1", "--skip-log-bin"]);
                start.args(["--skip-name-resolve", "--innodb-buffer-pool-size=64M"]);
                start.arg("--max-connections=300");
                let flush = if is_durable { 1 } else { 0 };
                start.arg(format!("--innodb-flush-log-at-trx-commit={flush}"));
            }
        }
        Ok(start)
    }

    /// True when the server answers clients.
    pub(crate) fn is_ready(self, folder: &Folder, port: u16) -> Result<bool, Error> {
        match self {
            Self::Redis | Self::RedisCluster | Self::Valkey => Ok(answers_ping(port)),
            Self::Postgres => {
                let mut isready = Command::new(Program::PG_ISREADY.find()?);
                isready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
                let status = isready.args(["-U", "postgres"]).status();
                Ok(status
                    .map_err(Error::system("running pg_isready"))?
                    .success())
            }
            Self::MariaDb => Ok(mariadb(folder, "SELECT 1").is_ok()),
        }
    }

    /// What is left to be done once the server has answered for the first time.
    pub(crate) fn furnish(self, folder: &Folder) -> Result<(), Error> {
        if self != Self::MariaDb {
            return Ok(());
        }
        mariadb(
            folder,
            "CREATE DATABASE testbed; \
             CREATE USER testbed@'127.0.0.1' IDENTIFIED BY 'testbed'; \
             GRANT ALL ON *.* TO testbed@'127.0.0.1'",
        )
    }
}

fn mariadb(folder: &Folder, statements: &str) -> Result<(), Error> {
    let mut client = Command::new(Program::MARIADB_CLI.find()?);
    client.args(["--no-defaults", "-u", "root", "-S"]);
    client.arg(folder.join("socket")).args(["-e", statements]);
    run(Program::MARIADB_CLI, &mut client).map(drop)
}

/// A Redis that still reads its files answers with an error.
fn answers_ping(port: u16) -> bool {
    let ping = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer == *b"+PONG")
    };
    ping().unwrap_or(false)
}
