// SPDX-License-Identifier: Apache-2.0
// Causal language modelling: every token predicts the next one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <raptr/nn/batch.hpp>

namespace raptr {

/// Every token predicts the next one.
struct causal_lm {
  static constexpr bool looks_back_only = true;
  static constexpr std::string_view name = "causal_lm";

  static constexpr int window(int context) { return context + 1; }
  bool operator==(const causal_lm&) const = default;

  /// tokens: context + 1 of them; the last one is a target only.
  template <class Vocabulary>
  void add(batch& to, std::span<const std::int32_t> tokens, const Vocabulary&, std::uint64_t /*seed*/, std::int64_t /*sample*/) const {
    const int first = static_cast<int>(to.ids.size()), length = static_cast<int>(tokens.size()) - 1;
    to.add_segment(length, 0);
    to.ids.insert(to.ids.end(), tokens.begin(), tokens.end() - 1);
    for (int i = 0; i < length; ++i) to.targets.push_back({first + i, tokens[static_cast<std::size_t>(i) + 1], 1.0f});
  }
};

}  // namespace raptr
