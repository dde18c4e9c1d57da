#!/bin/sh
# Runs the tests: all of them on real services, or with FAST=1 those that need neither services nor a browser.
# Arguments go to pytest:  scripts/test.sh tests/forum -k answer
set -eu
cd "$(dirname "$0")/.."

if [ "${FAST:-}" = 1 ]; then
    exec .venv/bin/python -m pytest -n "${WORKERS:-2}" -m "not browser and not scale" "$@"
fi
.venv/bin/python -m scripts.services
exec .venv/bin/python -m pytest -n "${WORKERS:-2}" "$@"
