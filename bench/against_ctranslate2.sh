#!/usr/bin/env bash
# Tessera (bfloat8_b weights) against CTranslate2 (int8) on this machine: the same Llama, the same threads, in turn.
#
#   bench/against_ctranslate2.sh [--model smollm2-135m|llama-1.24b|tiny] [--tests LIST] [--rounds 3] [--threads N]
#                                [--tessera PROGRAM] [--out build/against] [--quiet-seconds 120]
#
# The first run installs ctranslate2 from PyPI beside the build and converts the model. A short look: --model tiny
# --rounds 1. What is measured, and how: docs/speed.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$(dirname "$here")/build/against/venv-ctranslate2
case ${1:-} in
  -h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 0
    ;;
esac
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import ctranslate2, gguf' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q ctranslate2==4.8.5 gguf
fi
exec "$venv/bin/python" "$here/peers/compare_ctranslate2.py" "$@"
