#!/bin/sh
# Makes .venv ready for a use of the product: base (at home), scale (PostgreSQL, S3) or dev (tests and tools).
#   scripts/setup.sh [base|scale|dev]
# When it is ready already this costs a few milliseconds: a stamp in .venv holds what was installed and where.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)
python=.venv/bin/python
stamp=.venv/.ready
need=${1:-base}

case "$need:${DATABASE_URL:-} ${FILES_URL:-}" in
base:*postgres*://* | base:*s3://*) need=scale ;;
esac

sum_of() {
    cat "requirements/$1.txt" scripts/setup.sh | cksum | tr ' ' '-'
}

# The stamp's three words; empty when there is none.
level='' sum='' place=''
if [ -r "$stamp" ]; then
    read -r level sum place <"$stamp" || :
fi

is_ready() {
    [ -x "$python" ] && [ -x .venv/bin/fullcircle ] && [ "$place" = "$here" ] || return 1
    case "$need:$level" in
    base:base | base:scale | base:dev | scale:scale | scale:dev | dev:dev) ;;
    *) return 1 ;;
    esac
    [ "$sum" = "$(sum_of "$level")" ]
}

if is_ready; then
    exit 0
fi

say() {
    printf '%s\n' "$*"
}

is_fit() { # a Python of 3.11 or later?
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make() { # does it carry what an environment needs? Debian packs that apart.
    "$1" -c 'import venv, ensurepip' >/dev/null 2>&1
}

has_uv() {
    uv --version >/dev/null 2>&1
}

find_python() { # prints the first fit one, preferring one that can make environments
    spare=
    for name in python3.13 python3.12 python3.11 python3.14 python3; do
        is_fit "$name" || continue
        if can_make "$name" || has_uv; then
            echo "$name"
            return 0
        fi
        spare=${spare:-$name}
    done
    echo "$spare"
}

system_python() { # leaves in $found a Python that can make environments, installing it where that is allowed
    found=$(find_python)
    if [ -z "$found" ]; then
        sh scripts/packages.sh "python3 python3-venv" "python@3.13" "Python 3.11 or newer"
    elif ! can_make "$found" && ! has_uv; then
        version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        sh scripts/packages.sh "python$version-venv" "python@3.13" "the venv module of Python $version"
    else
        return 0
    fi
    found=$(find_python)
    if [ -z "$found" ] || { ! can_make "$found" && ! has_uv; }; then
        say "Python 3.11 or newer with its venv module is needed; this system's packages do not offer it." >&2
        say "Please install one so that 'python3.13', 'python3.12', 'python3.11' or 'python3' starts it." >&2
        exit 1
    fi
}

is_usable() { # the environment there, if any: made here and its interpreter still alive
    [ -d .venv ] || return 1
    [ -z "$place" ] || [ "$place" = "$here" ] || return 1
    is_fit "$python" || return 1
    has_uv || "$python" -c 'import pip' >/dev/null 2>&1
}

make_environment() {
    if is_usable; then
        rm -f "$stamp"
        return 0
    fi
    system_python
    if [ -d .venv ]; then
        say "The environment in .venv was made elsewhere or its Python is gone: making it anew."
        rm -rf .venv
    fi
    say "Making .venv with $("$found" --version 2>&1)."
    if has_uv && uv venv -q --python "$(command -v "$found")" .venv; then
        return 0
    fi
    "$found" -m venv .venv
}

with_uv() { # on a terminal uv shows its own progress, in a log its long list is left out
    quiet=-q
    [ ! -t 2 ] || quiet=
    # shellcheck disable=SC2086 # no option at all when empty
    uv pip install $quiet --python "$python" --require-hashes --compile-bytecode -r "requirements/$need.txt" &&
        uv pip install -q --python "$python" --no-deps --no-build-isolation --offline -e .
}

with_pip() {
    "$python" -c 'import pip' 2>/dev/null || "$python" -m ensurepip >/dev/null
    "$python" scripts/install.py "requirements/$need.txt" &&
        "$python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
}

make_environment
say "Installing the locked requirements ($need)."
if has_uv && with_uv; then
    :
else
    with_pip
fi
say "$need $(sum_of "$need") $here" >"$stamp"
say "Ready: .venv/bin/fullcircle"
