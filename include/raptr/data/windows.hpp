// SPDX-License-Identifier: Apache-2.0
// From a stream of tokens to batches: the stream is cut into windows that fill one context, and the objective makes a segment
// of each, or several: a window is one sequence. An incomplete window at the end of the stream is dropped. Windows lie side by side;
// a causal one reads one token of the next, and a framed one leaves two rows of the context to its frame.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <raptr/data/error.hpp>
#include <raptr/data/token_source.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/nn/objective.hpp>

namespace raptr {

template <token_source Tokens, class Objective> class windows {
 public:
  /// Throws input_error if the text does not fill one window, or its tokenizer does not fit the objective.
  windows(const Tokens& tokens, const Objective& objective, int context) : tokens_(tokens), objective_(objective) {
    if constexpr (requires { objective.check(tokens.vocabulary()); }) objective.check(tokens.vocabulary());
    const std::int64_t needed = window_of(objective, context, tokens.vocabulary());
    if (needed < 1) errors::frame_does_not_fit(context);
    if (tokens.size() < needed) errors::text_is_shorter_than_the_context(tokens.size(), needed, context);
    stride_ = std::min<std::int64_t>(needed, context);
    count_ = (tokens.size() - (needed - stride_)) / stride_;
    ids_.resize(static_cast<std::size_t>(needed));
  }
  std::int64_t count() const { return count_; }

  /// Appends one window as sample number `sample`: the same window in another epoch is another sample.
  void add(batch& to, std::int64_t window, std::uint64_t seed, std::int64_t sample) {
    tokens_.read(window * stride_, ids_);
    objective_.add(to, ids_, tokens_.vocabulary(), seed, sample);
    to.end_sequence();
  }

 private:
  const Tokens& tokens_;
  const Objective& objective_;
  std::int64_t stride_ = 0, count_ = 0;  // stride: tokens from the start of a window to that of the next one
  std::vector<std::int32_t> ids_;
};

}  // namespace raptr
