#!/usr/bin/env bash
# venv.sh FOLDER: make a virtual environment with Python 3.11 or newer, unless there is one.
set -euo pipefail
folder=$1
[ -x "$folder/bin/python" ] && exit 0
for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    if "$python" -m venv "$folder"; then exit 0; fi
    rm -rf "$folder"
    echo "无法建立虚拟环境。请安装 python3-venv。 $python cannot make a virtual environment: install python3-venv." >&2
    exit 1
  fi
done
echo "需要 Python 3.11 或更新版本。 Python 3.11 or newer is needed (set PYTHON=... to name one)." >&2
exit 1
