#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does our reader judge 100,000 damaged safetensors files as the `safetensors` package does? Needs that package: PYTHON
# names a Python that has it; without it the check is skipped. $1 is the build folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$1
python=${PYTHON:-python3}
if ! "$python" -c 'import safetensors' 2>/dev/null; then
  echo "skipped: $python has no package safetensors (PYTHON=... names another Python)"
  exit 0
fi
"$python" "$here/fuzz/safetensors_peer.py" "$build/tests/fuzz/raptr_safetensors_verdicts" "${2:-100000}"
