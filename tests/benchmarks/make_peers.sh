#!/usr/bin/env bash
# Make the environment of the systems we are measured against: tests/benchmarks/make_peers.sh [FOLDER]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$root/.venv-peers}
requirements=$here/peers-requirements.txt
stamp=$folder/.stamp
python=${PYTHON:-python3}

wanted=$("$python" -c 'import sys; print(sys.version)')$(cat "$requirements")
if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "peers: $folder is up to date"
    exit 0
fi

rm -rf "$folder"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
"$folder/bin/python" - <<'PY'
import datasketch, presidio_analyzer, rensa
from datatrove.utils.typeshelper import Languages
from datatrove.utils.word_tokenizers import load_word_tokenizer

assert load_word_tokenizer(Languages.mandarin_chinese).word_tokenize("今天天气很好")
assert load_word_tokenizer(Languages.english).word_tokenize("a fine day")
PY
printf '%s' "$wanted" >"$stamp"
echo "peers: made $folder"
