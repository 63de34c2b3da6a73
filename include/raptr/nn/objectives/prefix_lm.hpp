// SPDX-License-Identifier: Apache-2.0
// Prefix language modelling: the first tokens of a window see each other, and the rest is predicted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <raptr/base/random.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/nn/objectives/decoder_layout.hpp>
#include <raptr/nn/objectives/span_counts.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// uniform: 1 to n - 1 of n tokens are the prefix, all lengths equally likely [t5]. last_quarter: all but the last rint(n / 4).
enum class prefix_split { uniform, last_quarter };

struct prefix_lm {
  static constexpr bool looks_back_only = true;
  static constexpr std::string_view name = "prefix_lm";

  prefix_split split = prefix_split::uniform;
  bool mode_token = false;  // [S2S] before the prefix
  int begin_id = -1;        // before everything; -1: none

  /// The rows that a window takes, and the longest window that fits into some rows, or less than 2.
  int rows_for(int tokens) const { return marks() + tokens - 1; }
  int longest(int rows) const { return rows + 1 - marks(); }
  int window(int context, const vocabulary&) const {
    if (longest(context) < 2) errors::prefix_is_the_whole_window(context, longest(context));
    return longest(context);
  }
  void check(const vocabulary& ids) const {
    if (mode_token && ids.s2s < 0) errors::tokenizer_has_no_mode_token("[S2S]", ids.size);
    if (begin_id >= ids.size) errors::begin_id_is_out_of_range(begin_id, ids.size);
  }
  std::string settings() const { return part_text("prefix", {split == prefix_split::last_quarter ? "last_quarter" : ""}, mode_token, begin_id); }
  bool operator==(const prefix_lm&) const = default;

  /// tokens: 2 or more.
  void add(batch& to, std::span<const std::int32_t> tokens, const vocabulary& ids, std::uint64_t seed, std::int64_t sample) const {
    const int n = static_cast<int>(tokens.size()), prefix = prefix_of(n, seed, sample);
    add_decoder_segment(to, {begin_id, mode_token ? ids.s2s : -1}, prefix, n - prefix, [&](std::span<int> inputs, std::span<int> targets) {
      std::ranges::copy(tokens.first(inputs.size()), inputs.begin());
      std::ranges::copy(tokens.last(targets.size()), targets.begin());
    });
  }

 private:
  int marks() const { return mode_token + (begin_id >= 0); }
  int prefix_of(int n, std::uint64_t seed, std::int64_t sample) const {
    if (split == prefix_split::last_quarter) return n - span_counts::of(n, 0.25, n).noise;
    const random_stream draw = random_key{seed}.stream("prefix", static_cast<std::uint64_t>(sample));
    return 1 + static_cast<int>(draw.below(static_cast<std::uint64_t>(n - 1), 0));
  }
};

}  // namespace raptr
