#!/usr/bin/env bash
# Builds Wisp, serves, deploys three real functions, invokes them, and leaves the server running.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
home=${WISP_DEMO_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/wisp-demo}
listen=${WISP_DEMO_LISTEN:-127.0.0.1:3233}
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "Building (the first time takes a few minutes)"
cargo build --release --quiet --bin wisp
wisp=$target/release/wisp
mkdir -p "$home"
rustc --edition 2024 -O -o "$home/primes" examples/demo/primes.rs

export WSK_CONFIG_FILE=$home/wskprops
if [ -f "$home/pid" ] && kill -0 "$(cat "$home/pid")" 2>/dev/null; then
  say "The server of the last demo still runs"
else
  say "Installing what Node functions can require"
  "$wisp" install node-packages --data "$home/data" || echo "  (left out: it needs npm)"
  say "Serving on http://$listen"
  "$wisp" serve --listen "$listen" --data "$home/data" --wskprops "$WSK_CONFIG_FILE" >"$home/log" 2>&1 &
  echo $! >"$home/pid"
  for _ in $(seq 100); do
    curl -fs "http://$listen/ping" >/dev/null 2>&1 && break
    kill -0 "$(cat "$home/pid")" 2>/dev/null || { cat "$home/log" >&2; exit 1; }
    sleep 0.1
  done
fi

run() {
  printf '\033[2m$ wisp %s\033[0m\n' "$*"
  "$wisp" "$@"
}
say "Three functions: Node, Python, a compiled program"
run action update greet examples/demo/greet.js
run action update stats examples/demo/stats.py
run action update primes "$home/primes"

say "Invoking them"
run action invoke greet --result --param name Ada
run action invoke stats --result
run action invoke primes --result --param n 1000000

say "What happened: the last activations, and the log of the first"
run activation list --limit 3
first=$("$wisp" activation list greet --limit 1 --output json | sed -n 's/.*"activationId": *"\([0-9a-f]*\)".*/\1/p' | head -1)
run activation logs "$first"

say "The server goes on at http://$listen"
cat <<EOF
  try:    WSK_CONFIG_FILE=$WSK_CONFIG_FILE $wisp action invoke greet --result --param name you
  log:    $home/log
  stop:   kill $(cat "$home/pid")
EOF
