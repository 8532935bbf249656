//! The program itself, as a service manager sees it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use session_core::testkit::note_secret;
use testbed::Told;

use super::FRAMEWORK;
use super::site::{Folder, Visitor};

/// How long the program may take to end: ten seconds of grace, and something to spare.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. It ends with the test that started it.
pub(crate) struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(token_delay_ms: u32) -> Self {
        Self::start_with(token_delay_ms, &[])
    }

    /// With more arguments.
    pub(crate) fn start_with(token_delay_ms: u32, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
        command
            .args(["--framework", &FRAMEWORK.to_string()])
            .args(["--listen", "127.0.0.1:0"])
            .args(["--token-delay-ms", &token_delay_ms.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(told) = Told::of(&mut command) {
            command.stderr(told.into_file());
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().into();
        Self { child, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) {
        self.signal("KILL");
        self.ended().await;
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    async fn ended(mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn either_signal_lets_replies_end_and_ends_the_program_well() {
    for signal in ["TERM", "INT"] {
        let program = Program::start(5);
        let visitor = Visitor::new(&program.url);
        let reply = visitor.say("I like tea.").await;
        program.signal(signal);
        assert!(!reply.text().await.unwrap().is_empty());
        assert!(program.ended().await.success(), "{signal}");
    }
}

#[tokio::test]
async fn a_reply_that_takes_too_long_for_a_stop_is_broken_off_and_the_program_ends_well() {
    let program = Program::start(1_000);
    let visitor = Visitor::new(&program.url);
    let reply = visitor.say("I like tea.").await;
    program.signal("TERM");
    assert!(
        reply.text().await.is_err(),
        "an end would mean a complete reply"
    );
    assert!(program.ended().await.success());
}

#[test]
fn a_program_whose_sessions_would_outlive_its_accounts_does_not_start() {
    let program = Command::new(env!("CARGO_BIN_EXE_chat"))
        .args(["--listen", "127.0.0.1:0", "--accounts", "memory"])
        .args(["--store", "redis://:hunter2@127.0.0.1:1"])
        .output()
        .unwrap();
    let told = String::from_utf8(program.stderr).unwrap();
    assert!(!program.status.success());
    assert!(told.contains("--accounts memory"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_program_that_was_killed_and_started_again_has_forgotten_nothing() {
    let folder = Folder::create();
    outlives_its_program(&["--store", &folder.sqlite()]).await;
}

/// Sessions, accounts and conversations are there again when a program with these `arguments` was
/// killed and another is started.
pub(crate) async fn outlives_its_program(arguments: &[&str]) {
    let secret = ["--secret", "mGv3xQ9rTn5LwZc8KfYb2HdPj7SuAe4V"];
    note_secret(secret[1]);
    let arguments = [arguments, &secret].concat();
    let program = Program::start_with(0, &arguments);
    let laptop = Visitor::new(program.url());
    assert_eq!(laptop.register("ada").await.status(), 201);
    laptop.talk("I like tea.").await;
    let anonymous = Visitor::new(program.url());
    anonymous.talk("I have no account.").await;
    let (hers, theirs) = (laptop.history().await, anonymous.history().await);
    program.kill().await;

    let program = Program::start_with(0, &arguments);
    let laptop = laptop.moved_to(program.url());
    assert_eq!(laptop.account().await.as_deref(), Some("ada"));
    assert_eq!(laptop.history().await, hers);
    assert_eq!(anonymous.moved_to(program.url()).history().await, theirs);
    let phone = Visitor::new(program.url());
    assert_eq!(phone.log_in("ada").await.status(), 200);
    assert_eq!(phone.history().await, hers);
}
