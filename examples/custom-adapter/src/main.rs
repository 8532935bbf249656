//! A fourth framework.

fn main() {}
