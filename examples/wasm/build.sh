#!/usr/bin/env bash
# Builds the examples with their languages' own tools into the directory that is named; installs the tools into the cache.
set -euo pipefail
to=$(realpath -m "$1")
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
mkdir -p "$to" "$cache"

echo "Rust"
rustc --edition 2024 --target wasm32-wasip2 -O rust.rs -o "$to/rust.wasm"

echo "Python"
tools=$cache/componentize-py-0.25.1
if [[ ! -x $tools/bin/componentize-py ]]; then
  /usr/bin/python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check componentize-py==0.25.1
fi
(cd python && "$tools/bin/componentize-py" --quiet -d world.wit -w function componentize app -o "$to/python.wasm")

echo "JavaScript"
tools=$cache/npm-$(sha256sum <javascript/package-lock.json | cut -c1-12)
if [[ ! -d $tools/node_modules ]]; then
  mkdir -p "$tools"
  cp javascript/package*.json "$tools"
  npm ci --prefix "$tools" --silent --no-audit --no-fund --no-update-notifier
fi
wit=$(mktemp -d)
trap 'rm -rf "$wit"' EXIT
cp javascript/wit/world.wit "$wit"
# The interfaces come with the tools, in a version that is newer than the engine's by name only.
for interface in cli clocks filesystem http io random sockets; do
  mkdir -p "$wit/deps/$interface"
  sed 's/@0\.2\.12/@0.2.10/g' \
    "$tools/node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12/wasi-$interface/package.wit" \
    >"$wit/deps/$interface/package.wit"
done
"$tools/node_modules/.bin/componentize-js" javascript/app.js --wit "$wit" --world-name function -o "$to/javascript.wasm"
