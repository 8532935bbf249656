# The crates that are published, each after those it builds on. Sourced by scripts/test and
# scripts/release.
# shellcheck shell=bash disable=SC2034 # read by those who source it

readonly published=(
    session-core
    adapter-tower
    adapter-axum
    adapter-warp
    adapter-actix
    store-redis
    store-sql
)

# The features of session-core; no other crate has any.
readonly features=(testkit tracing metrics)
