# The programs the steps need: found, or installed from the packages of the distribution, or an
# error that says how to mend it. Sourced by scripts/test and scripts/release.
# shellcheck shell=bash

# The oldest release of Node.js that the browser's driver runs on.
readonly node_oldest=18

have() {
    command -v "$1" >/dev/null 2>&1
}

fail() {
    printf 'scripts/%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Makes sure, before the first step, that the programs of all named steps are there: a run should
# not find out after ten minutes that it cannot end. The first argument is `yes` where the tests
# that need a server are left out.
require_programs() {
    local quick=$1
    shift
    require_rust
    local -a packages=()
    local step
    have cc || packages+=(gcc libc6-dev)
    for step in "$@"; do
        case $step in
            tests)
                [[ $quick == yes ]] || mapfile -t -O "${#packages[@]}" packages < <(missing_servers)
                ;;
            fuzz)
                have c++ || packages+=(g++)
                ;;
            scripts)
                have shellcheck || packages+=(shellcheck)
                ;;
            browser)
                have node || packages+=(nodejs)
                have npm || packages+=(npm)
                chromium_program >/dev/null || packages+=(chromium)
                ;;
        esac
    done
    if ((${#packages[@]} > 0)); then
        install_packages "${packages[@]}"
    fi
    for step in "$@"; do
        if [[ $step == browser ]]; then
            require_browser
        fi
    done
}

require_rust() {
    have cargo || fail 'cargo is missing: install Rust with rustup, https://rustup.rs'
    cargo fmt --version >/dev/null 2>&1 || fail 'rustfmt is missing: rustup component add rustfmt'
    cargo clippy --version >/dev/null 2>&1 || fail 'clippy is missing: rustup component add clippy'
}

require_browser() {
    local found
    found=$(node -p 'process.versions.node.split(".")[0]')
    ((found >= node_oldest)) || fail "Node.js $found is too old: install release $node_oldest or newer"
    chromium_program >/dev/null || fail 'chromium was installed but is not in the PATH: set CHROMIUM to its program'
}

# Prints the path of a Chromium; CHROMIUM names one that is not in the PATH.
chromium_program() {
    if [[ -n ${CHROMIUM:-} ]]; then
        [[ -x $CHROMIUM ]] || fail "CHROMIUM names no program: $CHROMIUM"
        printf '%s\n' "$CHROMIUM"
    else
        command -v chromium || command -v google-chrome
    fi
}

# Prints the packages of the database servers that are not installed.
missing_servers() {
    have redis-server || echo redis-server
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || have postgres || echo postgresql
    have mariadbd || [[ -x /usr/sbin/mariadbd ]] || echo mariadb-server
}

install_packages() {
    have apt-get || fail "missing, and without apt-get they must be installed by hand: $*"
    local -a as_root=()
    if ((EUID != 0)); then
        have sudo || fail "missing, and only root can install them: apt-get install $*"
        as_root=(sudo --non-interactive)
    fi
    printf 'installing %s\n' "$*"
    keep_services_stopped "${as_root[@]}"
    # One unreachable list need not matter; if it does, the installation says so.
    "${as_root[@]}" apt-get update -qq </dev/null || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null >/dev/null \
        || fail "apt-get could not install: $*"
}

# The packages of databases start a service when they are installed. The tests start servers of
# their own, and this machine is to be left as it was.
keep_services_stopped() {
    local policy=/usr/sbin/policy-rc.d
    [[ -e $policy ]] && return
    printf '#!/bin/sh\nexit 101\n' | "$@" tee "$policy" >/dev/null
    "$@" chmod +x "$policy"
    # shellcheck disable=SC2064 # the words are to be expanded now
    trap "$* rm -f $policy" EXIT
}
