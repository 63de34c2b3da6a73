// SPDX-License-Identifier: Apache-2.0
// The shared memory per block of every kind of kernel. All of it is dynamic, so the report of the compiler lacks it; it is a
// constant of the kernel or a function of the row length, so no GPU is needed.
#include <cstdio>

#include <raptr/backend/cuda.cuh>

namespace {
using namespace raptr::cuda_backend;

template <class Plan> void line(const char* kernel, const char* type, int width) {
  std::printf("%7d bytes  attention %s, %s, head width %d: tiles of %d x %d\n", int(Plan::bytes), kernel, type, width, int(Plan::rows),
              int(Plan::columns));
}
template <class T, int Width> void lines(const char* type) {
  line<largest_plan<forward_plan, T, Width>>("forward", type, Width);
  line<largest_plan<backward_plan, T, Width>>("backward", type, Width);
}
template <class T> void all_lines(const char* type) {
  lines<T, 16>(type), lines<T, 32>(type), lines<T, 64>(type), lines<T, 128>(type), lines<T, 256>(type);
}
}  // namespace

int main() {
  all_lines<float>("fp32 and bf16");
  all_lines<double>("fp64");
  for (const int width : {256, 768, 1024}) {
    const int bytes = exchange_bytes<warp> + 2 * width * teams_per_block<warp> * int(sizeof(float));
    std::printf("%7d bytes  rows with two column sums of %d\n", bytes, width);
  }
  std::printf("%7d bytes  rows without column sums, %d when a row is longer than 1,024\n", exchange_bytes<warp>, exchange_bytes<long_row>);
  std::printf("%7d bytes  sums of rows, float\n", warp * fold_warps * int(sizeof(float)));
  std::printf("%7d bytes  elementwise sum\n", elementwise_threads / warp * int(sizeof(double)));
}
