// SPDX-License-Identifier: Apache-2.0
// One rank: what a trainer has without a communicator.
#pragma once

#include <algorithm>

#include <raptr/comm/communicator.hpp>

namespace raptr {

struct single_process {
  static constexpr int rank() { return 0; }
  static constexpr int ranks() { return 1; }
  template <class Ops, class T> void sum(Ops&, std::span<T>, const comm_operation&) {}
  template <class Ops, class T> void reduce_scatter(Ops&, std::span<T>, std::span<const std::int64_t>, const comm_operation&) {}
  template <class Ops, class T> void all_gather(Ops&, std::span<T>, std::span<const std::int64_t>, const comm_operation&) {}
  template <class Ops> void finish(Ops&, const comm_operation&) {}
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation&) { std::ranges::copy(mine, all.begin()); }
  void end_all(std::string_view) noexcept {}
  std::uint64_t bytes_sent() const { return 0; }
};
static_assert(communicator<single_process>);

}  // namespace raptr
