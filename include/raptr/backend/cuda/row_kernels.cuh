// SPDX-License-Identifier: Apache-2.0
// Row kernels on a GPU. A team keeps the column sums of a chunk of rows, in shared memory where they fit, and a second kernel
// adds up the chunks. Their number depends on the number of rows alone, so the bits do too.
#pragma once

#include <algorithm>

#include <raptr/backend/cuda/context.cuh>
#include <raptr/backend/cuda/team.cuh>
#include <raptr/backend/ops.hpp>

namespace raptr::cuda_backend {

inline constexpr int long_row = 256;  // lanes of a team that is a block
template <int Lanes> constexpr int teams_per_block = Lanes == warp ? 4 : 1;
template <int Lanes> constexpr int threads_of_rows = (Lanes)*teams_per_block<Lanes>;
// 768 threads on a multiprocessor have 80 registers each, enough for the groups that the compiler reads ahead; 512 have 128. A
// kernel with column sums runs 512, because each of its chunks needs memory.
template <int Lanes, class K> constexpr int blocks_of_rows = (K::sums > 0 ? 512 : 768) / threads_of_rows<Lanes>;

/// sums_in_shared: partial sums of each team stay in shared memory, after the exchange buffer, until its chunk is done.
template <int Lanes, class K, class Sum> __global__ void __launch_bounds__(threads_of_rows<Lanes>, (blocks_of_rows<Lanes, K>))
    rows_of_kernel(K kernel, Sum* partial, bool sums_in_shared, std::int64_t n, std::int64_t chunk) {
  const int own = int(threadIdx.x) / Lanes;
  const std::int64_t number = std::int64_t(blockIdx.x) * teams_per_block<Lanes> + own, first = number * chunk;
  if (first >= n) return;
  const std::int64_t end = first + chunk < n ? first + chunk : n;
  if constexpr (K::sums == 0) {
    row_team<Lanes, Sum> one(nullptr, 0);
    for (std::int64_t r = first; r < end; ++r) kernel.row(one, r);
  } else {
    const int size = K::sums * kernel.width;
    Sum* const out = partial + number * size;
    Sum* const close = reinterpret_cast<Sum*>(shared_memory + exchange_bytes<Lanes>);
    Sum* const in = sums_in_shared ? close + std::int64_t(own) * size : out;
    row_team<Lanes, Sum> one(in, kernel.width);
    for (int i = one.lane(); i < size; i += Lanes) in[i] = Sum(0);
    one.barrier();
    for (std::int64_t r = first; r < end; ++r) kernel.row(one, r);
    one.barrier();
    if (sums_in_shared)
      for (int i = one.lane(); i < size; i += Lanes) out[i] = in[i];
  }
}

/// A block adds up `warp` columns; each of its warps takes every eighth chunk.
inline constexpr int fold_warps = 8;
template <class K, class Sum> __global__ void __launch_bounds__(warp* fold_warps) fold_sums(K kernel, const Sum* partial, int chunks) {
  Sum* const part = reinterpret_cast<Sum*>(shared_memory);
  const int column = int(blockIdx.x) * warp + int(threadIdx.x) % warp, slice = int(threadIdx.x) / warp, size = K::sums * kernel.width;
  Sum own = Sum(0);
  if (column < size)
    for (int c = slice; c < chunks; c += fold_warps) own += partial[std::int64_t(c) * size + column];
  part[threadIdx.x] = own;
  __syncthreads();
  if (slice > 0 || column >= size) return;
  for (int s = 1; s < fold_warps; ++s) own += part[s * warp + column % warp];
  *kernel.sum(column / kernel.width, column % kernel.width) += own;
}

template <int Lanes, class K> void run_rows_in_teams(context& ctx, const K& kernel, std::int64_t n) {
  using sum = typename sum_of<K>::type;
  constexpr int teams = teams_per_block<Lanes>, threads = threads_of_rows<Lanes>;
  constexpr std::int64_t most_chunks = 2048, least_rows = 16;
  constexpr std::size_t most_shared = 64 << 10;  // so that three blocks share a multiprocessor
  if constexpr (K::sums == 0) {
    ctx.launch("rows", rows_of_kernel<Lanes, K, sum>, dim3(unsigned(ceil_div(n, teams))), threads, exchange_bytes<Lanes>, kernel,
               static_cast<sum*>(nullptr), false, n, std::int64_t(1));
  } else {
    const std::int64_t chunk = std::max(least_rows, ceil_div(n, most_chunks)), count = ceil_div(n, chunk),
                       size = std::int64_t(K::sums) * kernel.width;
    const std::size_t bytes = std::size_t(size * teams) * sizeof(sum);
    const bool in_shared = bytes <= most_shared;
    sum* const partial = ctx.scratch<sum>(std::size_t(count * size));
    ctx.launch("rows", rows_of_kernel<Lanes, K, sum>, dim3(unsigned(ceil_div(count, teams))), threads,
               exchange_bytes<Lanes> + (in_shared ? bytes : 0), kernel, partial, in_shared, n, chunk);
    ctx.launch("sums of rows", fold_sums<K, sum>, dim3(unsigned(ceil_div(size, warp))), warp * fold_warps, sizeof(sum) * warp * fold_warps, kernel,
               static_cast<const sum*>(partial), int(count));
  }
}

template <class K> void run_rows(context& ctx, const K& kernel, std::int64_t n) {
  if (n == 0 || std::is_same_v<K, no_epilogue>) return;
  bool is_long = false;
  if constexpr (requires { kernel.columns(); }) is_long = kernel.columns() > 1024;
  if (is_long)
    run_rows_in_teams<long_row>(ctx, kernel, n);
  else
    run_rows_in_teams<warp>(ctx, kernel, n);
}

}  // namespace raptr::cuda_backend
