// SPDX-License-Identifier: Apache-2.0
// The splittings that a byte-level tokenizer may have, each with the regular expression by which files name it.
#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <utility>

#include <raptr/tokenizers/detail/gpt2_split.hpp>
#include <raptr/tokenizers/detail/llama3_split.hpp>

namespace raptr {

enum class bpe_splitting { gpt2, llama3 };

inline constexpr std::array<std::pair<bpe_splitting, std::string_view>, 2> bpe_patterns{
    {{bpe_splitting::gpt2, gpt2_pattern}, {bpe_splitting::llama3, llama3_pattern}}};

/// Calls each(pre-token) for the pre-tokens of `text`, in order.
template <std::invocable<std::string_view> Each> constexpr void split_bpe(std::string_view text, bpe_splitting how, Each&& each) {
  if (how == bpe_splitting::gpt2)
    split_gpt2(text, each);
  else
    split_llama3(text, each);
}

}  // namespace raptr
