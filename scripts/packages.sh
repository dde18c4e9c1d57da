#!/bin/sh
# Installs system packages where this account may; otherwise names what to install and fails.
#   scripts/packages.sh "DEBIAN NAMES" "HOMEBREW NAMES" "WHAT THEY ARE, FOR PEOPLE"
set -eu
debian=$1 homebrew=$2 plain=$3

names_and_stops() {
    {
        echo "Missing: $plain."
        echo "This account may not install it. Please run, then try again:"
        echo "    $1"
    } >&2
    exit 1
}

with_apt() {
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        names_and_stops "sudo apt-get update && sudo apt-get install $debian"
    fi
    echo "Missing: $plain. Installing with apt-get: $debian"
    for try in 1 2 3; do
        if fetch_with_apt; then
            return 0
        fi
        echo "apt-get did not succeed (try $try of 3)." >&2
        sleep $((try * 3))
    done
    names_and_stops "sudo apt-get update && sudo apt-get install $debian"
}

# Shows how far it is and what went wrong; the rest of apt-get's talk is left out.
# shellcheck disable=SC2086 # names and the prefix are lists of words
fetch_with_apt() {
    {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
                -o DPkg::Lock::Timeout=300 --no-install-recommends install $debian &&
            echo apt-get-succeeded
    } </dev/null 2>&1 | awk '
        /^apt-get-succeeded$/ { good = 1; next }
        /^Setting up / { if (++packages % 20 == 0) { print "  " packages " packages set up"; fflush() } }
        /^(E|W|Err|dpkg: error)/ { print }
        END { exit !good }'
}

with_brew() {
    echo "Missing: $plain. Installing with Homebrew: $homebrew"
    # shellcheck disable=SC2086
    brew install $homebrew </dev/null || names_and_stops "brew install $homebrew"
}

if command -v apt-get >/dev/null 2>&1; then
    with_apt
elif command -v brew >/dev/null 2>&1; then
    with_brew
elif [ "$(uname -s)" = Darwin ]; then
    names_and_stops "brew install $homebrew      (after installing Homebrew)"
else
    names_and_stops "(your system's package manager, for: $plain)"
fi
