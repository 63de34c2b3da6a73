// SPDX-License-Identifier: Apache-2.0
// Gathers of values instead of bytes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <raptr/comm/communicator.hpp>

namespace raptr {

/// Gathers what every rank gives, of trivially copyable type, in the order of ranks.
template <communicator Comm, class T> std::vector<T> gathered(Comm& comm, std::span<const T> mine, const comm_operation& at) {
  std::vector<T> all(mine.size() * static_cast<std::size_t>(comm.ranks()));
  comm.gather(std::as_bytes(mine), std::as_writable_bytes(std::span(all)), at);
  return all;
}

/// Sums over the ranks, element by element, in their order.
template <communicator Comm> std::vector<double> summed_over_ranks(Comm& comm, const std::vector<double>& mine, const comm_operation& at) {
  const std::vector<double> all = gathered(comm, std::span<const double>(mine), at);
  std::vector<double> sums(all.begin(), all.begin() + std::ssize(mine));
  for (std::size_t k = mine.size(); k < all.size(); ++k) sums[k % mine.size()] += all[k];
  return sums;
}

}  // namespace raptr
