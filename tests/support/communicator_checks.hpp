// SPDX-License-Identifier: Apache-2.0
// What any communicator does, as functions that every rank calls. They throw where it does not, since ranks may be processes without doctest.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <raptr/base/error.hpp>
#include <raptr/base/share.hpp>
#include <raptr/comm/communicator.hpp>

namespace raptr::testing {

inline void require(bool holds, const std::string& what) {
  if (!holds) fail("a communicator does not keep its promise: " + what);
}
inline counting_ops<float, float> host;

/// Sums of these depend on the order of the ranks.
template <class T> std::vector<T> values_of(int rank, std::size_t n, std::size_t from = 0) {
  std::vector<T> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = T(1) / T(1 + (i + from) % 97) * (rank == 1 ? T(1e7) : rank == 2 ? T(-1e7) : T(1));
  return v;
}
template <class T> std::vector<T> sum_of_ranks(int ranks, std::size_t n, std::size_t from = 0) {
  std::vector<T> sum = values_of<T>(0, n, from);
  for (int r = 1; r < ranks; ++r)
    for (std::size_t i = 0; const T v : values_of<T>(r, n, from)) sum[i++] += v;
  return sum;
}

template <class T> void check_sum_of(communicator auto& comm, std::size_t n) {
  const std::uint64_t before = comm.bytes_sent();
  std::vector<T> data = values_of<T>(comm.rank(), n);
  comm.sum(host, std::span<T>(data), {.name = "sum", .may_be_slow = true});
  comm.finish(host, {.name = "sum", .may_be_slow = true});
  require(data == sum_of_ranks<T>(comm.ranks(), n), "a sum of " + std::to_string(n) + " elements of " + std::to_string(sizeof(T)) + " bytes");
  const std::uint64_t sent = comm.bytes_sent() - before;
  std::vector<std::uint64_t> all(static_cast<std::size_t>(comm.ranks()));
  comm.gather(std::as_bytes(std::span(&sent, 1)), std::as_writable_bytes(std::span(all)), {.name = "bytes", .may_be_slow = true});
  std::uint64_t total = 0;
  for (std::uint64_t one : all) total += one;
  // Each element crosses twice for every rank but one: to the rank that adds it up, and back.
  require(total == 2 * static_cast<std::uint64_t>(comm.ranks() - 1) * n * sizeof(T), std::to_string(total) + " bytes for " + std::to_string(n));
}
/// The two halves of a sum, for shares that are far from equal; with many elements that of rank 0 is empty.
template <class T> void check_halves_of(communicator auto& comm, std::size_t n) {
  const auto ranks = static_cast<std::size_t>(comm.ranks()), rank = static_cast<std::size_t>(comm.rank());
  std::vector<std::int64_t> bounds{0};
  for (std::size_t r = 1; r <= ranks; ++r) bounds.push_back(static_cast<std::int64_t>(ranks == 1 ? n : n * ((r - 1) * r) / ((ranks - 1) * ranks)));
  const std::vector<T> sum = sum_of_ranks<T>(comm.ranks(), n);
  const std::uint64_t own = static_cast<std::uint64_t>(bounds[rank + 1] - bounds[rank]);
  const std::string of = " of " + std::to_string(n) + " elements of " + std::to_string(sizeof(T)) + " bytes";

  std::vector<T> data = values_of<T>(comm.rank(), n);
  std::uint64_t before = comm.bytes_sent();
  comm.reduce_scatter(host, std::span<T>(data), bounds, {.name = "gradient", .may_be_slow = true});
  comm.finish(host, {.name = "gradient", .may_be_slow = true});
  require(std::equal(data.begin() + bounds[rank], data.begin() + bounds[rank + 1], sum.begin() + bounds[rank]), "a reduce_scatter" + of);
  require(comm.bytes_sent() - before == (ranks == 1 ? 0 : sizeof(T) * (n - own)), "bytes of a reduce_scatter" + of);

  std::fill(data.begin(), data.begin() + bounds[rank], T(-1)), std::fill(data.begin() + bounds[rank + 1], data.end(), T(-1));
  before = comm.bytes_sent();
  comm.all_gather(host, std::span<T>(data), bounds, {.name = "weights", .may_be_slow = true});
  comm.finish(host, {.name = "weights", .may_be_slow = true});
  require(data == sum, "an all_gather" + of);
  require(comm.bytes_sent() - before == sizeof(T) * (ranks - 1) * own, "bytes of an all_gather" + of);
}
/// Many sums before one finish, of other sizes and types, the first ones while a rank is late.
void check_many_sums(communicator auto& comm, std::size_t count) {
  std::vector<std::vector<float>> floats(count);
  std::vector<std::vector<double>> doubles(count);
  for (std::size_t k = 0; k < count; ++k) {
    floats[k] = values_of<float>(comm.rank(), 37 * k, k), doubles[k] = values_of<double>(comm.rank(), 5001 * (k % 3), k);
    comm.sum(host, std::span<float>(floats[k]), {"floats", static_cast<int>(k), 7, true});
    if (comm.rank() == 0 && k % 8 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    comm.sum(host, std::span<double>(doubles[k]), {"doubles", static_cast<int>(k), 7, true});
  }
  comm.finish(host, {"many sums", -1, 7, true});
  for (std::size_t k = 0; k < count; ++k) {
    require(floats[k] == sum_of_ranks<float>(comm.ranks(), floats[k].size(), k), "sum " + std::to_string(k) + " of many");
    require(doubles[k] == sum_of_ranks<double>(comm.ranks(), doubles[k].size(), k), "sum " + std::to_string(k) + " of many in fp64");
  }
}
void check_gather(communicator auto& comm, std::size_t n) {
  const std::vector<int> mine(n, 10 * comm.rank() + 1);
  std::vector<int> all(n * static_cast<std::size_t>(comm.ranks()));
  const std::uint64_t before = comm.bytes_sent();
  comm.gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), {.name = "gather", .may_be_slow = true});
  for (std::size_t i = 0; i < all.size(); ++i) require(all[i] == 10 * static_cast<int>(i / n) + 1, "a gather of " + std::to_string(n) + " numbers");
  require(comm.bytes_sent() - before == 4 * n * static_cast<std::size_t>(comm.ranks() - 1), "bytes of a gather");
}
void check_communicator(communicator auto& comm, std::size_t largest = 1000000) {
  for (std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{3001}, largest}) {
    check_sum_of<float>(comm, n);
    check_sum_of<double>(comm, n);
    check_halves_of<float>(comm, n);
    check_halves_of<double>(comm, n);
    check_gather(comm, n);
  }
  check_many_sums(comm, 40);
}

inline constexpr std::string_view disagreements[] = {"count", "type", "operation", "step", "call", "half"};
/// The last rank makes another call than the others: other in its count, its type, its operation, its step, a gather, or half of a sum.
void disagree(communicator auto& comm, std::string_view in) {
  const bool other = comm.rank() == comm.ranks() - 1;
  const auto differs = [&](std::string_view word) { return other && in == word; };
  comm_operation at{.name = differs("operation") ? "sum of the norm" : "sum of the gradient", .block = 3, .step = differs("step") ? 5 : 4};
  std::vector<float> data(differs("count") ? 11 : 10);
  std::vector<double> doubles(10);
  std::vector<std::byte> bytes(10 * static_cast<std::size_t>(comm.ranks()));
  if (differs("call")) return comm.gather(std::span(bytes).first(10), bytes, at);
  if (differs("half"))
    comm.reduce_scatter(host, std::span<float>(data), share_bounds(10, comm.ranks()), at);
  else if (differs("type"))
    comm.sum(host, std::span<double>(doubles), at);
  else
    comm.sum(host, std::span<float>(data), at);
  comm.finish(host, at);
}
/// What the others say at the first of their calls.
inline std::string other_call(std::string_view in) {
  return in == "operation" ? "\"step 5, sum of the norm of block 3 (10 floats)\""
         : in == "step"    ? "\"step 6, sum of the gradient of block 3 (10 floats)\""
         : in == "count"   ? "\"step 5, sum of the gradient of block 3 (11 floats)\""
         : in == "half"    ? "\"step 5, sum of the gradient of block 3 (10 floats to owners)\""
         : in == "type"    ? "\"step 5, sum of the gradient of block 3 (10 doubles)\""
                           : "\"step 5, sum of the gradient of block 3 (10 bytes)\"";
}

/// Steps as a trainer takes them; `before` is called before each of them.
void take_steps(communicator auto& comm, int steps, auto before) {
  std::vector<float> gradient(200000);
  std::vector<int> headers(static_cast<std::size_t>(comm.ranks()));
  for (int step = 0; step < steps; ++step) {
    before(step);
    comm.gather(std::as_bytes(std::span(&step, 1)), std::as_writable_bytes(std::span(headers)), {"header", -1, step, step == 0});
    for (int block = 3; block-- > 0;)
      comm.sum(host, std::span(gradient).subspan(50000 * static_cast<std::size_t>(block), 50000), {"sum of the gradient", block, step});
    comm.finish(host, {"sum of the gradient", -1, step});
  }
}

}  // namespace raptr::testing
