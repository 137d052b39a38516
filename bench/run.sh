#!/usr/bin/env bash
# Builds the release binary and measures it: bench/run.sh [throughput|accept|listing|coldstart|forked|isolates|images|programs|memory|roundrobin|idle|web|fires|sources]...
set -euo pipefail
cd "$(dirname "$0")/.."

command -v wrk >/dev/null || { apt-get -qq update && apt-get -qq install -y wrk >/dev/null; }
command -v crun >/dev/null || { apt-get -qq update && apt-get -qq install -y crun >/dev/null; }
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
if (($# == 0)) || [[ " $* " == *" programs "* ]]; then
  # What WebAssembly is measured beside, and with: both are built once.
  version=48.0.8
  export BENCH_WASMTIME=$cache/wasmtime-$version/bin/wasmtime
  if [[ ! -x $BENCH_WASMTIME ]]; then
    echo "building wasmtime $version, which takes long" >&2
    cargo install --quiet wasmtime-cli --version "$version" --locked --root "$cache/wasmtime-$version" --no-default-features \
      --features run,compile,serve,cranelift,pooling-allocator,parallel-compilation,cache,component-model,component-model-async,clap/default
  fi
  export BENCH_COMPONENT=$cache/echo-$(cat bench/wasm/manifest.toml bench/wasm/src/lib.rs | sha256sum | cut -c1-12).wasm
  if [[ ! -f $BENCH_COMPONENT ]]; then
    place=$(mktemp -d)
    cp -r bench/wasm/src "$place" && cp bench/wasm/manifest.toml "$place/Cargo.toml"
    (cd "$place" && cargo build --quiet --release --target wasm32-wasip2 --target-dir target)
    mkdir -p "$cache" && cp "$place/target/wasm32-wasip2/release/echo.wasm" "$BENCH_COMPONENT"
    rm -r "$place"
  fi
  features=(--features wisp/wasm)
fi
cargo build --release --quiet --bin wisp ${features[@]+"${features[@]}"}
export WISP=${WISP:-${CARGO_TARGET_DIR:-target}/release/wisp}
exec "${PYTHON:-/usr/bin/python3}" bench/bench.py "$@"
