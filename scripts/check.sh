#!/bin/sh
# Every gate a change must pass, in the order of what it costs; the tests come last and have the last word.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=

gate() { # gate NAME COMMAND...: quiet when it passes, shows everything when it does not
    name=$1
    shift
    printf '%-12s' "$name"
    if output=$("$@" 2>&1); then
        echo ok
    else
        printf 'FAILED: %s\n%s\n\n' "$*" "$output"
        failed="$failed $name"
    fi
}

gate format $bin/python -m ruff format --check .
gate lint $bin/python -m ruff check .
gate text $bin/python -m scripts.check_text
gate contracts $bin/lint-imports
gate migrations $bin/python -m scripts.check_migrations
gate types $bin/python -m mypy

if [ -n "$failed" ]; then
    echo "Not passed:$failed. Mend these first; the tests did not run." >&2
    exit 1
fi
exec sh scripts/test.sh
