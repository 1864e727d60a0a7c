#!/usr/bin/env bash
# offline.sh [WHEELS]: install from a wheel folder (`make wheels`) into a fresh virtual environment and run the demo,
# both with the network off. Linux lets a process have a network of its own, with nothing in it; where that is not
# permitted the script says so, and pip alone is kept from asking an index.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
wheels=$(cd "${1:-$project/build/wheels}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# No setting of this computer may help: neither a folder nor an index that pip knows of, nor the source tree.
for name in $(compgen -e | grep -E '^(PIP_|PYTHONPATH$)' || true); do unset "$name"; done
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1

if unshare -n true 2>/dev/null; then
  off=(unshare -n) how="the network off"
elif unshare -rn true 2>/dev/null; then
  off=(unshare -rn) how="the network off"
else
  off=(env) how="pip asking no index"
  echo "LEFT OUT: this system gives no process a network of its own; only pip is kept from the network." >&2
fi
if [ "${off[0]}" = unshare ]; then
  "${off[@]}" python3 -c 'import socket, sys; sys.exit([name for _, name in socket.if_nameindex()] != ["lo"])' ||
    { echo "the network is not off" >&2; exit 1; }
fi

bash "$project/scripts/venv.sh" venv
"${off[@]}" venv/bin/python -m pip install -q --no-index --find-links "$wheels" servicecircle
venv/bin/python -c 'import sys, servicecircle; sys.exit(not servicecircle.__file__.startswith(sys.prefix))' ||
  { echo "the package was not imported from the new environment" >&2; exit 1; }
"${off[@]}" venv/bin/servicecircle run "$project/geodata/demo/study.toml" -o maps >log 2>&1 || { cat log >&2; exit 1; }
[ -s maps/map.html ] && [ -s maps/gaps.xlsx ] && [ -s maps/run.json ] || { echo "no results" >&2; exit 1; }
echo "installed $(venv/bin/python -m pip list --format=freeze | wc -l) packages from $(ls "$wheels" | wc -l) wheels and ran the demo, $how"
