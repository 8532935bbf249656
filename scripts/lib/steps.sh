# Running steps: a heading, the step's own output, its duration, and the account at the end.
# Sourced by scripts/test; the step NAME is the function `step_NAME`.
# shellcheck shell=bash

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
