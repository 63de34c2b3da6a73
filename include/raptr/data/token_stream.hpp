// SPDX-License-Identifier: Apache-2.0
// A whole text as tokens in memory: the documents in order, each followed by the end of text. Vocabularies of up to
// 65,536 ids take two bytes a token, larger ones four.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <raptr/data/documents.hpp>
#include <raptr/data/token_source.hpp>
#include <raptr/tokenizers/error.hpp>
#include <raptr/tokenizers/tokenizer.hpp>
#include <raptr/tokenizers/unknown_tally.hpp>

namespace raptr {

class token_stream {
 public:
  /// Reads and tokenises files and folders. Throws as find_texts() and read_documents() do.
  template <tokenizer Tokenizer>
  token_stream(const Tokenizer& tokens, const std::vector<std::filesystem::path>& from, documents split = documents::whole_file)
      : token_stream(tokens) {
    const auto texts = find_texts(from);
    std::uint64_t room = 0;  // reserved memory is free until touched; growing copies
    for (const auto& path : texts.files) {
      std::error_code ignored;
      if (const auto bytes = std::filesystem::file_size(path, ignored); !ignored) room += bytes + 1;
    }
    std::visit([&](auto& ids) { ids.reserve(static_cast<std::size_t>(room)); }, ids_);
    report_ = read_documents(texts, split, [&](std::string_view document, const std::filesystem::path&) { add(tokens, document); });
    hash_ = token_hash(*this);
  }
  /// Tokenises documents that are in memory already.
  template <tokenizer Tokenizer> token_stream(const Tokenizer& tokens, std::span<const std::string_view> texts) : token_stream(tokens) {
    for (const auto document : texts) {
      add(tokens, document);
      ++report_.documents;
      report_.bytes += std::ssize(document);
    }
    hash_ = token_hash(*this);
  }

  std::int64_t size() const {
    return std::visit([](const auto& ids) { return std::int64_t{std::ssize(ids)}; }, ids_);
  }
  /// Tokens first .. first + out.size() - 1. Throws input_error when they are out of range.
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    if (first < 0 || first > size() || std::ssize(out) > size() - first) errors::outside_tokens(first, std::ssize(out), size());
    std::visit([&](const auto& ids) { std::copy_n(ids.begin() + first, out.size(), out.begin()); }, ids_);
  }
  raptr::vocabulary vocabulary() const { return vocabulary_; }
  const std::string& tokenizer_name() const { return tokenizer_name_; }
  const text_report& report() const { return report_; }
  /// What became the unknown token, of a tokenizer that has one and counts it.
  const unknown_tally& unknown() const { return unknown_; }
  /// token_hash() of all.
  std::uint64_t hash() const { return hash_; }

 private:
  template <class Tokenizer> explicit token_stream(const Tokenizer& tokens) : vocabulary_(tokens.vocabulary()), tokenizer_name_(tokens.name()) {
    if (vocabulary_.size > 65'536) ids_.emplace<std::vector<std::int32_t>>();
  }

  template <class Tokenizer> void add(const Tokenizer& tokens, std::string_view document) {
    std::visit(
        [&]<class Id>(std::vector<Id>& ids) {
          const auto before = ids.size();
          if constexpr (requires { tokens.encode(document, ids, unknown_); }) {
            tokens.encode(document, ids, unknown_);
            for (auto at = before; at < ids.size(); ++at) check(ids[at]);
          } else if constexpr (requires { tokens.encode(document, ids); }) {
            tokens.encode(document, ids);
            for (auto at = before; at < ids.size(); ++at) check(ids[at]);
          } else {
            scratch_.clear();
            tokens.encode(document, scratch_);
            for (const auto id : scratch_) {
              check(id);
              ids.push_back(static_cast<Id>(id));
            }
          }
          if (vocabulary_.end_of_text >= 0) ids.push_back(static_cast<Id>(vocabulary_.end_of_text));
        },
        ids_);
  }
  void check(std::int64_t id) const {
    if (id < 0 || id >= vocabulary_.size) errors::wrong_id(tokenizer_name_, id, vocabulary_.size);
  }

  raptr::vocabulary vocabulary_;
  std::string tokenizer_name_;
  std::variant<std::vector<std::uint16_t>, std::vector<std::int32_t>> ids_;
  std::vector<std::int32_t> scratch_;
  text_report report_;
  unknown_tally unknown_;
  std::uint64_t hash_ = 0;
};
static_assert(token_source<token_stream>);

}  // namespace raptr
