#!/usr/bin/env bash
# Builds the release binary, installs the peers below $CACHE, and measures workflows beside them:
# bench/workflows/run.sh [sequence|fan|processor|throughput|functions|timers|idle|length|stored|parked]...
set -euo pipefail
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
python=${PYTHON:-/usr/bin/python3}
export BENCH_PEERS=$cache/bench-workflows-$(cat package-lock.json requirements.txt | sha256sum | cut -c1-12)
# What Restate's SDK needs at least.
export BENCH_NODE=${WISP_TEST_NODE:-$cache/node-22.23.3/bin/node}
if [[ ! -d $BENCH_PEERS ]]; then
  echo "installing Restate, Durable Task and DBOS"
  rm -rf "$BENCH_PEERS.new" && mkdir -p "$BENCH_PEERS.new"
  cp package.json package-lock.json "$BENCH_PEERS.new"
  npm install --prefix "$BENCH_PEERS.new" --no-save --loglevel error --ignore-scripts --no-audit --no-fund --no-update-notifier >/dev/null
  "$python" -m venv "$BENCH_PEERS.new/venv"
  "$BENCH_PEERS.new/venv/bin/python" -m pip install --quiet --only-binary :all: -r requirements.txt
  mv "$BENCH_PEERS.new" "$BENCH_PEERS"
fi
command -v wrk >/dev/null || { apt-get -qq update && apt-get -qq install -y wrk >/dev/null; }
if [[ -z ${WISP:-} ]]; then
  cargo build --release --quiet --bin wisp
  export WISP=${CARGO_TARGET_DIR:-../../target}/release/wisp
fi
exec "$python" workflows.py "$@"
