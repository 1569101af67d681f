#!/usr/bin/env bash
# Runs the pinned golangci-lint with the given arguments. The first run builds it from the
# Go module proxy into .cache/bin (a few minutes on two cores); later runs need no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=v2.15.0
# The version is part of the path, so that a new pin builds anew and an old one is left alone.
dir=$PWD/.cache/bin/golangci-lint-$version

if [[ ! -x $dir/golangci-lint ]]; then
	echo "building golangci-lint $version into $dir" >&2
	# GOFLAGS of the caller (-mod=vendor, tags) are meant for this module, not for the tool.
	GOBIN=$dir GOFLAGS='' go install -trimpath "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
fi
exec "$dir/golangci-lint" "$@"
