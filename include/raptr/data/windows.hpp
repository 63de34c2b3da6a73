// SPDX-License-Identifier: Apache-2.0
// From a stream of tokens to batches: the stream is cut into windows of one context, and the objective makes a segment
// of each, or several: a window is one sequence. An incomplete window at the end of the stream is dropped.
#pragma once

#include <cstdint>
#include <vector>

#include <raptr/data/error.hpp>
#include <raptr/data/token_source.hpp>
#include <raptr/nn/batch.hpp>

namespace raptr {

template <token_source Tokens, class Objective> class windows {
 public:
  /// Throws input_error if the text does not fill one window, or its tokenizer does not fit the objective.
  windows(const Tokens& tokens, const Objective& objective, int context) : tokens_(tokens), objective_(objective), context_(context) {
    if constexpr (requires { objective.check(tokens.vocabulary()); }) objective.check(tokens.vocabulary());
    const std::int64_t needed = Objective::window(context);
    if (tokens.size() < needed) errors::text_is_shorter_than_the_context(tokens.size(), needed, context);
    count_ = (tokens.size() - (needed - context)) / context;
    ids_.resize(static_cast<std::size_t>(needed));
  }
  std::int64_t count() const { return count_; }

  /// Appends one window as sample number `sample`: the same window in another epoch is another sample.
  void add(batch& to, std::int64_t window, std::uint64_t seed, std::int64_t sample) {
    tokens_.read(window * context_, ids_);
    objective_.add(to, ids_, tokens_.vocabulary(), seed, sample);
    to.end_sequence();
  }

 private:
  const Tokens& tokens_;
  const Objective& objective_;
  int context_;
  std::int64_t count_ = 0;
  std::vector<std::int32_t> ids_;
};

}  // namespace raptr
