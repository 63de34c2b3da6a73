// SPDX-License-Identifier: Apache-2.0
// What the ranks of a run say when it fails.
#pragma once

#include <raptr/comm/thread_ranks.hpp>
#include <string>
#include <vector>

namespace raptr::testing {

/// Runs f(communicator) on ranks as threads. The sentence of each rank that has thrown, a line each, in the order of ranks; an empty line for the
/// others.
std::string errors_of_ranks(int ranks, auto f) {
  std::vector<std::string> said(static_cast<std::size_t>(ranks));
  const auto noting = [&](thread_rank& comm) {
    try {
      f(comm);
    } catch (const error& e) {
      said[static_cast<std::size_t>(comm.rank())] = e.what();
      throw;
    }
  };
  try {
    run_ranks(ranks, noting, {.slow = 5, .usual = 5});
  } catch (const error&) {
  }
  std::string all;
  for (const std::string& one : said) all += one + "\n";
  return all;
}

}  // namespace raptr::testing
