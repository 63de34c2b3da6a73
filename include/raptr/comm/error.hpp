// SPDX-License-Identifier: Apache-2.0
// Errors between ranks. Each names the operation, its step, and the ranks concerned.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <raptr/base/decimal.hpp>
#include <raptr/base/error.hpp>
#include <raptr/comm/operation.hpp>

namespace raptr {

/// A rank cannot go on with the others: one has ended, does not answer, or does something else.
struct comm_error : error {
  using error::error;
};

namespace errors {

/// "rank 3" or "ranks 1, 3 and 4".
inline std::string ranks_as_text(std::span<const int> ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t k = 0; k < ranks.size(); ++k) {
    if (k > 0) text += k + 1 == ranks.size() ? " and " : ", ";
    text += std::to_string(ranks[k]);
  }
  return text;
}

[[noreturn]] inline void rank_count_is_out_of_range(int given) {
  fail("a run has at least 1 rank, and " + std::to_string(given) + " were asked for");
}
[[noreturn]] inline void ranks_do_not_answer(const comm_operation& at, int rank, std::span<const int> missing, double seconds) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " has waited " + decimal_text(seconds) + " s for " + ranks_as_text(missing) +
                   ", which did not come");
}
[[noreturn]] inline void rank_has_ended(const comm_operation& at, int rank, int ended, std::string_view why) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " cannot go on, because rank " + std::to_string(ended) +
                   " has ended: " + std::string(why));
}
/// here, there: the calls of the two ranks, with their sizes.
[[noreturn]] inline void ranks_do_different_things(int rank, const std::string& here, int other, const std::string& there) {
  fail<comm_error>("rank " + std::to_string(rank) + " is at \"" + here + "\", but rank " + std::to_string(other) + " at \"" + there +
                   "\": all ranks must run the same program with the same options");
}

}  // namespace errors
}  // namespace raptr
