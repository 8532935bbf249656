# Building and running the programs of fuzz/ on a stable compiler. Sourced by scripts/fuzz and
# scripts/test.
# shellcheck shell=bash

# What cargo-fuzz asks a nightly compiler for, in words that a stable one knows: counters on every
# edge, and the operands of comparisons. Without a sanitizer, since no crate here has unsafe code.
readonly fuzz_flags='-Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing'

# The longest input, in bytes. What is worth saying is said in less, and small inputs are fast.
readonly fuzz_len_max=512

fuzz_targets() {
    local target
    for target in fuzz/fuzz_targets/*.rs; do
        basename "$target" .rs
    done
}

# Prints the target triple of this machine. It is named in every build, so that what runs at
# build time is not instrumented.
fuzz_triple() {
    rustc --version --verbose | sed -n 's/^host: //p'
}

fuzz_folder() {
    local folder=${CARGO_TARGET_DIR:-target}/fuzz
    [[ $folder == /* ]] || folder=$PWD/$folder
    printf '%s\n' "$folder"
}

# Answers with cargo, told where and how to build.
fuzz_cargo() {
    RUSTFLAGS=${fuzz_flags//$'\n'/ } cargo "$1" --locked --manifest-path fuzz/Cargo.toml \
        --release --target "$(fuzz_triple)" --target-dir "$(fuzz_folder)" "${@:2}"
}

build_fuzzers() {
    fuzz_cargo build --bins
}

# fuzz_all keep|forget SECONDS JOBS TARGET...
#
# Replays the corpus of each target and goes on for so many seconds of processor time. Then prints
# a table. Fails when a target found something, after all of them ran.
fuzz_all() {
    local what_is_new=$1 seconds=$2 jobs=$3
    shift 3
    local target failed=0
    fuzz_results=$(mktemp -d)
    # For the files of targets that need some; in memory where that is possible.
    FUZZ_FOLDER=$(mktemp -d --tmpdir=/dev/shm 2>/dev/null || mktemp -d)
    export FUZZ_FOLDER
    # shellcheck disable=SC2064 # the names are to be expanded now
    trap "rm -rf '$fuzz_results' '$FUZZ_FOLDER'" EXIT
    for target in "$@"; do
        while (($(jobs -pr | wc -l) >= jobs)); do
            wait -n || true
        done
        fuzz_one "$what_is_new" "$seconds" "$target" &
    done
    wait
    printf '\n%-22s %12s %9s %9s %8s %8s\n' target executions 'exec/s' coverage corpus result
    for target in "$@"; do
        cat "$fuzz_results/$target"
        grep -q ' ok$' "$fuzz_results/$target" || failed=1
    done
    return "$failed"
}

# One target, in rounds: a program that was told how long to run means time on the wall, of which
# it may get little where others want the processor too.
fuzz_one() {
    local what_is_new=$1 seconds=$2 target=$3
    local kept=fuzz/corpus/$target found program log=$fuzz_results/$target.log
    program=$(fuzz_folder)/$(fuzz_triple)/release/$target
    # What is to be kept is there for the next run also when this one is stopped.
    case $what_is_new in
        keep) found=$(fuzz_folder)/found/$target ;;
        forget) found=$fuzz_results/$target.found ;;
    esac
    mkdir -p "$(fuzz_folder)/findings" "$found" "$kept"
    local -a options=(-max_len="$fuzz_len_max" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1
        -artifact_prefix="$(fuzz_folder)/findings/$target-")
    [[ ! -f fuzz/dictionaries/$target.dict ]] || options+=(-dict="fuzz/dictionaries/$target.dict")

    # Processor time is counted in hundredths of a second.
    local executions=0 coverage=0 result=ok left=$((100 * seconds)) round=0 used started=$SECONDS
    while ((left > 0)); do
        # As much longer as the last round was in getting its share, and not so long that nothing
        # is heard of it.
        round=$((round == 0 ? seconds : 1 + left * round / used))
        ((round <= 60)) || round=60
        TIMEFORMAT='%U %S'
        used=$({ time RUST_BACKTRACE=0 "$program" "${options[@]}" -max_total_time="$round" \
            "$found" "$kept" "fuzz/seeds/$target" >"$log" 2>&1; } 2>&1) || result=FAILED
        used=$(hundredths "$used")
        left=$((left > used ? left - used : 0))
        executions=$((executions + $(number_after 'stat::number_of_executed_units:' "$log")))
        coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        [[ $result == ok ]] || break
        # A test on a machine that is busy with other things is content with less.
        if [[ $what_is_new == forget ]] && ((SECONDS - started >= 3 * seconds)); then
            break
        fi
        if [[ $what_is_new == keep ]]; then
            printf '%s: %s executions, %s edges, %s s left\n' "$target" "$executions" "$coverage" "$((left / 100))"
        fi
    done
    # Without counters a fuzzer is blind, and finds as little as one that has nothing to find.
    if [[ $result == ok ]] && ((${coverage:-0} < 100)); then
        result=BLIND
    fi
    if [[ $result == FAILED ]]; then
        printf '\n%s broke the contract:\n' "$target"
        # What was expected, and where the input is.
        grep --text --after-context=8 'panicked at' "$log" | cut -c 1-2000 || true
        grep --text --extended-regexp 'ERROR|Test unit written to|^Base64' "$log" || tail -n 20 "$log"
    elif [[ $what_is_new == keep ]]; then
        fuzz_keep "$program" "$target" "$found"
    fi
    local spent=$((seconds - left / 100))
    printf '%-22s %12s %9s %9s %8s %8s\n' "$target" "$executions" "$((executions / (spent > 0 ? spent : 1)))" \
        "${coverage:-0}" "$(find "$kept" -type f | wc -l)" "$result" >"$fuzz_results/$target"
}

# Replaces the corpus by as few and as small inputs as reach the same edges with the new ones. How
# often they pass an edge is left aside: that alone would keep thousands.
fuzz_keep() {
    local program=$1 target=$2 found=$3 smaller
    smaller=$(mktemp -d)
    if "$program" -merge=1 -use_counters=0 -max_len="$fuzz_len_max" \
        "$smaller" "fuzz/corpus/$target" "$found" "fuzz/seeds/$target" >/dev/null 2>&1; then
        rm -rf "fuzz/corpus/$target"
        mkdir "fuzz/corpus/$target"
        find "$smaller" -type f -exec cp {} "fuzz/corpus/$target/" \;
        rm -rf "$found"
    else
        printf '%s: the new inputs stay in %s, for they could not be merged\n' "$target" "$found"
    fi
    rm -rf "$smaller"
}

# The sum of times like '1.234 0.056', in hundredths of a second.
hundredths() {
    printf '%s\n' "$1" | awk '{ printf "%d", 100 * ($1 + $2) + 1 }'
}

number_after() {
    local number
    number=$(sed -n "s/^$1 *//p" "$2")
    printf '%s\n' "${number:-0}"
}
