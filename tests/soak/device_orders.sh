#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kernels of the CUDA backend in many orders of blocks, warps, lanes and streams, plain and under ASan, and once under TSan,
# which sees two threads at one place without a barrier between them whatever the order.
#   device_orders.sh BUILD_FOLDER [HOW_MANY]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1 many=${2:-20}
work=$build/device-orders
mkdir -p "$work"
for ((order = 1; order <= many; ++order)); do
  RAPTR_DEVICE_ORDERS=$order "$build/tests/raptr_test_cuda" --test-case-exclude="*20 steps*" > "$work/plain.log" || { tail -30 "$work/plain.log"; exit 1; }
  RAPTR_DEVICE_ORDERS=$order "$build/tests/cuda/raptr_test_cuda_sanitized" > "$work/asan.log" 2>&1 || { tail -30 "$work/asan.log"; exit 1; }
  echo "orders $order: passed, plain and under ASan and UBSan"
done

flags=(-std=c++20 -O1 -g1 -fsanitize=thread -I"$root/include" -I"$root/tests/emulator/include" -I"$root/tests/support")
"${CXX:-g++}" "${flags[@]}" -c "$root/tests/emulator/emulator.cpp" -o "$work/emulator.o"
"${CXX:-g++}" "${flags[@]}" -c "$root/tests/main.cpp" -o "$work/main.o"
for name in operations attention layers; do
  "${CXX:-g++}" "${flags[@]}" "$root/tests/cuda/${name}_test.cpp" "$work/emulator.o" "$work/main.o" -o "$work/$name"
  TSAN_OPTIONS=halt_on_error=1 "$work/$name" > "$work/tsan.$name.log" 2>&1 || { tail -60 "$work/tsan.$name.log"; exit 1; }
  echo "TSan, $name: passed"
done
