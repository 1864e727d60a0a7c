#!/usr/bin/env bash
# What pip cannot install and some tests need: Chromium (the map is opened in it) and a Chinese font (figures).
# Installs both on Debian as root or with passwordless sudo; elsewhere says what will be left out.
set -euo pipefail
missing=()
command -v chromium >/dev/null 2>&1 || missing+=(chromium)
ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc >/dev/null 2>&1 || missing+=(fonts-noto-cjk)
[ ${#missing[@]} -eq 0 ] && exit 0

left_out() {
  echo "*************************************************************************" >&2
  echo "LEFT OUT: ${missing[*]} cannot be installed here ($1)." >&2
  echo "Tests that open the map in a browser or draw Chinese text are skipped." >&2
  echo "*************************************************************************" >&2
  [ "${SERVICECIRCLE_ALL:-}" = 1 ] && exit 1
  exit 0
}

command -v apt-get >/dev/null 2>&1 || left_out "no apt-get"
if [ "$(id -u)" = 0 ]; then
  sudo=()
elif sudo -n true 2>/dev/null; then
  sudo=(sudo -n)
else
  left_out "neither root nor passwordless sudo"
fi
echo "installing ${missing[*]} ..." >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -5 "$log" >&2
  left_out "apt-get failed"
fi
