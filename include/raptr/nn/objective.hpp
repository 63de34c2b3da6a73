// SPDX-License-Identifier: Apache-2.0
// What an objective is. It turns a window of tokens into a segment of a batch; the network never sees it. Every draw is keyed by the sample's global number, so that neither slot nor micro-batch, rank or
// thread changes it.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <raptr/nn/batch.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

///   looks_back_only  whether a row sees the rows before it only
///   name             in files and messages
///   window(context)  how many tokens fill a sequence of `context` rows
///   window(context, vocabulary)   optional: the same where it depends on the tokenizer
///   settings()       optional: a text with its options, which a run in a folder records, so that it resumes with the same
///   shown_as(shown, id, vocabulary)   optional: the probability that a row with the target `id` shows the token `shown`
///   add(batch, tokens, vocabulary, seed, sample)   appends a window of that many tokens as one segment, with its targets
template <class O>
concept objective = requires(const O& o, batch& to, std::span<const std::int32_t> tokens, const vocabulary& ids, std::uint64_t seed,
                             std::int64_t sample) {
  typename std::bool_constant<O::looks_back_only>;
  { O::name } -> std::convertible_to<std::string_view>;
  { O::window(1) } -> std::same_as<int>;
  { o.add(to, tokens, ids, seed, sample) } -> std::same_as<void>;
};

/// Tokens of a window of this objective and tokenizer.
template <class O> int window_of(const O& o, int context, const vocabulary& ids) {
  if constexpr (requires { o.window(context, ids); })
    return o.window(context, ids);
  else
    return O::window(context);
}

}  // namespace raptr
