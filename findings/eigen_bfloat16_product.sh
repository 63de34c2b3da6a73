#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A product of Eigen 5.0.1 in bfloat16 adds up in bfloat16, so 4,096 products of ones are 512.
#
# Setting: Eigen 5.0.1 (the headers of eigency 5.0.1.1 from PyPI), g++ 12, x86-64, -O2; Eigen::Matrix<Eigen::bfloat16, ...>.
# Expected: 4,096, which bfloat16 has exactly; libraries for training add up in float and round once.
# Seen: 512 with -O2, 2,048 with -O2 -mavx2 -mfma on one processor: the sum of each block of the depth is a bfloat16, to which adding 1
# changes nothing from 256 on (partial sums are added pairwise). The size of the blocks follows the caches and the instruction set, so other
# numbers appear elsewhere; the sum is always too small. 3.4.0 and 3.4.1 give the same numbers.
# Exit code 0 while this is so, 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip download --quiet --no-deps --dest "$work" --python-version 3.11 --only-binary :all: "eigency==5.0.1.1"
python3 -m zipfile -e "$work"/eigency-*.whl "$work/eigency"
cat > "$work/sum.cpp" <<'CPP'
#include <Eigen/Core>
#include <cstdio>
int main() {
  using matrix = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic>;
  const matrix a = matrix::Constant(64, 4096, Eigen::bfloat16(1)), b = matrix::Constant(4096, 64, Eigen::bfloat16(1)), c = a * b;
  const float sum = float(c(0, 0));
  std::printf("Eigen %s: a sum of 4096 ones is %g\n", EIGEN_VERSION_STRING, double(sum));
  return sum < 4096 ? 0 : 1;
}
CPP
for flags in "-O2" "-O2 -mavx2 -mfma"; do
  # shellcheck disable=SC2086
  g++ -std=c++17 $flags -w -isystem "$(dirname "$(find "$work/eigency" -path '*Eigen/Core' | head -1)")/.." "$work/sum.cpp" -o "$work/sum"
  "$work/sum" || { echo "this has changed"; exit 1; }
done
