// SPDX-License-Identifier: Apache-2.0
// What a sum over ranks costs, beside MPI_Allreduce and a copy in memory of the same size, and how much it slows what the rank computes
// meanwhile:  mpirun -n 2 sum_over_ranks
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include <raptr/comm/mpi.hpp>

namespace {

using namespace raptr;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point start) { return std::chrono::duration<double>(clock_type::now() - start).count(); }

/// Seconds of a call, the least of all; every rank makes the same number of calls.
double seconds_of(int rounds, auto call) {
  double least = 1e9;
  for (int k = 0; k < 5 * rounds; ++k) {
    const auto start = clock_type::now();
    call();
    least = std::min(least, seconds_since(start));
  }
  return least;
}

/// A piece of arithmetic in registers, some 20 microseconds.
float computed(float x) {
  for (int i = 0; i < 4000; ++i) x = x * 0.999F + 0.001F;
  return x;
}

}  // namespace

int main() {
  mpi comm;
  counting_ops<float, float> ops;
  const bool first = comm.rank() == 0;
  volatile float sink = 0;
  if (first)
    std::printf("%10s %12s %12s %12s %10s %14s %16s\n", "bytes", "sum us", "allreduce us", "memcpy us", "sum GB/s", "computing us", "slower by us");
  for (std::size_t bytes = 1024; bytes <= (std::size_t(64) << 20); bytes *= 4) {
    std::vector<float> data(bytes / 4, 1), copy(bytes / 4);
    const int rounds = static_cast<int>(std::clamp<double>(2e7 / static_cast<double>(bytes), 2, 1000));
    const double sum = seconds_of(rounds, [&] { comm.sum(ops, std::span(data), {"sum"}), comm.finish(ops, {"sum"}); });
    const double reduce =
        seconds_of(rounds, [&] { MPI_Allreduce(MPI_IN_PLACE, data.data(), static_cast<int>(data.size()), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); });
    const double copying = seconds_of(rounds, [&] {
      std::memcpy(copy.data(), data.data(), bytes);
      sink = copy[bytes / 8];
    });
    // The same computing without a sum and with one under way, in turns, about three times as long as a sum takes.
    const int pieces = static_cast<int>(std::max(1., 3 * sum / seconds_of(100, [&] { sink = computed(sink); })));
    double alone = 1e9, with_sum = 1e9;
    for (int k = 0; k < 2 * rounds + 10; ++k) {
      const auto start = clock_type::now();
      if (k % 2 == 1) comm.sum(ops, std::span(data), {"sum"});
      for (int i = 0; i < pieces; ++i) sink = computed(sink);
      const double computing = seconds_since(start);
      comm.sum(ops, std::span(data).first(1), {"together"});
      comm.finish(ops, {"sum"});
      double& least = k % 2 == 1 ? with_sum : alone;
      least = std::min(least, computing);
    }
    if (first)
      std::printf("%10zu %12.1f %12.1f %12.1f %10.2f %14.1f %16.1f\n", bytes, 1e6 * sum, 1e6 * reduce, 1e6 * copying,
                  1e-9 * static_cast<double>(bytes) / sum, 1e6 * alone, 1e6 * (with_sum - alone));
  }
  return 0;
}
