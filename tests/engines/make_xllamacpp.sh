#!/usr/bin/env bash
# Make the environment of xllamacpp, whose wheel holds llama.cpp's own server: tests/engines/make_xllamacpp.sh [FOLDER]
set -euo pipefail

folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../../.venv-xllamacpp}
stamp=$folder/.stamp
python=${PYTHON:-python3}
requirement='xllamacpp==2026.10.11549'

wanted=$("$python" -c 'import sys; print(sys.version)')$requirement
if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "xllamacpp: $folder is up to date"
    exit 0
fi

rm -rf "$folder"
"$python" -m venv "$folder"
export PIP_RETRIES=1 # without a network, say so soon
"$folder/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps --only-binary :all: "$requirement"
"$folder/bin/python" -c 'import xllamacpp'
printf '%s' "$wanted" >"$stamp"
echo "xllamacpp: made $folder"
