#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Do the Hugging Face classes load our checkpoints and give the same logits? Needs python3-venv and the network: it
# installs torch and transformers into a folder of its own below the build folder given as $1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$1
work=$build/hugging_face
if [ ! -x "$work/env/bin/python" ]; then
  python3 -m venv "$work/env"
  "$work/env/bin/pip" install --quiet torch transformers safetensors numpy
fi
rm -rf "$work/models"
"$build/tests/hugging_face/raptr_export" "$work/models"
"$work/env/bin/python" "$here/hugging_face/compare.py" "$work/models" 2>/dev/null
