#!/usr/bin/env bash
# Make the environment of llama-cpp-python with its server: tests/engines/make_llama.sh [FOLDER]. Built from source: minutes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$here/../../.venv-llama}
stamp=$folder/.stamp
python=${PYTHON:-python3}
requirement='llama-cpp-python[server]==0.3.36'

wanted=$("$python" -c 'import sys; print(sys.version)')$requirement
if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "llama: $folder is up to date"
    exit 0
fi

rm -rf "$folder"
"$python" -m venv "$folder"
# WHEELS: a folder of wheels that were built before.
PIP_RETRIES=1 "$folder/bin/python" -m pip --quiet --disable-pip-version-check install ${WHEELS:+--find-links "$WHEELS"} "$requirement"
"$folder/bin/python" -c 'import llama_cpp.server'
printf '%s' "$wanted" >"$stamp"
echo "llama: made $folder"
