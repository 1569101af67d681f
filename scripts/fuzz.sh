#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (30s), one after the other; FUZZ=regexp
# picks some by name. A find ends the run and stays in the package's testdata/fuzz as a new seed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fuzztime=${FUZZTIME:-30s}
pick=${FUZZ:-.}

# go test -list prints the names of a package, then a line "ok <package> <time>".
listing=$(go test -list '^Fuzz' ./...)
targets=$(awk '/^Fuzz/ { names[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, names[i]; n = 0 }' <<<"$listing" | grep -E " .*($pick)" || true)
if [[ -z $targets ]]; then
	echo "no fuzz target matches FUZZ=$pick" >&2
	exit 1
fi
while read -r package name; do
	echo "== $package $name for $fuzztime"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" "$package"
done <<<"$targets"
