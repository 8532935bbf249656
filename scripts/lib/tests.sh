# Running the tests of the workspace: with which features, and among which servers. Sourced by
# scripts/test and scripts/secrets.
# shellcheck shell=bash

# The benchmark brings the peers it compares with. Features unite across a build, so with it in
# the same one the other crates would be tested with what the peers ask for.
readonly without_bench=(--locked --workspace --exclude bench --all-features)

# What the tests run inside of: nothing, or the program testbed, which starts the servers, tells
# the tests where they are, and stops them.
tests_inside=()

start_servers() {
    cargo build --locked --package testbed
    tests_inside=("$CARGO_TARGET_DIR/debug/testbed")
}

# Runs the tests, with more arguments for cargo and, after `--`, for the tests: those that nextest
# and `cargo test` both understand.
#
# nextest stops a test that hangs (.config/nextest.toml); plain `cargo test` runs the same tests
# where it is not installed.
run_tests() {
    if have cargo-nextest; then
        "${tests_inside[@]}" cargo nextest run "${without_bench[@]}" --no-fail-fast "$@"
    else
        "${tests_inside[@]}" cargo test "${without_bench[@]}" --no-fail-fast \
            --lib --bins --tests --examples "$@"
    fi
}
