#!/usr/bin/env bash
# Runs boto3 and the AWS CLI, as they are, against a server of its own.
set -euo pipefail
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
export VENV=$cache/workflows-$(sha256sum <requirements.txt | cut -c1-12)
export WISP=${WISP:-$CARGO_TARGET_DIR/debug/wisp}
# Nothing of the user's own configuration is read.
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
exec ../with-server.sh "$VENV/bin/python" -m unittest "${@:-discover}"
