//! What no test of behaviour can show, read from the sources: how tags are compared, how maps are
//! hashed, and that nothing weakens the cookie behind an application's back.

use crate::files::{Source, library_sources};

/// Lines of library code before the unit tests, without comments.
fn code_of(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.numbered_lines();
    let lines = lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]");
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

fn has_word(line: &str, words: &[&str]) -> bool {
    let mut own = line.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    own.any(|word| words.contains(&word))
}

/// `hmac::verify` takes the same time wherever tags differ (ring documents it); a comparison of
/// one's own would not.
#[test]
fn tags_are_compared_by_ring_alone() {
    let compares = |line: &str| {
        [
            "==",
            "!=",
            ".eq(",
            "starts_with(",
            "ends_with(",
            "matches!(",
        ]
        .iter()
        .any(|comparison| line.contains(comparison))
    };
    let of_tags = ["tag", "tags", "mac", "hmac", "signature", "signatures"];
    let by_hand = found(|line| compares(line) && has_word(line, &of_tags) && !is_record_tag(line));
    assert!(by_hand.is_empty(), "\n{}", by_hand.join("\n"));

    let by_ring = found(|line| line.contains("hmac::verify("));
    assert_eq!(by_ring.len(), 2, "tokens and forms: {by_ring:?}");
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
