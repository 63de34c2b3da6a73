// SPDX-License-Identifier: Apache-2.0
// The byte-level tokenizer of GPT-2 and Llama 3: pre-tokenisation, then byte pair encoding of each pre-token. All 256 bytes are tokens,
// so any bytes can be encoded and restored. There is no growing cache: pre-tokens that are one token, as most are, are
// indexed at construction, and encoding is const and thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/tokenizers/detail/bpe_model.hpp>
#include <raptr/tokenizers/detail/bpe_split.hpp>
#include <raptr/tokenizers/detail/token_index.hpp>
#include <raptr/tokenizers/error.hpp>
#include <raptr/tokenizers/special_tokens.hpp>
#include <raptr/tokenizers/tokenizer.hpp>

namespace raptr {

class bpe_tokenizer {
 public:
  /// Throws input_error for a byte without a token, for two tokens of the same bytes and for a merge of or into ids that do
  /// not exist.
  explicit bpe_tokenizer(bpe_model model) : model_(std::move(model)) {
    check_size();
    detail::token_index all(model_.tokens.size());
    for (std::size_t id = 0; id < model_.tokens.size(); ++id)
      if (const auto other = all.insert(static_cast<std::int32_t>(id), model_.tokens); other >= 0)
        errors::equal_tokens(other, static_cast<std::int64_t>(id), model_.tokens[id]);
    for (int byte = 0; byte < 256; ++byte) {
      const char one = static_cast<char>(static_cast<unsigned char>(byte));
      bytes_[static_cast<std::size_t>(byte)] = all.find(std::string_view(&one, 1), model_.tokens);
      if (bytes_[static_cast<std::size_t>(byte)] < 0) errors::byte_without_token(byte, size());
    }
    is_special_.assign(model_.tokens.size(), true);
    for (const auto id : bytes_) is_special_[static_cast<std::size_t>(id)] = false;
    add_pre_tokens();
    add_merges(all);
    add_whole_pieces();
    name_specials();
  }

  /// Identifies the tokenizer: size and CRC-32C of tokens, merges and how they are used.
  const std::string& name() const { return name_; }
  raptr::vocabulary vocabulary() const { return vocabulary_; }
  /// Gives special tokens the roles that a file states as ids; -1 leaves a role to the names. Throws input_error for an id that text may
  /// produce.
  void assign_roles(const raptr::vocabulary& stated) {
    for (const auto id : {stated.end_of_text, stated.mask, stated.pad, stated.cls, stated.sep}) {
      if (id >= size()) errors::wrong_id(name(), id, size());
      if (id >= 0 && !is_special(id)) errors::plain_role(name(), id, token(id));
    }
    vocabulary_ = special_names(
        size(), [&](std::string_view wanted) { return find_special(wanted); }, stated);
  }

  /// Appends the ids of a text; no text produces special ids.
  template <class Id> void encode(std::string_view text, std::vector<Id>& ids) const {
    detail::bpe_merger merger;
    split_bpe(text, model_.splitting, [&](std::string_view piece) { encode_piece(piece, merger, ids); });
  }
  /// Special ids decode to nothing. Throws input_error for an id outside of the vocabulary.
  std::string decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const auto id : ids) {
      if (id < 0 || id >= size()) errors::wrong_id(name(), id, size());
      if (!is_special_[static_cast<std::size_t>(id)]) text += token(id);
    }
    return text;
  }

  int size() const { return static_cast<int>(model_.tokens.size()); }
  const bpe_model& model() const { return model_; }
  /// The bytes of a token, or the name of a special one. id: in the vocabulary.
  const std::string& token(std::int32_t id) const { return model_.tokens[static_cast<std::size_t>(id)]; }
  /// Ids that no text produces, ascending.
  const std::vector<std::int32_t>& specials() const { return specials_; }
  bool is_special(std::int32_t id) const { return id >= 0 && id < size() && is_special_[static_cast<std::size_t>(id)]; }

 private:
  template <class Id> void encode_piece(std::string_view piece, detail::bpe_merger& merger, std::vector<Id>& ids) const {
    if (const auto whole = whole_.find(piece, model_.tokens); whole >= 0)
      ids.push_back(static_cast<Id>(whole));
    else
      merger.join(piece, bytes_, merges_, [&](std::int32_t id) { ids.push_back(static_cast<Id>(id)); });
  }

  void check_size() const {
    if (model_.tokens.size() > std::size_t{1} << 24) errors::too_many_tokens(std::ssize(model_.tokens), std::int64_t{1} << 24);
  }
  std::string place_of(std::size_t rank) const { return model_.merge_place + std::to_string(model_.first_merge + static_cast<std::int64_t>(rank)); }
  void add_merges(const detail::token_index& all) {
    for (std::size_t rank = 0; rank < model_.merges.size(); ++rank) {
      const auto pair = model_.merges[rank];
      if (pair.left < 0 || pair.left >= size() || pair.right < 0 || pair.right >= size())
        errors::merge_outside(place_of(rank), pair.left, pair.right, size());
      const auto bytes = token(pair.left) + token(pair.right);
      const auto product = all.find(bytes, model_.tokens);
      if (product < 0) errors::merge_without_token(place_of(rank), bytes, size());
      const auto first = merges_.ranks.insert(pair, static_cast<std::int32_t>(rank));
      if (first != static_cast<std::int32_t>(rank))
        errors::merge_twice(place_of(rank), model_.first_merge + first, token(pair.left), token(pair.right));
      merges_.products.push_back(product);
      is_special_[static_cast<std::size_t>(product)] = false;
    }
    for (std::size_t rank = 0; rank < model_.merges.size(); ++rank)
      for (const auto id : {model_.merges[rank].left, model_.merges[rank].right})
        if (is_special_[static_cast<std::size_t>(id)]) errors::merge_of_special(place_of(rank), token(id));
  }
  /// With ignore_merges, text produces a token that is a pre-token, whether merges lead to it or not.
  void add_pre_tokens() {
    if (!model_.ignore_merges) return;
    for (std::int32_t id = 0; id < size(); ++id) {
      int pieces = 0;
      split_bpe(token(id), model_.splitting, [&](std::string_view) { ++pieces; });
      if (pieces == 1) is_special_[static_cast<std::size_t>(id)] = false;
    }
  }
  /// Indexes the tokens that merging their own bytes produces: a pre-token with exactly these bytes needs no merging. With
  /// ignore_merges, all that text produces.
  void add_whole_pieces() {
    detail::bpe_merger merger;
    for (std::int32_t id = 0; id < size(); ++id) {
      if (is_special(id)) continue;
      if (model_.ignore_merges) {
        whole_.insert(id, model_.tokens);
        continue;
      }
      std::int32_t only = -1, parts = 0;
      merger.join(token(id), bytes_, merges_, [&](std::int32_t part) { only = part, ++parts; });
      if (parts == 1 && only == id) whole_.insert(id, model_.tokens);
    }
  }
  void name_specials() {
    std::uint32_t sum = 0;
    for (std::int32_t id = 0; id < size(); ++id) {
      if (is_special(id)) specials_.push_back(id);
      sum = crc32c(std::as_bytes(std::span(token(id).c_str(), token(id).size() + 1)), sum);
    }
    sum = crc32c(std::as_bytes(std::span(model_.merges)), sum);
    if (model_.splitting == bpe_splitting::llama3) sum = crc32c(std::as_bytes(std::span(llama3_pattern)), sum);
    if (model_.ignore_merges) sum = crc32c(std::as_bytes(std::span(std::string_view("ignore_merges"))), sum);
    name_ = "bpe-" + std::to_string(size()) + "-" + crc_text(sum);
    assign_roles({});
  }
  std::int32_t find_special(std::string_view wanted) const {
    const auto found = std::ranges::find_if(specials_, [&](std::int32_t id) { return token(id) == wanted; });
    return found == specials_.end() ? -1 : *found;
  }

  bpe_model model_;
  std::array<std::int32_t, 256> bytes_{};
  detail::merge_ranks merges_;
  std::vector<bool> is_special_;
  std::vector<std::int32_t> specials_;
  detail::token_index whole_{model_.tokens.size()};
  raptr::vocabulary vocabulary_;
  std::string name_;
};
static_assert(tokenizer<bpe_tokenizer>);

}  // namespace raptr
