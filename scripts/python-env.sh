#!/usr/bin/env bash
# Makes the Python environment that the tests hold the embedded legacy backend against:
# .cache/venv with the pinned packages of testdata/legacy/requirements.txt, from PyPI.
# Does nothing when it is there and up to date, so make test calls it every time.
#
# LEGACY_PYTHON=/path/to/python uses an interpreter of yours instead; it must have the packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirements=testdata/legacy/requirements.txt
venv=.cache/venv

if [[ -n ${LEGACY_PYTHON:-} ]]; then
	"$LEGACY_PYTHON" -c 'import fastapi, pydantic, uvicorn' || {
		echo "LEGACY_PYTHON=$LEGACY_PYTHON lacks the packages of $requirements: install them there, or unset LEGACY_PYTHON" >&2
		exit 1
	}
	exit 0
fi

# The first interpreter that can make an environment: Debian ships python3 without ensurepip.
python=
for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
	if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		python=$candidate
		break
	fi
done
if [[ -z $python ]]; then
	echo "no Python 3.11 or later with the venv module: install one (Debian: apt-get install python3-venv), or set LEGACY_PYTHON" >&2
	exit 1
fi

# The stamp is written last: an environment that was left half made has none.
stamp="$("$python" --version) $(sha256sum <"$requirements")"
if [[ -x $venv/bin/python && -f $venv/.stamp && $(<"$venv/.stamp") == "$stamp" ]]; then
	exit 0
fi
echo "installing $requirements into $venv" >&2
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
printf '%s\n' "$stamp" >"$venv/.stamp"
