#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Are our ids those of the `tokenizers` package, line by line, and how fast are both in one thread? Needs that package:
# PYTHON names a Python that has it; without it the check is skipped. Further arguments are two texts or more and, with
# GPT2=DIR (vocab.json, merges.txt) and BERT=DIR (vocab.txt) in the environment, published vocabularies take the place of
# the small ones of the tests. Without texts, the documents of this project are the text.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$1
shift
python=${PYTHON:-python3}
if ! "$python" -c 'import tokenizers' 2>/dev/null; then
  echo "skipped: $python has no package tokenizers (PYTHON=... names another Python)"
  exit 0
fi
[[ $# -gt 0 ]] || set -- "$here"/../docs/*.md
RAYON_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false "$python" "$here/oracle/tokenizer_lines.py" "$build/tests/oracle/raptr_token_lines" \
  "${GPT2:-$here/tokenizers/fixtures/bpe}" "${BERT:-$here/tokenizers/fixtures/wordpiece}" "$@"
