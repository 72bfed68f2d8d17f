#!/usr/bin/env bash
# Builds llama.cpp for this machine's CPU into FOLDER/build, from the sdist of llama-cpp-python on PyPI, which
# holds its whole tree. Does nothing when the same version, compiler and CPU have been built there.
#
#   build_llamacpp.sh FOLDER
#
# LLAMACPP_VERSION: of llama-cpp-python. LLAMACPP_SDIST: a file to use in place of a download. JOBS: default all.
set -euo pipefail
folder=${1:?usage: build_llamacpp.sh FOLDER}
version=${LLAMACPP_VERSION:-0.3.36}
programs=(llama-bench llama-batched-bench llama-quantize)

cpu=$(grep -m1 '^flags' /proc/cpuinfo | tr ' ' '\n' | grep -E '^(avx|fma|f16c|amx)' | sort | tr '\n' ' ' || true)
stamp="$version, $(c++ --version | head -1), $(uname -m) $cpu"
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

mkdir -p "$folder"
source=$folder/llama_cpp_python-$version/vendor/llama.cpp
if [ ! -d "$source" ]; then
  sdist=${LLAMACPP_SDIST:-$folder/llama_cpp_python-$version.tar.gz}
  if [ ! -f "$sdist" ]; then
    # pip asks the package's build backend for its metadata even when it only downloads.
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install -q scikit-build-core
    "$folder/venv/bin/pip" download -q --no-deps --no-binary :all: --no-build-isolation -d "$folder" \
      "llama-cpp-python==$version"
  fi
  tar xzf "$sdist" -C "$folder"
fi

say() { printf '== %s\n' "$*" >&2; }
say "building llama.cpp of llama-cpp-python $version"
generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
# The web interface would be fetched at build time, and nothing here speaks TLS.
cmake -S "$source" -B "$folder/build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
  -DGGML_NATIVE=ON -DGGML_CCACHE=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
  -DLLAMA_OPENSSL=OFF -DLLAMA_CURL=OFF >"$folder/cmake.log" || { tail -30 "$folder/cmake.log" >&2; exit 1; }
cmake --build "$folder/build" -j "${JOBS:-$(nproc)}" --target "${programs[@]}" >"$folder/build.log" 2>&1 ||
  { tail -30 "$folder/build.log" >&2; exit 1; }
echo "$stamp" >"$folder/stamp"
