#!/bin/sh
# Installs the packages that every Node function can require. Usage: install.sh TARGET, the node_modules directory to
# make or replace, such as <data>/node_modules.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: install.sh TARGET}
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work/"
npm ci --prefix "$work" --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
chmod 755 "$work/node_modules"
rm -rf "$target"
mv "$work/node_modules" "$target"
