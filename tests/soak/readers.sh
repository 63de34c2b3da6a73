#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tests/programs/readers_test.sh with all packages that it can use: those of PYTHON, or else, with python3-venv and the network, of a folder
# of its own (some 3 GB).
#   [PYTHON=...] readers.sh BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$1" && pwd)
if [[ -z ${PYTHON:-} ]]; then
  env=$build/readers/env
  PYTHON=$env/bin/python
  if [[ ! -x $PYTHON ]]; then
    python3 -m venv "$env"
    "$env/bin/pip" install --quiet torch transformers 'lm_eval[hf]' sentence-transformers ctranslate2 tensorboard pandas
  fi
fi
PYTHON=$PYTHON bash "$here/programs/readers_test.sh" "$build/examples"
