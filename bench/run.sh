#!/usr/bin/env bash
# Builds the release binary and measures it: bench/run.sh [throughput|accept|listing|coldstart|forked|isolates|images|memory|roundrobin|idle|web|fires|sources]...
set -euo pipefail
cd "$(dirname "$0")/.."

command -v wrk >/dev/null || { apt-get -qq update && apt-get -qq install -y wrk >/dev/null; }
command -v crun >/dev/null || { apt-get -qq update && apt-get -qq install -y crun >/dev/null; }
cargo build --release --quiet --bin wisp
export WISP=${WISP:-${CARGO_TARGET_DIR:-target}/release/wisp}
exec "${PYTHON:-/usr/bin/python3}" bench/bench.py "$@"
