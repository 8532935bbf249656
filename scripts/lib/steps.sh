# Running steps: which and where, a heading, the step's own output, its duration, and the account
# at the end. Sourced by scripts/test and scripts/release; the step NAME is the function `step_NAME`.
# shellcheck shell=bash

# Ends the script unless the first argument is one of the others. Whoever sources this has `usage`.
known_step() {
    local named=$1 step
    shift
    for step in "$@"; do
        [[ $step == "$named" ]] && return
    done
    usage >&2
    fail "there is no step '$named'"
}

set_environment() {
    # One folder for every step, also where the configuration of this machine names another.
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}"
    if [[ $CARGO_TARGET_DIR != /* ]]; then
        CARGO_TARGET_DIR="$PWD/$CARGO_TARGET_DIR"
    fi
    # A run from scratch gains nothing from incremental compilation and pays for it on disk.
    if [[ ${CI:-} == true ]]; then
        export CARGO_INCREMENTAL=0
    fi
    if [[ ! -t 1 ]]; then
        export NO_COLOR=1
    fi
}

run_steps() {
    local -a account=()
    local step passed=0 failed=0
    for step in "$@"; do
        run_step "$step"
        if ((step_status == 0)); then
            account+=("$(printf '%-13s passed %5d s' "$step" "$step_seconds")")
            passed=$((passed + 1))
        else
            account+=("$(printf '%-13s FAILED %5d s' "$step" "$step_seconds")")
            failed=$((failed + 1))
        fi
    done
    printf '\n== steps\n'
    printf '%s\n' "${account[@]}"
    printf '%d passed, %d failed, %d s\n' "$passed" "$failed" "$SECONDS"
    ((failed == 0))
}

# Leaves the outcome in `step_status` and the duration in `step_seconds` instead of returning it:
# bash ignores `set -e` in everything that runs under an `if`, and a step of several commands has
# to end at the first that fails.
run_step() {
    local started=$SECONDS
    printf '\n== %s\n' "$1"
    set +e
    (
        set -e
        "step_$1"
    )
    step_status=$?
    set -e
    step_seconds=$((SECONDS - started))
}
