#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checkpoints in transformers, folders of transformers here, one optimizer step beside PyTorch's: see hugging_face/compare.py. Needs
# a Python with torch, transformers and safetensors as PYTHON, or else python3-venv and the network: it then installs them into a
# folder of its own. Takes 6 GB of memory, 5 GB of disk and some minutes.
#   [PYTHON=...] hugging_face.sh BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$1
work=$build/hugging_face
if [[ -z ${PYTHON:-} ]]; then
  PYTHON=$work/env/bin/python
  if [[ ! -x $PYTHON ]]; then
    python3 -m venv "$work/env"
    "$work/env/bin/pip" install --quiet torch transformers safetensors numpy
  fi
fi
rm -rf "$work/models"
mkdir -p "$work/models"
"$PYTHON" "$here/hugging_face/compare.py" "$build/tests/hugging_face/raptr_export" "$work/models" 2> "$work/errors.log" ||
  { code=$?; tail -20 "$work/errors.log"; exit $code; }
