//! The engine and the crate `cookie` read the same line, and find the same values of the
//! session cookie.
//!
//! They differ on purpose in one thing: the crate trims all white space of Unicode, the engine
//! only spaces and tabs, as RFC 6265bis has it. A name with other white space around it is
//! another name, for browsers let it pass where they would not let `__Host-` pass; and other
//! white space around a value belongs to the value. Neither gives a meaning to quotes,
//! backslashes, `$Version` or percent signs (the crate only where it is asked to).
//!
//! The crate reads text, so lines that are not UTF-8 are left to `cookie_lines`.

use cookie::Cookie;

use crate::lines::{BYTES_MAX, NAME, VALUES_MAX, expand};
use crate::site::on_site;

/// One request with the first of the lines that `data` stands for.
pub fn run(data: &[u8]) {
    on_site(|site| {
        let lines = expand(data, &site.known);
        let Ok(line) = std::str::from_utf8(&lines[0]) else {
            return;
        };
        if line.len() > BYTES_MAX {
            return;
        }
        let mut values = read_by_crate(line);
        values.truncate(VALUES_MAX);
        let outcome = site.visit(&[line.as_bytes().to_vec()]);
        assert_eq!(outcome, site.expected(&values));
    });
}

/// The values of the session cookie that the crate finds, without those that are found on
/// purpose by the crate alone.
fn read_by_crate(line: &str) -> Vec<Vec<u8>> {
    let mut theirs = Cookie::split_parse(line)
        .filter_map(Result::ok)
        .filter(|cookie| cookie.name() == NAME)
        .map(|cookie| cookie.value().to_owned());
    let mut ours = Vec::new();
    for pair in line.split(';') {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        if name.trim() != NAME {
            continue;
        }
        let their_value = theirs
            .next()
            .expect("the crate finds the cookie of this name");
        let value = value.trim_matches([' ', '\t']);
        // White space that only the crate takes away.
        assert_eq!(their_value, value.trim());
        if name.trim_matches([' ', '\t']) == NAME {
            ours.push(value.as_bytes().to_vec());
        }
    }
    assert_eq!(
        theirs.next(),
        None,
        "the crate finds a cookie that is not there"
    );
    ours
}
