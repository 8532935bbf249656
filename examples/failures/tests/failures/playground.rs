//! The playground as an operator starts it.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The frameworks that it knows.
pub(crate) const FRAMEWORKS: [&str; 3] = ["axum", "actix", "warp"];

/// The description that is shipped.
pub(crate) const TARGET: &str = include_str!("../../targets/playground.toml");

/// A running playground. Dropping it kills it.
pub(crate) struct Playground {
    address: SocketAddr,
    child: Child,
}

impl Playground {
    /// Starts it as it is for HTTPS, on a free port.
    pub(crate) fn start(framework: &str) -> Self {
        let mut child = Command::new(program())
            .args(["--framework", framework, "--listen", "127.0.0.1:0"])
            .args(["--secret", "kK3vN8sQ1xW7bZ5mT9pR2cY6dF4gH0jL"])
            .env_remove("PLAYGROUND_SECRET")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the playground starts");
        let stdout = child.stdout.take().expect("its output is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("the playground prints a line");
        let address = line.trim_end().strip_prefix("listening on http://");
        Self {
            address: address
                .and_then(|address| address.parse().ok())
                .unwrap_or_else(|| panic!("the playground says where it listens, not {line:?}")),
            child,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program: the one that `PLAYGROUND_PROGRAM` names, or that was built beside this test, as
/// it is when the whole workspace is tested; otherwise it is built.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = env::var_os("PLAYGROUND_PROGRAM") {
            return named.into();
        }
        let own = env::current_exe().expect("a test knows where it is");
        let mut folder = own.parent().expect("a test is in a folder");
        if folder.ends_with("deps") {
            folder = folder.parent().expect("deps is in a folder");
        }
        let program = folder.join(format!("playground{}", env::consts::EXE_SUFFIX));
        if !program.exists() {
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--locked", "--package", "playground"]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            let built = build.status().expect("cargo runs");
            assert!(built.success(), "the playground builds");
        }
        program
    })
}
