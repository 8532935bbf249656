//! What `deny.toml` says about licences and bans, and SPDX expressions judged by it.

/// The part of `deny.toml` that is judged on every run, also without cargo-deny.
#[derive(Debug)]
pub(crate) struct Policy {
    allowed: Vec<String>,
    banned: Vec<String>,
}

impl Policy {
    /// Reads the lists `allow` and `deny`: one entry a line, its name in the line's first quotes.
    pub(crate) fn from_deny_toml(text: &str) -> Self {
        Self {
            allowed: list(text, "allow = ["),
            banned: list(text, "deny = ["),
        }
    }

    /// Whether an SPDX expression can be satisfied with allowed licences. `/` is the `OR` of
    /// older manifests. No expression, no licence.
    pub(crate) fn allows(&self, expression: &str) -> bool {
        let spaced = expression
            .replace('/', " OR ")
            .replace('(', " ( ")
            .replace(')', " ) ");
        let words: Vec<_> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        self.any(&mut rest) && rest.is_empty()
    }

    /// Whether a crate of this name is banned.
    pub(crate) fn bans(&self, name: &str) -> bool {
        self.banned.iter().any(|banned| banned == name)
    }

    fn any(&self, words: &mut &[&str]) -> bool {
        let mut allowed = self.all(words);
        while take(words, "OR") {
            allowed |= self.all(words);
        }
        allowed
    }

    fn all(&self, words: &mut &[&str]) -> bool {
        let mut allowed = self.one(words);
        while take(words, "AND") {
            allowed &= self.one(words);
        }
        allowed
    }

    fn one(&self, words: &mut &[&str]) -> bool {
        if take(words, "(") {
            let allowed = self.any(words);
            return take(words, ")") && allowed;
        }
        let Some((licence, rest)) = words.split_first() else {
            return false;
        };
        *words = rest;
        // An exception only adds permissions to the licence it follows.
        if take(words, "WITH") {
            *words = words.get(1..).unwrap_or_default();
        }
        self.allowed.iter().any(|allowed| allowed == licence)
    }
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

fn list(text: &str, head: &str) -> Vec<String> {
    let entries: Vec<_> = text
        .lines()
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| *line != "]")
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    assert!(!entries.is_empty(), "deny.toml has no list '{head}'");
    entries
}

#[test]
fn an_expression_is_allowed_when_a_choice_of_allowed_licences_satisfies_it() {
    let policy = Policy {
        allowed: vec!["MIT".into(), "ISC".into()],
        banned: Vec::new(),
    };
    for allowed in [
        "MIT",
        "MIT/X",
        "X OR ISC",
        "MIT AND ISC",
        "(X OR MIT) AND ISC",
        "X OR MIT WITH E",
    ] {
        assert!(policy.allows(allowed), "{allowed}");
    }
    for refused in [
        "",
        "X",
        "X AND MIT",
        "(X OR Y) AND ISC",
        "X WITH E",
        "MIT ISC",
        "(MIT",
    ] {
        assert!(!policy.allows(refused), "{refused}");
    }
}
