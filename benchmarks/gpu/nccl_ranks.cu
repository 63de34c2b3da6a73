// SPDX-License-Identifier: Apache-2.0
// One rank of several, a process for each GPU: checks the sums of both kinds and gather, then times them.
//   nccl_ranks FOLDER RUN RANK RANKS     the GPU is RANK; FOLDER and RUN: the rendezvous, the same for all ranks
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <raptr/backend/cuda.cuh>
#include <raptr/comm/nccl.cuh>
#include <raptr/comm/nccl_rendezvous_file.hpp>

namespace {

using namespace raptr;
using ops_type = cuda_ops<float, float>;

std::vector<float> values_of(int rank, std::size_t n) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = 1.0f / float(1 + i % 97) * (rank == 1 ? 1e7f : rank == 2 ? -1e7f : 1.0f);
  return v;
}
std::vector<float> summed(nccl& comm, ops_type& ops, std::size_t n) {
  std::vector<float> values = values_of(comm.rank(), n);
  float* const device = ops.allocate<float>(n);
  ops.upload(device, values.data(), n);
  comm.sum(ops, std::span<float>(device, n), {.name = "sum", .may_be_slow = true});
  comm.finish(ops, {.name = "sum", .may_be_slow = true});
  ops.wait(ops.fetch(values.data(), device, n));
  ops.release(device);
  comm.check();
  return values;
}
/// Seconds of one of many sums, the last of which is waited for.
double time_of(nccl& comm, ops_type& ops, std::size_t n) {
  constexpr int times = 20;
  float* const device = ops.allocate<float>(n);
  const std::vector<float> zeros(n);
  ops.upload(device, zeros.data(), n);
  float last = 0;
  const auto run = [&] {
    const auto begin = std::chrono::steady_clock::now();
    for (int k = 0; k < times; ++k) comm.sum(ops, std::span<float>(device, n), {"timed sum"});
    comm.finish(ops, {"timed sum"});
    ops.wait(ops.fetch(&last, device, 1));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / times;
  };
  (void)run();
  const double seconds = run();
  ops.release(device);
  return seconds;
}
void require(bool holds, const char* what) {
  if (!holds) fail(std::string("wrong: ") + what);
}

void run(const char* folder, const std::string& name, int rank, int ranks) {
  for (const nccl_sums sums : {nccl_sums::rank_order, nccl_sums::fastest}) {
    const bool in_order = sums == nccl_sums::rank_order;
    rendezvous_file meet(folder, name + (in_order ? ".1" : ".2"), rank, ranks);
    nccl comm(meet, {.device = rank, .sums = sums});
    ops_type ops({.device = rank});
    for (const std::size_t n : {std::size_t(1), std::size_t(7), std::size_t(3001), std::size_t(1) << 20}) {
      std::vector<float> expected = values_of(0, n);
      for (int r = 1; r < ranks; ++r)
        for (std::size_t i = 0; const float v : values_of(r, n)) expected[i++] += v;
      const std::vector<float> sum = summed(comm, ops, n);
      if (in_order) require(sum == expected, "a sum in the order of ranks");
      std::vector<float> all(n * std::size_t(ranks));
      comm.gather(std::as_bytes(std::span(sum)), std::as_writable_bytes(std::span(all)), {"gather"});
      for (std::size_t i = 0; i < all.size(); ++i) require(all[i] == sum[i % n], "sums differ between ranks, or a gather");
    }
    for (int power = 10; power <= 26; power += 4) {
      const double seconds = time_of(comm, ops, std::size_t(1) << power);
      if (rank == 0)
        std::printf("%s sum, %d ranks, 2^%d floats: %.1f us, %.1f GB/s\n", in_order ? "rank-order" : "fastest", ranks, power, 1e6 * seconds,
                    4e-9 * double(std::size_t(1) << power) / seconds);
    }
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) return std::fputs("nccl_ranks FOLDER RUN RANK RANKS\n", stderr), 2;
  try {
    run(words[1], words[2], std::atoi(words[3]), std::atoi(words[4]));
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "rank %s: %s\n", words[3], e.what()), 1;
  }
}
