#!/usr/bin/env bash
# Tessera against llama.cpp on this machine: the same model at the same bits a weight, the same threads, in turn.
#
#   bench/against_llamacpp.sh [--models LIST] [--bits 8,4] [--tests LIST] [--rounds 5] [--threads N]
#                             [--peer FOLDER] [--tessera PROGRAM] [--out build/against] [--quiet-seconds 120]
#
# The first run builds llama.cpp (peers/build_llamacpp.sh, 8 to 16 minutes on two cores), unless --peer names a
# build folder of it, and makes the models (peers/models.py). Results go to OUT: results.json, results.md and
# results.svg. A short look: --models tiny --rounds 1. What is measured, and how: docs/speed.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
work=$root/build/against

peer=
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; ++i)); do
  case ${arguments[i]} in
    --peer) peer=${arguments[i + 1]:?--peer: name a folder} ;;
    --peer=*) peer=${arguments[i]#--peer=} ;;
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
      exit 0
      ;;
  esac
done

if [ ! -x "$work/venv/bin/python" ]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q numpy
fi
if [ -z "$peer" ]; then
  "$here/peers/build_llamacpp.sh" "$work/llamacpp"
  arguments+=(--peer "$work/llamacpp/build")
fi
exec "$work/venv/bin/python" "$here/peers/compare.py" "${arguments[@]}"
