// SPDX-License-Identifier: Apache-2.0
// Learns the merges of a byte-level tokenizer: always the most frequent pair; ties go to the smallest ids, left before
// right. So the result depends on the texts only, not on their order, threads or hash tables. Each pair stores its
// positions, so a merge costs only what it changes, even in text without a single space.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <raptr/tokenizers/bpe.hpp>
#include <raptr/tokenizers/detail/bpe_split.hpp>
#include <raptr/tokenizers/detail/byte_alphabet.hpp>
#include <raptr/tokenizers/detail/pair_table.hpp>
#include <raptr/tokenizers/error.hpp>

namespace raptr {

/// Counts the pairs of adjacent symbols in words while merges are applied.
class bpe_merge_counter {
 public:
  struct found {
    token_pair pair{};
    std::int64_t count = 0;  // 0: no pair is left
  };

  /// Adds a word of these ids that occurs `count` times. Add all words before the first merge.
  void add_word(std::span<const std::int32_t> ids, std::int64_t count) {
    const auto begin = std::ssize(symbols_), end = begin + std::ssize(ids);
    if (end > std::numeric_limits<std::int32_t>::max()) errors::too_many_different_words(end);
    const auto word = static_cast<std::int32_t>(counts_.size());
    counts_.push_back(count);
    for (auto at = begin; at < end; ++at)
      symbols_.push_back({ids[static_cast<std::size_t>(at - begin)], at == begin ? -1 : static_cast<std::int32_t>(at - 1),
                          at + 1 == end ? -1 : static_cast<std::int32_t>(at + 1), word});
    for (auto at = begin; at + 1 < end; ++at) change(static_cast<std::int32_t>(at), 1);
  }
  /// The pair to merge next.
  found most_frequent() {
    for (const auto number : touched_) {
      auto& one = pairs_[static_cast<std::size_t>(number)];
      if (one.count > 0) queue_.push({one.count, one.pair, number});
      one.touched = false;
    }
    touched_.clear();
    while (!queue_.empty()) {
      const auto top = queue_.top();
      if (pairs_[static_cast<std::size_t>(top.number)].count == top.count) return {top.pair, top.count};
      queue_.pop();  // its count is stale: if it has grown, it is in the queue again
      if (const auto now = pairs_[static_cast<std::size_t>(top.number)].count; now > 0 && now < top.count) queue_.push({now, top.pair, top.number});
    }
    return {};
  }
  /// Merges every occurrence of a pair, in each word from the left.
  void merge(token_pair pair, std::int32_t product) {
    const auto number = numbers_.find(pair);
    if (number < 0) return;
    auto places = std::move(pairs_[static_cast<std::size_t>(number)].places);
    pairs_[static_cast<std::size_t>(number)].places.clear();
    std::ranges::sort(places);
    for (const auto left : places) {
      if (at(left).next < 0 || at(left).id != pair.left || at(at(left).next).id != pair.right) continue;
      const auto right = at(left).next, before = at(left).before, after = at(right).next;
      if (before >= 0) change(before, -1);
      change(left, -1);
      if (after >= 0) change(right, -1);
      at(left).id = product;
      at(left).next = after;
      at(right).id = gone;
      if (after >= 0) at(after).before = left;
      if (before >= 0) change(before, 1);
      if (after >= 0) change(left, 1);
    }
  }

 private:
  static constexpr std::int32_t gone = -1;
  struct symbol {
    std::int32_t id, before, next, word;
  };
  struct counted_pair {
    token_pair pair;
    std::int64_t count = 0;
    std::vector<std::int32_t> places{};  // of the left symbol; some are stale
    bool touched = false;                // its count may have grown since it was queued
  };
  struct queued {
    std::int64_t count;
    token_pair pair;
    std::int32_t number;
    bool operator<(const queued& other) const { return count != other.count ? count < other.count : other.pair < pair; }
  };
  symbol& at(std::int32_t i) { return symbols_[static_cast<std::size_t>(i)]; }

  /// The pair whose left symbol is at `left` appears (1) or disappears (-1).
  void change(std::int32_t left, std::int64_t sign) {
    const token_pair pair{at(left).id, at(at(left).next).id};
    const auto number = numbers_.insert(pair, static_cast<std::int32_t>(pairs_.size()));
    if (number == static_cast<std::int32_t>(pairs_.size())) pairs_.push_back({pair});
    auto& counted = pairs_[static_cast<std::size_t>(number)];
    counted.count += sign * counts_[static_cast<std::size_t>(at(left).word)];
    if (sign < 0) return;
    counted.places.push_back(left);
    if (!counted.touched) touched_.push_back(number);
    counted.touched = true;
  }

  std::vector<symbol> symbols_;
  std::vector<std::int64_t> counts_;  // of words
  pair_table numbers_;
  std::vector<counted_pair> pairs_;
  std::vector<std::int32_t> touched_;
  std::priority_queue<queued> queue_;
};

/// add() the texts, then train().
class bpe_trainer {
 public:
  static constexpr int least_size = 257, most_size = 65'536;

  explicit bpe_trainer(bpe_splitting splitting = bpe_splitting::gpt2) : splitting_(splitting) {}

  /// Accepts any bytes, UTF-8 or not. No merge crosses the beginning or end of a text.
  void add(std::string_view text) {
    split_bpe(text, splitting_, [&](std::string_view piece) {
      if (const auto found = words_.find(piece); found != words_.end())
        ++found->second;
      else
        words_.emplace(piece, 1);
    });
  }
  std::int64_t different_words() const { return std::ssize(words_); }

  /// Returns a tokenizer of `size` tokens: the 256 bytes in alphabet order, one token for each merge, and <|endoftext|> last.
  /// Calls report(done, all) after each merge. Throws input_error when the texts have too few pairs.
  template <class Report> bpe_tokenizer train(int size, Report&& report) const {
    if (size < least_size || size > most_size) errors::wrong_vocabulary_size(size, least_size, most_size);
    bpe_model model{.splitting = splitting_};
    std::vector<std::int32_t> ids(256);
    for (std::int32_t id = 0; id < 256; ++id) {
      const auto byte = alphabet_[static_cast<std::size_t>(id)];
      model.tokens.emplace_back(1, static_cast<char>(byte));
      ids[byte] = id;
    }
    bpe_merge_counter counter;
    add_words(counter, ids);
    std::unordered_map<std::string, std::int32_t> made;  // two pairs may make the same token; it has one id
    const auto wanted = static_cast<std::size_t>(size) - 1;
    while (model.tokens.size() < wanted) {
      const auto [pair, count] = counter.most_frequent();
      if (count == 0) errors::too_few_pairs(std::ssize(model.tokens) + 1, size);
      auto bytes = model.tokens[static_cast<std::size_t>(pair.left)] + model.tokens[static_cast<std::size_t>(pair.right)];
      const auto [token, is_new] = made.emplace(bytes, static_cast<std::int32_t>(model.tokens.size()));
      if (is_new) model.tokens.push_back(std::move(bytes));
      model.merges.push_back(pair);
      counter.merge(pair, token->second);
      report(std::ssize(model.tokens) - 256, std::int64_t{size} - 257);
    }
    model.tokens.emplace_back("<|endoftext|>");
    return bpe_tokenizer(std::move(model));
  }
  bpe_tokenizer train(int size) const {
    return train(size, [](std::int64_t, std::int64_t) {});
  }

 private:
  struct by_bytes {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct same_bytes {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };

  void add_words(bpe_merge_counter& counter, const std::vector<std::int32_t>& ids) const {
    std::vector<std::int32_t> word;
    for (const auto& [bytes, count] : words_) {
      word.clear();
      for (const char byte : bytes) word.push_back(ids[static_cast<unsigned char>(byte)]);
      counter.add_word(word, count);
    }
  }

  bpe_splitting splitting_;
  std::unordered_map<std::string, std::int64_t, by_bytes, same_bytes> words_;
  std::vector<unsigned char> alphabet_ = detail::bytes_in_order();
};

/// Trains on texts in memory; see bpe_trainer.
inline bpe_tokenizer train_bpe(std::span<const std::string_view> texts, int size, bpe_splitting splitting = bpe_splitting::gpt2) {
  bpe_trainer trainer(splitting);
  for (const auto text : texts) trainer.add(text);
  return trainer.train(size);
}

}  // namespace raptr
