// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of one pre-token: merges the adjacent pair of lowest rank, the leftmost first, until no merge applies.
// A heap of candidates over a linked list needs n log n time even for a word of a million letters; stale candidates are
// recognised when they are popped, not searched for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/detail/bpe_split.hpp>
#include <raptr/tokenizers/detail/pair_table.hpp>
#include <raptr/tokenizers/error.hpp>

namespace raptr {

/// The data of a byte-level tokenizer. A token that is neither a byte nor made by a merge is special: no text produces it, unless
/// ignore_merges makes it so.
struct bpe_model {
  std::vector<std::string> tokens{};  ///< the bytes of each id; the name of special ones
  std::vector<token_pair> merges{};   ///< the lowest rank first
  /// The location of a merge in errors: this text, then its number counted from first_merge.
  std::string merge_place = "merge ";
  std::int64_t first_merge = 0;
  bpe_splitting splitting = bpe_splitting::gpt2;
  bool ignore_merges = false;  ///< a pre-token that is a token is this token, also where merges would not give it
};

namespace detail {

/// The ranks of pairs, and the product of each merge.
struct merge_ranks {
  pair_table ranks;
  std::vector<std::int32_t> products;
};

/// The symbols of a pre-token while they are merged. Keep it between pre-tokens, so that its memory is reused.
class bpe_merger {
 public:
  /// Starts with one symbol per byte; calls out(id) for each symbol that is left.
  template <class Out> void join(std::string_view piece, std::span<const std::int32_t, 256> bytes, const merge_ranks& merges, Out&& out) {
    if (piece.size() > std::numeric_limits<std::int32_t>::max()) errors::piece_too_long(piece.size());
    const auto size = static_cast<std::int32_t>(piece.size());
    symbols_.resize(piece.size());
    for (std::int32_t i = 0; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(piece[static_cast<std::size_t>(i)]);
      at(i) = {bytes[byte], i - 1, i + 1 < size ? i + 1 : -1};
    }
    candidates_.clear();
    for (std::int32_t i = 0; i + 1 < size; ++i)
      if (const auto rank = rank_at(i, merges); rank >= 0) candidates_.push_back(key(rank, i));
    std::ranges::make_heap(candidates_, std::greater{});
    while (!candidates_.empty()) {
      std::ranges::pop_heap(candidates_, std::greater{});
      const auto rank = static_cast<std::int32_t>(candidates_.back() >> 32), left = static_cast<std::int32_t>(candidates_.back() & 0xffffffffU);
      candidates_.pop_back();
      if (rank_at(left, merges) != rank) continue;
      const auto right = at(left).next, after = at(right).next;
      at(left) = {merges.products[static_cast<std::size_t>(rank)], at(left).before, after};
      at(right).id = gone;
      if (after >= 0) at(after).before = left;
      add_candidate(left, merges);
      if (at(left).before >= 0) add_candidate(at(left).before, merges);
    }
    for (std::int32_t i = 0; i >= 0 && i < size; i = at(i).next) out(at(i).id);
  }

 private:
  static constexpr std::int32_t gone = -1;
  struct symbol {
    std::int32_t id, before, next;
  };
  static std::uint64_t key(std::int32_t rank, std::int32_t place) {
    return std::uint64_t{static_cast<std::uint32_t>(rank)} << 32 | static_cast<std::uint32_t>(place);
  }
  symbol& at(std::int32_t i) { return symbols_[static_cast<std::size_t>(i)]; }
  std::int32_t rank_at(std::int32_t i, const merge_ranks& merges) {
    const auto& left = at(i);
    return left.id == gone || left.next < 0 ? -1 : merges.ranks.find({left.id, at(left.next).id});
  }
  void add_candidate(std::int32_t i, const merge_ranks& merges) {
    const auto rank = rank_at(i, merges);
    if (rank < 0) return;
    candidates_.push_back(key(rank, i));
    std::ranges::push_heap(candidates_, std::greater{});
  }

  std::vector<symbol> symbols_;
  std::vector<std::uint64_t> candidates_;
};

}  // namespace detail
}  // namespace raptr
