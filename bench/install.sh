#!/usr/bin/env bash
# Installs what make bench-peers compares crossfade with, and wrk, from Debian. What is there
# already is left alone.
set -euo pipefail

need=()
for package in nginx libnginx-mod-http-lua lua-cjson haproxy wrk; do
	[[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *'ok installed'* ]] || need+=("$package")
done
((${#need[@]})) || exit 0
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	echo "missing: ${need[*]}, and they cannot be installed from here (Debian: apt-get install ${need[*]})" >&2
	exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >&2
