//! `Cookie` lines of any bytes: the engine finds the values of the session cookie that RFC
//! 6265bis finds, in their order and no more than it has a mind to, judges each as it deserves,
//! and turns away all that is no token.

use crate::lines::{expand, values};
use crate::site::on_site;

/// One request with the lines that `data` stands for; see [`expand`].
pub fn run(data: &[u8]) {
    on_site(|site| {
        let lines = expand(data, &site.known);
        assert_eq!(site.visit(&lines), site.expected(&values(&lines)));
    });
}
