// SPDX-License-Identifier: Apache-2.0
// The tokenizer concept.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/base/config.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// encode(text, ids) appends the ids of one document; no text produces special ids. decode(ids) is its inverse, exact for
/// byte-level tokenizers; special ids decode to nothing. name() identifies the tokenizer.
template <class T>
concept tokenizer = requires(const T& t, std::string_view text, std::vector<std::int32_t>& ids, std::span<const std::int32_t> some) {
  { t.encode(text, ids) } -> std::same_as<void>;
  { t.decode(some) } -> std::convertible_to<std::string>;
  { t.vocabulary() } -> std::convertible_to<vocabulary>;
  { t.name() } -> std::convertible_to<std::string>;
};

}  // namespace raptr
