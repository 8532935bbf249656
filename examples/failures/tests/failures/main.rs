//! The program as it is run: against the playground on each framework, which withstands it, and
//! against a careless server that can be given one flaw for each attack, so that no attack is
//! blind.

mod careless;
mod playground;
mod program;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::careless::{Careless, OTHER_FLAWS};
use crate::playground::{FRAMEWORKS, Playground};

fn main() -> ExitCode {
    let mut trials = vec![
        Trial::test("a_server_without_a_flaw_withstands_every_attack", || {
            let server = Careless::without_a_flaw();
            program::Run::of_all(server.address(), &server.target()).must_withstand();
            Ok(())
        }),
        Trial::test(
            "what_cannot_be_attacked_is_neither_withstood_nor_failed",
            || {
                unusable();
                Ok(())
            },
        ),
    ];
    for framework in FRAMEWORKS {
        let name = format!("the_playground_on_{framework}_withstands_every_attack");
        trials.push(Trial::test(name, move || {
            let server = Playground::start(framework);
            program::Run::of_all(server.address(), playground::TARGET).must_withstand();
            Ok(())
        }));
    }
    let own_flaws = program::names_of_attacks().into_iter();
    let own_flaws = own_flaws.map(|attack| (attack.clone(), attack));
    let others = OTHER_FLAWS.map(|(flaw, attack)| (flaw.to_owned(), attack.to_owned()));
    for (flaw, attack) in own_flaws.chain(others) {
        let name = format!("the_flaw_is_found::{flaw}");
        trials.push(Trial::test(name, move || {
            let server = Careless::with(&flaw);
            program::Run::of(&attack, server.address(), &server.target()).must_fail();
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A wrong URL, a wrong description and a wrong attack are mistakes of whoever attacks.
fn unusable() {
    let server = Careless::without_a_flaw();
    let url = format!("http://{}", server.address());
    let elsewhere = server.target().replace("__Host-sid", "another");
    let target = program::TargetFile::of(&server.target());
    let wrong = program::TargetFile::of(&elsewhere);
    let misspelled = program::TargetFile::of("name = 'x'");
    for (arguments, why) in [
        (
            vec!["https://localhost", "--target", target.path()],
            "http://",
        ),
        (
            vec!["http://127.0.0.1:1", "--target", target.path()],
            "no answer",
        ),
        (vec![&*url, "--target", wrong.path()], "began no session"),
        (vec![&*url, "--target", misspelled.path()], "cookie"),
        (
            vec![&*url, "--target", target.path(), "--only", "nothing"],
            "no attack",
        ),
    ] {
        let output = program::command().args(&arguments).output();
        let output = output.expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(why), "{arguments:?}: {told}");
    }
}
