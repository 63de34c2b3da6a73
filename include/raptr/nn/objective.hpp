// SPDX-License-Identifier: Apache-2.0
// What an objective is. It turns a window of tokens into a segment of a batch; the network never sees it. Every draw is keyed by the sample's global number, so that neither slot nor micro-batch, rank or
// thread changes it.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/nn/batch.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// Tokens of a window of this objective and tokenizer.
template <class O>
requires requires(const O& o, const vocabulary& ids) { o.window(1, ids); } || requires {
  O::window(1);
}
int window_of(const O& o, int context, const vocabulary& ids) {
  if constexpr (requires { o.window(context, ids); })
    return o.window(context, ids);
  else
    return O::window(context);
}

///   looks_back_only  whether it is for a decoder: a row behind the prefix of its segment sees the rows before it only
///   name             in files and messages
///   window(context)  how many tokens fill a sequence of `context` rows
///   window(context, vocabulary)   the same, in its place or besides, where it depends on the tokenizer or the options
///   groups()         optional: names of the groups of its targets, by number, whose losses are reported one by one
///   adds_targets     optional: true if some targets are no tokens of the text, such as sentinels
///   settings()       optional: a text with its options, which a run in a folder records, so that it resumes with the same
///   shown_as(shown, id, vocabulary)   optional: the probability that a row with the target `id` shows the token `shown`
///   add(batch, tokens, vocabulary, seed, sample)   appends a window of that many tokens as one segment, with its targets
template <class O>
concept objective = requires(const O& o, batch& to, std::span<const std::int32_t> tokens, const vocabulary& ids, std::uint64_t seed,
                             std::int64_t sample) {
  typename std::bool_constant<O::looks_back_only>;
  { O::name } -> std::convertible_to<std::string_view>;
  { window_of(o, 1, ids) } -> std::same_as<int>;
  { o.add(to, tokens, ids, seed, sample) } -> std::same_as<void>;
};

/// The names of the groups of targets of an objective; none if it has fewer than two, so that its loss is that of its only group.
template <class O> std::vector<std::string> groups_of(const O& o) {
  if constexpr (requires { o.groups(); })
    if (std::vector<std::string> names = o.groups(); names.size() > 1) return names;
  return {};
}

}  // namespace raptr
