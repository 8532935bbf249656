//! What no test of behaviour can show, read from the sources: how tags are compared, that random
//! bytes are not kept, who may read files, how maps are hashed, and that nothing weakens the cookie
//! behind an application's back.

use crate::files::{Source, library_sources};

/// Lines of library code, without comments.
fn code_of(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.library_lines();
    lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
}

/// Every line of library code that `is_found` objects to.
fn found(is_found: impl Fn(&str) -> bool) -> Vec<String> {
    let sources = library_sources();
    assert!(sources.len() > 20, "the sources are not read");
    let mut found = Vec::new();
    for source in &sources {
        for (number, line) in code_of(source).filter(|(_, line)| is_found(line)) {
            found.push(format!(
                "{}:{number}: {}",
                source.path.display(),
                line.trim()
            ));
        }
    }
    found
}

/// The same in the one file whose path ends with `path`.
fn found_in(path: &str, is_found: impl Fn(&str) -> bool) -> Vec<String> {
    let sources = library_sources();
    let mut of_path = sources.iter().filter(|source| source.path.ends_with(path));
    let (Some(source), None) = (of_path.next(), of_path.next()) else {
        panic!("{path} is not one file");
    };
    code_of(source)
        .filter(|(_, line)| is_found(line))
        .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
        .collect()
}

fn has_word(line: &str, words: &[&str]) -> bool {
    let mut own = line.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    own.any(|word| words.contains(&word))
}

fn compares(line: &str) -> bool {
    [
        "==",
        "!=",
        ".eq(",
        ".ne(",
        ".cmp(",
        "starts_with(",
        "ends_with(",
        "strip_prefix(",
        "strip_suffix(",
        "contains(",
        "position(",
        "matches!(",
    ]
    .iter()
    .any(|comparison| line.contains(comparison))
}

/// `hmac::verify` takes the same time wherever tags differ (ring documents it); a comparison of
/// one's own would not.
#[test]
fn tags_are_compared_by_ring_alone() {
    let of_tags = ["tag", "tags", "mac", "hmac", "signature", "signatures"];
    let by_hand = found(|line| compares(line) && has_word(line, &of_tags) && !is_record_tag(line));
    assert!(by_hand.is_empty(), "\n{}", by_hand.join("\n"));

    // Where a tag is at hand it may have any name.
    for file in [
        "session-core/src/cookie/signature.rs",
        "session-core/src/cookie/csrf.rs",
        "session-core/src/session/csrf.rs",
    ] {
        assert_eq!(found_in(file, compares), [""; 0]);
    }

    let by_ring = found(|line| line.contains("hmac::verify("));
    assert_eq!(by_ring.len(), 2, "tokens and forms: {by_ring:?}");
}

/// Where random bytes could wait for their use, in memory that a fork copies. Besides, ring
/// documents that its generator asks the operating system for all that it delivers.
#[test]
fn random_bytes_are_kept_nowhere() {
    const PLACES: [&str; 12] = [
        "static",
        "thread_local",
        "Cell",
        "RefCell",
        "OnceCell",
        "LazyCell",
        "OnceLock",
        "LazyLock",
        "Mutex",
        "RwLock",
        "Vec",
        "Box",
    ];
    let entropy = "session-core/src/entropy.rs";
    let kept = found_in(entropy, |line| {
        has_word(&line.replace("'static", ""), &PLACES)
    });
    assert_eq!(kept, [""; 0]);

    let drawn = found(|line| line.contains(".fill("));
    let drawn = drawn.iter().map(|it| {
        let (_, line) = it.rsplit_once(": ").expect("a place and a line");
        line
    });
    let mut drawn: Vec<_> = drawn.collect();
    drawn.sort_unstable();
    let expected = [
        // The wait of a writer, the nonce of a form, a key, the generator itself, an id: each into
        // an array of its own.
        "engine.entropy.fill(&mut chance)?;",
        "engine.entropy.fill(&mut nonce)?;",
        "entropy.fill(&mut bytes)?;",
        "self.0.fill(buffer).map_err(|_| EntropyError)",
        "self.entropy.fill(&mut bytes)?;",
    ];
    assert_eq!(drawn, expected);
}

/// Whoever opens a file before its rights are changed keeps it open.
#[test]
fn no_file_is_made_for_others_and_closed_to_them_later() {
    let changed = found(|line| has_word(line, &["set_permissions", "chmod", "fchmod"]));
    assert!(changed.is_empty(), "\n{}", changed.join("\n"));
    let of_any_rights = found(|line| {
        let ways = ["File::create", "fs::write(", "fs::copy(", ".create(true)"];
        ways.iter().any(|way| line.contains(way))
    });
    assert!(of_any_rights.is_empty(), "\n{}", of_any_rights.join("\n"));
    let made = found(|line| line.contains(".create_new(true)"));
    let private = found(|line| line.contains("0o600)"));
    assert_eq!(made.len(), 2, "a snapshot and a database: {made:?}");
    assert_eq!(private.len(), 2, "{private:?}");
}

/// The byte before an entry of a snapshot, which is no secret.
fn is_record_tag(line: &str) -> bool {
    line.contains("Entry::forward(")
}

/// The maps of the standard library draw a secret for themselves. Sessions in memory are placed
/// by a digest of random bits.
#[test]
fn no_map_is_hashed_without_a_secret() {
    let hashers = [
        "FxHashMap",
        "FxHasher",
        "FnvHashMap",
        "FnvHasher",
        "AHasher",
        "DefaultHasher",
        "BuildHasherDefault",
        "NoHashHasher",
    ];
    let mut weak = found(|line| has_word(line, &hashers));
    // Is in no build but that of the tests of interleavings, which have to be played again alike.
    weak.retain(|line| !line.contains("src/sync/shuttled.rs:"));
    assert!(weak.is_empty(), "\n{}", weak.join("\n"));
    assert!(
        !found(|line| has_word(line, &["HashMap", "HashSet"])).is_empty(),
        "the maps are not read"
    );
}

#[test]
fn no_library_code_weakens_the_cookie() {
    let weakening = [
        ".secure(false)",
        ".http_only(false)",
        ".same_site(SameSite::None)",
    ];
    let weak = found(|line| weakening.iter().any(|call| line.contains(call)));
    assert!(weak.is_empty(), "\n{}", weak.join("\n"));
    let safe = found(|line| matches!(line.trim(), "secure: true," | "http_only: true,"));
    assert_eq!(safe.len(), 2, "the defaults are not read: {safe:?}");
}
