#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang's fuzzer on every reader: a minute each (SECONDS_EACH) with at most 1 GiB of memory. It begins with the seeds and
# the stored inputs of tests/fuzz/corpus. $1 is the build folder; further arguments are targets, by default all. An input
# that ends a target stays in $1/fuzz; put it into tests/fuzz/corpus/TARGET when the reader is mended.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(mkdir -p "$1/fuzz" && cd "$1/fuzz" && pwd)
shift
clang=${CLANG:-clang++}
if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
  "$clang" -fsanitize=fuzzer,address -x c++ - -o "$build/probe" 2>/dev/null; then
  echo "skipped: $clang has no fuzzer (Debian: clang)"
  exit 0
fi
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$clang" -DRAPTR_FUZZER=ON -DRAPTR_BUILD_EXAMPLES=OFF \
  -DRAPTR_BUILD_BENCHMARKS=OFF >/dev/null
cmake --build "$build" --target raptr_fuzz
fuzz=$build/tests/fuzz/raptr_fuzz
[[ $# -gt 0 ]] || set -- json utf8 manifest safetensors tensor_index bpe tokenizer_json wordpiece tokenizer_folder documents shards config hugging_face schedule
for target in "$@"; do
  mkdir -p "$build/corpus/$target"
  stored=$root/tests/fuzz/corpus/$target
  [[ -d $stored ]] || stored=
  (cd "$build" && "$fuzz" --target="$target" --seeds="$build/corpus/$target" "$build/corpus/$target" ${stored:+"$stored"} \
    -artifact_prefix="$build/$target-" -max_total_time="${SECONDS_EACH:-60}" -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=10 -max_len=65536 \
    -print_final_stats=1 -verbosity=1 2>"$build/$target.log") || { tail -40 "$build/$target.log"; exit 1; }
  echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log") executions, $(grep -c . < <(ls "$build/corpus/$target")) inputs kept," \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$build/$target.log") MiB at most"
done
