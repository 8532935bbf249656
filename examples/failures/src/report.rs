//! What is told about the attacks, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::attacks::Attack;
use crate::verdict::{Attempt, Stop};

/// An attack and what it came to.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) attack: Attack,
    pub(crate) attempt: Attempt,
}

impl Finding {
    const fn verdict(&self) -> &'static str {
        match self.attempt {
            Ok(()) => "withstood",
            Err(Stop::Failed(_)) => "FAILED",
            Err(Stop::NotApplicable(_)) => "not applicable",
        }
    }

    fn detail(&self) -> &str {
        match &self.attempt {
            Ok(()) => "",
            Err(Stop::Failed(detail) | Stop::NotApplicable(detail)) => detail,
        }
    }

    pub(crate) const fn is_failure(&self) -> bool {
        matches!(self.attempt, Err(Stop::Failed(_)))
    }
}

/// One line of the table, as soon as it is known.
pub(crate) fn line(finding: &Finding) -> String {
    let Attack {
        name, requirement, ..
    } = finding.attack;
    let (verdict, detail) = (finding.verdict(), finding.detail());
    let line = format!("{verdict:<14} {requirement:<5} {name:<18} {detail}");
    line.trim_end().to_owned()
}

/// How often each verdict was reached, and where each failure is known from.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let count = |verdict: &str| {
        let with = findings.iter().filter(|it| it.verdict() == verdict);
        with.count()
    };
    let mut text = format!(
        "{} withstood, {} FAILED, {} not applicable",
        count("withstood"),
        count("FAILED"),
        count("not applicable")
    );
    for finding in findings.iter().filter(|it| it.is_failure()) {
        let Attack {
            name,
            tried,
            elsewhere,
            ..
        } = finding.attack;
        // Writing to a text does not fail.
        let _ = write!(text, "\n\n{name}: {tried}");
        if !elsewhere.is_empty() {
            let _ = write!(text, "\n  elsewhere: {elsewhere}");
        }
    }
    text
}

/// All of it for a program.
pub(crate) fn as_json(target: &str, findings: &[Finding]) -> Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "name": finding.attack.name,
                "requirement": finding.attack.requirement,
                "elsewhere": finding.attack.elsewhere,
                "tried": finding.attack.tried,
                "verdict": finding.verdict().to_ascii_lowercase(),
                "detail": finding.detail(),
            })
        })
        .collect();
    json!({ "target": target, "findings": findings })
}

/// What there is to try.
pub(crate) fn list(attacks: impl Iterator<Item = Attack>) -> String {
    let lines = attacks.map(|attack| {
        let Attack {
            name,
            requirement,
            elsewhere,
            tried,
            ..
        } = attack;
        let line = format!("{requirement:<5} {name:<18} {tried}");
        if elsewhere.is_empty() {
            line
        } else {
            format!("{line}\n{:<24} elsewhere: {elsewhere}", "")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
