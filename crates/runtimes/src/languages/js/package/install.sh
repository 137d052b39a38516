#!/bin/sh
# Installs workerd, which runs V8 isolates. Usage: install.sh TARGET, the directory to make or replace, such as
# <data>/workerd.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: install.sh TARGET}
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$work/"
npm ci --prefix "$work" --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
mkdir "$work/new"
mv "$work"/node_modules/@cloudflare/workerd-*/bin/workerd "$work/new/workerd"
chmod 755 "$work/new" "$work/new/workerd"
rm -rf "$target"
mv "$work/new" "$target"
