#!/usr/bin/env bash
# build.sh FOLDER: put lmplz and build_binary, the programs that train KenLM models, into FOLDER.
#
# The PyPI package kenlm only reads models; its source distribution holds the trainer as well. Debian's Boost and what
# else is needed is installed first, which takes root or sudo. About a minute; nothing is done where FOLDER has the
# programs of this version already. The version and its digest are those of the source distribution on PyPI.
set -euo pipefail

VERSION=0.3.0
SHA256=c4628bb9fb63c8a6f9240035b8b037385cfc404cb72e933cf48878291edac1e8
PYTHON=${PYTHON:-python3}
PACKAGES=(cmake g++ make zlib1g-dev libbz2-dev liblzma-dev
    libboost-program-options-dev libboost-system-dev libboost-thread-dev libboost-test-dev)

target=${1:?usage: build.sh FOLDER}
mkdir -p "$target"
target=$(cd "$target" && pwd)
if [[ -x $target/lmplz && -x $target/build_binary && $(cat "$target/lmplz.version" 2>/dev/null) == "$VERSION" ]]; then
    exit 0
fi

missing=()
for package in "${PACKAGES[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    command -v apt-get >/dev/null || {
        echo "build.sh: no apt-get here; install what corresponds to: ${PACKAGES[*]}" >&2
        exit 1
    }
    as_root=()
    ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# `:all:` instead of the name would build cmake from source as well, for half an hour.
"$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary kenlm --dest "$work" "kenlm==$VERSION"
echo "$SHA256  $work/kenlm-$VERSION.tar.gz" | sha256sum --check --quiet
tar -xzf "$work/kenlm-$VERSION.tar.gz" -C "$work"
cmake -S "$work/kenlm-$VERSION" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCOMPILE_TESTS=OFF -DENABLE_PYTHON=OFF \
    -DENABLE_INTERPOLATE=OFF -Wno-dev >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
cmake --build "$work/build" --target lmplz build_binary --parallel "$(nproc)" >"$work/log" 2>&1 || {
    tail -n 50 "$work/log" >&2
    exit 1
}
install -m 755 "$work/build/bin/lmplz" "$work/build/bin/build_binary" "$target/"
echo "$VERSION" >"$target/lmplz.version"
