#!/usr/bin/env bash
# The kernels on 64-bit ARM: compiles what linear needs with a cross compiler and runs its tests under emulation.
#
#   bench/emulated_arm.sh [FILTER]      FILTER: of GoogleTest, default all of Linear
#
# Debian: g++-12-aarch64-linux-gnu qemu-user libgtest-dev (with its sources) libhwy-dev libfmt-dev. Objects stay in
# build/arm, so that a second run compiles what has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/arm
mkdir -p "$out"
compiler=${ARM_CXX:-aarch64-linux-gnu-g++-12}

# Highway and {fmt} are headers of this machine's packages: no code of its processor is in them.
mkdir -p "$out/include"
ln -sfn /usr/include/hwy "$out/include/hwy"
ln -sfn /usr/include/fmt "$out/include/fmt"
flags=(-std=c++20 -O2 -DFMT_HEADER_ONLY -DHWY_COMPILE_ONLY_STATIC -march=armv8-a+crypto -ffp-contract=off -Isrc -Itests -I"$out/include" -DTESSERA_TEST_DATA='"tests/data"')
googletest=/usr/src/googletest/googletest

sources=(src/util/*.cpp src/tensor/*.cpp src/device/*.cpp src/ops/dispatch.cpp src/ops/checks.cpp src/ops/isa.cpp
  src/ops/linear/*.cpp tests/ops/linear_test.cpp bench/arm/highway_targets.cpp)
compile() {
  local object=$1 source=$2
  shift 2
  if [ ! -f "$object" ] || [ -n "$(find src tests/ops "$source" -newer "$object" -print -quit)" ]; then
    echo "$compiler ${*@Q} -c $source -o $object"
  fi
}
objects=()
{
  for source in "${sources[@]}"; do
    object=$out/${source//\//_}.o
    objects+=("$object")
    compile "$object" "$source" "${flags[@]}"
  done
  for name in all main; do
    source=$googletest/src/gtest-all.cc
    [ "$name" = all ] || source=$googletest/src/gtest_main.cc
    objects+=("$out/gtest_$name.o")
    compile "$out/gtest_$name.o" "$source" "${flags[@]}" -I"$googletest" -I"$googletest/include"
  done
} >"$out/commands"
xargs -P "${JOBS:-$(nproc)}" -d '\n' -I{} bash -c '{}' <"$out/commands"
"$compiler" -static "${objects[@]}" -o "$out/linear_test" -pthread
qemu-aarch64 "$out/linear_test" --gtest_filter="${1:-Linear.*}"
