//! What went wrong with sessions elsewhere, tried on a running server by its URL.
//!
//! The server can be any: a [`Target`] says how a value is written into the session and read
//! back, how somebody logs in and out, and what else there is to attack. Each attack comes to a
//! verdict with a reason; `docs/security-requirements.md` has the requirements behind them.

mod attacks;
mod base64;
mod chance;
mod cookie_line;
mod http;
mod likeness;
mod options;
mod report;
mod site;
mod target;
mod verdict;

use std::fs;
use std::process::ExitCode;

use clap::Parser;

use crate::attacks::Attack;
use crate::options::Options;
use crate::report::Finding;
use crate::site::Site;
use crate::target::Target;
use crate::verdict::Stop;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, String> {
    if options.list {
        println!("{}", report::list(attacks::all()));
        return Ok(ExitCode::SUCCESS);
    }
    let attacks = wanted(&options.only)?;
    let site = site(options)?;
    is_as_described(&site)?;
    let mut findings = Vec::new();
    for attack in attacks {
        let attempt = (attack.run)(&site);
        let finding = Finding { attack, attempt };
        if !options.json {
            println!("{}", report::line(&finding));
        }
        findings.push(finding);
    }
    if options.json {
        println!("{:#}", report::as_json(&site.target.name, &findings));
    } else {
        println!("\n{}", report::summary(&findings));
    }
    if !site.listens() {
        return Err("nobody listens any more".into());
    }
    let failed = findings.iter().any(Finding::is_failure);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn wanted(only: &[String]) -> Result<Vec<Attack>, String> {
    let is_meant = |attack: &Attack, word: &str| {
        word == attack.name || word.eq_ignore_ascii_case(attack.requirement)
    };
    for word in only {
        if !attacks::all().any(|attack| is_meant(&attack, word)) {
            return Err(format!("there is no attack {word}: see --list"));
        }
    }
    let meant = |attack: &Attack| only.is_empty() || only.iter().any(|it| is_meant(attack, it));
    Ok(attacks::all().filter(meant).collect())
}

fn site(options: &Options) -> Result<Site, String> {
    let (Some(url), Some(path)) = (&options.url, &options.target) else {
        return Err("a URL and --target are needed".into());
    };
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| at(&error))?;
    let target = Target::parse(&text).map_err(|error| at(&error))?;
    Site::at(url, target, options.ids).map_err(|error| format!("{url}: {error}"))
}

/// Whoever describes the server wrongly would otherwise read of failures that are their own.
fn is_as_described(site: &Site) -> Result<(), String> {
    match site.owner() {
        Ok(_) => Ok(()),
        Err(Stop::Failed(why) | Stop::NotApplicable(why)) => Err(format!(
            "the server is not as the target describes it: {why}"
        )),
    }
}
