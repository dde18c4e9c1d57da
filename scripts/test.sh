#!/bin/sh
# Runs the tests: all of them on real services, or with FAST=1 the quick ones that need no service and no browser.
# Arguments go to pytest:  scripts/test.sh tests/forum -k answer
# WORKERS says how many test processes run at once; each has its own database, Redis and browser.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${WORKERS:-}" ]; then
    WORKERS=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    [ "$WORKERS" -le 4 ] || WORKERS=4
fi

if [ "${FAST:-}" = 1 ]; then
    exec .venv/bin/python -m pytest -n "$WORKERS" --dist worksteal -m "not browser and not scale and not slow" "$@"
fi
.venv/bin/python -m scripts.services
exec .venv/bin/python -m pytest -n "$WORKERS" --dist worksteal "$@"
