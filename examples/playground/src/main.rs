//! Every session operation, to be clicked in a page and called over HTTP.

fn main() {}
