#!/usr/bin/env bash
# Runs code of Azure Durable Functions, unmodified, and its packages' clients, on servers of its own.
set -euo pipefail
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
export WISP_LANGUAGES_NODE_MODULES=$cache/npm-$(sha256sum <package-lock.json | cut -c1-12)/node_modules
export WISP_LANGUAGES_PYTHON_PACKAGES=$cache/durable-$(sha256sum <requirements.txt | cut -c1-12)
export PYTHONPATH=$WISP_LANGUAGES_PYTHON_PACKAGES:../live PYTHONDONTWRITEBYTECODE=1
export WISP=${WISP:-$CARGO_TARGET_DIR/debug/wisp}
exec ../with-server.sh "${PYTHON:-/usr/bin/python3}" -m unittest "${@:-discover}"
