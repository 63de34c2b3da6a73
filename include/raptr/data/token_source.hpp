// SPDX-License-Identifier: Apache-2.0
// Token sources: random access to the tokens that a trainer reads. Reading is const and stateless, so a resume needs no
// position and several readers share one source.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>

#include <raptr/base/stop.hpp>
#include <raptr/data/error.hpp>
#include <raptr/io/checksum.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// size() tokens; read(first, out) fills `out` with tokens first .. first + out.size() - 1 or throws input_error when
/// they are out of range. Every token is an id of vocabulary().
template <class S>
concept token_source = requires(const S& source, std::int64_t first, std::span<std::int32_t> out) {
  { source.size() } -> std::same_as<std::int64_t>;
  { source.read(first, out) } -> std::same_as<void>;
  { source.vocabulary() } -> std::convertible_to<vocabulary>;
};

/// Fingerprint of a text: the CRC-32C of all ids as little-endian 32-bit numbers, above the low 32 bits of their number.
/// Throws stopped on a request.
template <token_source S> std::uint64_t token_hash(const S& source, const std::stop_token& stop = {}) {
  std::array<std::int32_t, 4096> chunk{};
  std::uint32_t sum = 0;
  for (std::int64_t first = 0; first < source.size(); first += std::ssize(chunk)) {
    throw_if_stopped(stop);
    const auto left = source.size() - first;
    const auto part = std::span(chunk).first(static_cast<std::size_t>(left < std::ssize(chunk) ? left : std::ssize(chunk)));
    source.read(first, part);
    sum = crc32c(std::as_bytes(part), sum);
  }
  return std::uint64_t{sum} << 32 | (static_cast<std::uint64_t>(source.size()) & 0xffffffffU);
}

/// A token_hash() as 16 hexadecimal digits.
inline std::string token_hash_text(std::uint64_t hash) {
  return crc_text(static_cast<std::uint32_t>(hash >> 32)) + crc_text(static_cast<std::uint32_t>(hash));
}

/// Tokens first .. first + size - 1 of a source, which must outlive this.
template <token_source S> class token_range {
 public:
  token_range(const S& source, std::int64_t first, std::int64_t size) : source_(&source), first_(first), size_(size) {
    if (first < 0 || size < 0 || first > source.size() || size > source.size() - first) errors::outside_tokens(first, size, source.size());
  }
  std::int64_t size() const { return size_; }
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    if (first < 0 || first > size_ || std::ssize(out) > size_ - first) errors::outside_tokens(first, std::ssize(out), size_);
    source_->read(first_ + first, out);
  }
  raptr::vocabulary vocabulary() const { return source_->vocabulary(); }
  /// Reads the whole range on each call.
  std::uint64_t hash() const { return token_hash(*this); }

 private:
  const S* source_;
  std::int64_t first_, size_;
};

template <token_source S> struct held_out { token_range<S> training, validation; };

/// Holds out the end of a text for validation, when no validation text is given. The cut is before the first document at
/// which at most `fraction` of the tokens are left; if documents are so long that this leaves less than half of
/// `fraction`, the cut is inside a document, at `fraction` exactly.
///
///   source    must outlive the parts
///   fraction  of the tokens, between 0 and 1
///
/// Throws input_error when one part would be empty.
template <token_source S> held_out<S> hold_out(const S& source, double fraction) {
  const std::int64_t size = source.size();
  const auto wanted = fraction > 0 && fraction < 1 ? static_cast<std::int64_t>(fraction * static_cast<double>(size)) : 0;
  if (wanted < 1 || wanted >= size) errors::wrong_hold_out(fraction, size);
  const int border = raptr::vocabulary(source.vocabulary()).end_of_text;
  const std::int64_t target = size - wanted, latest = size - (wanted + 1) / 2;
  std::int64_t cut = target;
  std::array<std::int32_t, 4096> chunk{};
  // A document begins after an end of text: look for one in the tokens before target .. latest.
  for (std::int64_t first = target - 1; first < latest; first += std::ssize(chunk)) {
    const auto left = latest - first;
    const auto part = std::span(chunk).first(static_cast<std::size_t>(left < std::ssize(chunk) ? left : std::ssize(chunk)));
    source.read(first, part);
    if (const auto found = std::ranges::find(part, border); found != part.end()) {
      cut = first + (found - part.begin()) + 1;
      break;
    }
  }
  return {token_range<S>(source, 0, cut), token_range<S>(source, cut, size - cut)};
}
template <token_source S> held_out<S> hold_out(const S&& source, double fraction) = delete;  // the parts would outlive it

}  // namespace raptr
