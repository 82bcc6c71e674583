#!/usr/bin/env bash
# Make the environment of llama-cpp-python with its server: tests/engines/make_llama.sh [FOLDER]
#
# There is no wheel: its library is built from source, for minutes. Only what loads and runs a model is built, for any
# processor with AVX2 and without much optimisation: nothing here is timed, and the compiler needs less time.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$here/../../.venv-llama}
stamp=$folder/.stamp
python=${PYTHON:-python3}
requirement='llama-cpp-python==0.3.36 --hash=sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e'

wanted=$("$python" -c 'import sys; print(sys.version)')$requirement$(cat "$here/constraints-llama.txt")
if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "llama: $folder is up to date"
    exit 0
fi
command -v c++ >/dev/null || {
    echo 'llama: there is no C++ compiler (c++), and the library is built from source' >&2
    exit 1
}

rm -rf "$folder"
"$python" -m venv "$folder"
export PIP_RETRIES=1 # without a network, say so soon
pip=("$folder/bin/python" -m pip --quiet --disable-pip-version-check)
install=("${pip[@]}" install -c "$here/constraints-llama.txt")
"${install[@]}" cmake ninja 'scikit-build-core[pyproject]'
printf '%s\n' "$requirement" >"$folder/llama.txt"
"${pip[@]}" download --no-deps --require-hashes --no-build-isolation -d "$folder/source" -r "$folder/llama.txt"
tar -xzf "$folder"/source/*.tar.gz -C "$folder/source" --strip-components=1

build=$folder/source/build
export PATH=$folder/bin:$PATH
cmake -G Ninja -S "$folder/source/vendor/llama.cpp" -B "$build" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS_RELEASE=-O1 -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DBUILD_SHARED_LIBS=ON \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN' \
    -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF -DLLAMA_ALL_WARNINGS=OFF -DGGML_ALL_WARNINGS=OFF \
    -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF >&2
cmake --build "$build" --target llama >&2

# The package without its library, and the library beside it.
CMAKE_ARGS=-DLLAMA_BUILD=OFF "${install[@]}" --no-build-isolation "$(echo "$folder"/source/*.tar.gz)[server]"
packages=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
mkdir -p "$packages/llama_cpp/lib"
cp -P "$build"/bin/lib*.so* "$packages/llama_cpp/lib/"
rm -rf "$folder/source"
"$folder/bin/python" -c 'import llama_cpp.server.app'
printf '%s' "$wanted" >"$stamp"
echo "llama: made $folder"
