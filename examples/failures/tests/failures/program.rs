//! The program under test, and what it reports.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// How many ids are looked at: fewer than an operator would, so that the test is fast.
const IDS: &str = "1000";

pub(crate) fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_failures"))
}

/// What `--list` tells.
pub(crate) fn names_of_attacks() -> Vec<String> {
    let output = command().arg("--list").output().expect("the program runs");
    let listed = String::from_utf8(output.stdout).expect("names are text");
    let lines = listed.lines().filter(|line| !line.starts_with(' '));
    let names = lines.filter_map(|line| line.split_whitespace().nth(1));
    names.map(str::to_owned).collect()
}

/// A run that has ended.
pub(crate) struct Run {
    status: Option<i32>,
    /// Verdicts and details by the names of the attacks.
    findings: BTreeMap<String, (String, String)>,
}

impl Run {
    pub(crate) fn of_all(address: SocketAddr, target: &str) -> Self {
        Self::with(&[], address, target)
    }

    pub(crate) fn of(attack: &str, address: SocketAddr, target: &str) -> Self {
        Self::with(&["--only", attack], address, target)
    }

    fn with(only: &[&str], address: SocketAddr, target: &str) -> Self {
        let target = TargetFile::of(target);
        let url = format!("http://{address}");
        let output = command()
            .args([&url, "--json", "--ids", IDS, "--target", target.path()])
            .args(only)
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&told)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let findings = report["findings"].as_array().expect("findings are a list");
        let text = |finding: &Value, member: &str| {
            let text = finding[member].as_str();
            text.expect("a finding is made of texts").to_owned()
        };
        let findings = findings.iter().map(|finding| {
            let verdict = (text(finding, "verdict"), text(finding, "detail"));
            (text(finding, "name"), verdict)
        });
        Self {
            status: output.status.code(),
            findings: findings.collect(),
        }
    }

    /// Every attack was withstood, but for what needs a cookie that is kept or partitioned.
    pub(crate) fn must_withstand(&self) {
        let unharmed = |(name, (verdict, _)): (&String, &(String, String))| match name.as_str() {
            "lifetime" | "partitioned" => verdict == "not applicable",
            _ => verdict == "withstood",
        };
        let harmed: Vec<_> = self.findings.iter().filter(|it| !unharmed(*it)).collect();
        assert!(harmed.is_empty(), "{harmed:#?}");
        assert_eq!(self.status, Some(0));
        assert_eq!(self.findings.len(), names_of_attacks().len());
    }

    /// The one attack that was run found its flaw.
    pub(crate) fn must_fail(&self) {
        for (name, (verdict, _)) in &self.findings {
            assert_eq!(verdict, "failed", "{name} is blind");
        }
        assert_eq!((self.findings.len(), self.status), (1, Some(1)));
    }
}

/// A target description in a file, for as long as it is needed.
pub(crate) struct TargetFile(PathBuf);

impl TargetFile {
    pub(crate) fn of(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("target-{}-{number}.toml", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("the folder of tests can be written to");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0
            .to_str()
            .expect("the folder of tests has a plain name")
    }
}

impl Drop for TargetFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
