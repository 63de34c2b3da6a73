// SPDX-License-Identifier: Apache-2.0
// The tokenizer of BERT: basic tokenisation, then in each word the longest matching token, repeatedly from the left;
// tokens inside a word begin with "##". Encoding is lossy: decode() returns words with one space between them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/tokenizers/detail/bert_split.hpp>
#include <raptr/tokenizers/detail/token_index.hpp>
#include <raptr/tokenizers/error.hpp>
#include <raptr/tokenizers/special_tokens.hpp>
#include <raptr/tokenizers/tokenizer.hpp>
#include <raptr/tokenizers/unknown_tally.hpp>

namespace raptr {

/// What the files of a model may state besides its tokens and the splitting.
struct wordpiece_options {
  std::string unknown = "[UNK]";         ///< replaces words that the tokens cannot form
  std::size_t longest_word = 100;        ///< a word of more code points is unknown
  std::vector<std::int32_t> specials{};  ///< besides [PAD], [CLS], [SEP], [MASK] and the roles
  vocabulary roles{};                    ///< ids; -1 leaves a role to the names
};

/// Whether some text may produce a token.
inline bool text_may_produce(std::string_view token, const bert_splitting& how) {
  std::size_t words = 0;
  bool itself = false;
  split_bert(token, how, [&](std::string_view word) { ++words, itself = word == token; });
  return token.starts_with("##") || (words == 1 && itself);
}

class wordpiece_tokenizer {
 public:
  /// tokens: in order of id. Throws input_error for two equal ones, an empty one, one that is not UTF-8, a missing unknown token, and
  /// for special ones that text may produce.
  explicit wordpiece_tokenizer(std::vector<std::string> tokens, bert_splitting how = {}, const wordpiece_options& options = {})
      : tokens_(std::move(tokens)), how_(how), longest_word_(options.longest_word), ids_(tokens_.size()) {
    if (tokens_.size() > std::size_t{1} << 24) errors::too_many_tokens(std::ssize(tokens_), std::int64_t{1} << 24);
    std::uint32_t sum = 0;
    for (std::int32_t id = 0; id < size(); ++id) {
      if (token(id).empty() || !is_utf8(token(id))) errors::wrong_word(id, token(id));
      if (const auto other = ids_.insert(id, tokens_); other >= 0) errors::equal_tokens(other, id, token(id));
      longest_ = std::max(longest_, token(id).size());
      sum = crc32c(std::as_bytes(std::span(token(id).c_str(), token(id).size() + 1)), sum);
    }
    unknown_ = ids_.find(options.unknown, tokens_);
    if (unknown_ < 0) errors::no_unknown_token(size(), options.unknown);
    name_ = "wordpiece-" + std::to_string(size()) + "-" + crc_text(sum) + (how_.lower_case ? "-lower" : "") + (how_.strip_accents ? "-strip" : "") +
            (how_.split_ideographs ? "" : "-joined");
    if (const wordpiece_options usual; options.unknown != usual.unknown) name_ += "-unknown" + std::to_string(unknown_);
    if (const wordpiece_options usual; longest_word_ != usual.longest_word) name_ += "-longest" + std::to_string(longest_word_);
    name_specials(options);
  }

  /// Identifies the tokenizer: size, CRC-32C of the tokens, the splitting, and unusual options.
  const std::string& name() const { return name_; }
  raptr::vocabulary vocabulary() const { return vocabulary_; }

  /// Appends the ids of a text, without [CLS] and [SEP]. A word that tokens cannot form becomes the unknown token.
  template <class Id> void encode(std::string_view text, std::vector<Id>& ids) const {
    std::string part;
    split_bert(text, how_, [&](std::string_view word) { (void)encode_word(word, part, ids); });
  }
  /// The same; counts the unknown words, and their characters that have no token at their place.
  template <class Id> void encode(std::string_view text, std::vector<Id>& ids, unknown_tally& tally) const {
    std::string part;
    split_bert(text, how_, [&](std::string_view word) {
      if (!encode_word(word, part, ids)) count_unknown(word, tally);
    });
  }
  /// Words with a space between them; special ids decode to nothing. Throws input_error for an id outside of the vocabulary.
  std::string decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const auto id : ids) {
      if (id < 0 || id >= size()) errors::wrong_id(name(), id, size());
      if (is_special(id)) continue;
      std::string_view word = token(id);
      if (word.starts_with("##") && !text.empty())
        word.remove_prefix(2);
      else if (!text.empty())
        text += ' ';
      text += word;
    }
    return text;
  }

  int size() const { return static_cast<int>(tokens_.size()); }
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  const std::vector<std::string>& tokens() const { return tokens_; }
  const bert_splitting& splitting() const { return how_; }
  const std::string& unknown() const { return token(unknown_); }
  std::size_t longest_word() const { return longest_word_; }
  /// Ids that no text produces, ascending: those of roles, and what the options add.
  const std::vector<std::int32_t>& specials() const { return specials_; }
  bool is_special(std::int32_t id) const { return std::ranges::binary_search(specials_, id); }
  /// For every id, whether its token goes on with the word before it: "##able".
  std::vector<bool> inside_word() const {
    std::vector<bool> inside;
    for (const std::string& word : tokens_) inside.push_back(word.starts_with("##"));
    return inside;
  }

 private:
  static std::size_t letters_of(std::string_view word) {
    return static_cast<std::size_t>(std::ranges::count_if(word, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  /// Whether tokens form the word.
  template <class Id> bool encode_word(std::string_view word, std::string& part, std::vector<Id>& ids) const {
    const auto before = ids.size();
    bool known = letters_of(word) <= longest_word_;
    for (std::size_t done = 0; known && done < word.size();) {
      part.assign(done == 0 ? "" : "##").append(word.substr(done));
      const std::size_t mark = done == 0 ? 0 : 2;
      known = false;
      for (auto length = std::min(longest_, part.size()); length > mark && !known; --length)
        if (const auto id = ids_.find(std::string_view(part).substr(0, length), tokens_); id >= 0) {
          ids.push_back(static_cast<Id>(id));
          done += length - mark;
          known = true;
        }
    }
    if (known) return true;
    ids.resize(before);
    ids.push_back(static_cast<Id>(unknown_));
    return false;
  }
  void count_unknown(std::string_view word, unknown_tally& tally) const {
    tally.add_word();
    if (letters_of(word) > longest_word_) return;  // its characters may all have tokens
    for (std::string part; !word.empty(); part = "##") {
      const auto next = first_code_point(word);
      if (ids_.find(part.append(word.substr(0, next.length)), tokens_) < 0) tally.add_character(next.value);
      word.remove_prefix(next.length);
    }
  }
  void name_specials(const wordpiece_options& options) {
    const auto& roles = options.roles;
    specials_ = options.specials;
    for (const auto id : {roles.end_of_text, roles.mask, roles.pad, roles.cls, roles.sep})
      if (id >= 0) specials_.push_back(id);
    for (const auto id : specials_) {
      if (id < 0 || id >= size()) errors::wrong_id(name(), id, size());
      if (id == unknown_ || text_may_produce(token(id), how_)) errors::plain_role(name(), id, token(id));
    }
    for (const std::string_view special : {"[PAD]", "[CLS]", "[SEP]", "[MASK]"})
      if (const auto id = ids_.find(special, tokens_); id >= 0 && id != unknown_) specials_.push_back(id);
    std::ranges::sort(specials_);
    specials_.erase(std::unique(specials_.begin(), specials_.end()), specials_.end());
    const auto find = [&](std::string_view wanted) {
      const auto id = ids_.find(wanted, tokens_);
      return is_special(id) ? id : -1;
    };
    vocabulary_ = special_names(size(), find, roles);
  }

  std::vector<std::string> tokens_;
  bert_splitting how_;
  std::size_t longest_word_;
  detail::token_index ids_;
  std::size_t longest_ = 0;
  std::int32_t unknown_ = -1;
  std::vector<std::int32_t> specials_;
  raptr::vocabulary vocabulary_;
  std::string name_;
};
static_assert(tokenizer<wordpiece_tokenizer>);

}  // namespace raptr
