#!/usr/bin/env bash
# Makes sure that the programs of a PostgreSQL server, 15 or later, are there: tests start private servers of
# their own with them (internal/database/postgrestest). Installs Debian's package when they are missing, which
# needs root; does nothing when they are there, so make test calls it every time.
#
# POSTGRES_BIN=/path/to/bin uses programs of yours instead.
set -euo pipefail

oldest=15

# major BIN: the major version of the server in a folder, 0 when there is none.
major() {
	local said
	said=$("$1/postgres" --version 2>/dev/null) || { echo 0; return; }
	sed -E 's/[^0-9]*([0-9]+).*/\1/' <<<"$said"
}

# found: a server of the right age, where POSTGRES_BIN says or where packages put it.
found() {
	local bin
	for bin in ${POSTGRES_BIN:+"$POSTGRES_BIN"} /usr/lib/postgresql/*/bin /usr/pgsql-*/bin "$(dirname "$(command -v postgres || echo /none/postgres)")"; do
		if [[ -x $bin/initdb ]] && (($(major "$bin") >= oldest)); then
			return 0
		fi
		[[ -z ${POSTGRES_BIN:-} ]] || break
	done
	return 1
}

if found; then
	exit 0
fi
if [[ -n ${POSTGRES_BIN:-} ]]; then
	echo "POSTGRES_BIN=$POSTGRES_BIN has no PostgreSQL $oldest or later: correct it, or unset it" >&2
	exit 1
fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	echo "PostgreSQL $oldest or later is missing and cannot be installed from here: install it (Debian: apt-get install postgresql), or set POSTGRES_BIN" >&2
	exit 1
fi
echo "installing PostgreSQL" >&2
apt-get update -qq
# The package would start a server for everybody; the tests want none.
mkdir -p /etc/postgresql-common
[[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >&2
found || { echo "PostgreSQL of this distribution is older than $oldest: install a later one and set POSTGRES_BIN" >&2; exit 1; }
