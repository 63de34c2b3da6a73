// SPDX-License-Identifier: Apache-2.0
// The tokens that one or more files give an id, by spelling and by id. Together the ids must be 0 .. n - 1, which is known when all files
// are read; an error names the file that gave the token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/tokenizers/error.hpp>

namespace raptr::detail {

/// Whether a token is one of the vocabularies that mark the end of a word: "the</w>".
inline bool ends_a_word(std::string_view token) {
  constexpr std::string_view mark = "</w>";
  return token.size() > mark.size() && token.ends_with(mark);
}

class token_table {
 public:
  /// file: the one that holds the vocabulary.
  explicit token_table(std::filesystem::path file) : files_{std::move(file)} {}

  /// A token of the vocabulary. Throws file_error if its spelling is that of a word's end, or if the id is no whole number.
  void add(const std::string& spelling, const json& id) {
    if (ends_a_word(spelling)) errors::word_end_in_vocabulary(shown(file()), spelling);
    insert(spelling, number(id, spelling, file()), file());
  }
  /// A special token that `from` adds, or of which it repeats the id.
  void add_special(const std::string& name, const json& id, const std::filesystem::path& from) {
    const auto n = number(id, name, from);
    const auto known = places_.find(name);
    if (known == places_.end()) return insert(name, n, from);
    const auto& [spelling, first, in] = entries_[known->second];
    if (first == n) return;
    const auto other = files_[in] == from ? "" : " in " + shown(files_[in]);
    errors::wrong_member(from, name, "one id", std::to_string(first) + other + " and " + std::to_string(n));
  }
  /// Throws file_error unless the ids are 0 .. size() - 1.
  void check() const {
    std::vector<const entry*> found(entries_.size());
    for (const auto& one : entries_) {
      const auto& [spelling, id, in] = one;
      if (id < 0 || id >= size())
        errors::wrong_member(files_[in], spelling,
                             "an id of 0 to " + std::to_string(size() - 1) + ", as there are " + std::to_string(size()) + " tokens",
                             std::to_string(id));
      auto*& place = found[static_cast<std::size_t>(id)];
      if (place != nullptr)
        errors::wrong_member(files_[in], spelling, "a unique id", std::to_string(id) + ", the id of \"" + shown(place->spelling) + "\"");
      place = &one;
    }
  }
  /// The id of a token; -1 if there is none. Call check() before.
  std::int32_t find(std::string_view spelling) const {
    const auto found = places_.find(std::string(spelling));
    return found == places_.end() ? -1 : static_cast<std::int32_t>(entries_[found->second].id);
  }
  std::int64_t size() const { return std::ssize(entries_); }
  const std::filesystem::path& file() const { return files_.front(); }
  /// In order of id. Call check() before.
  std::vector<std::string> spellings() const {
    std::vector<std::string> all(entries_.size());
    for (const auto& one : entries_) all[static_cast<std::size_t>(one.id)] = one.spelling;
    return all;
  }

 private:
  struct entry {
    std::string spelling;
    std::int64_t id;
    std::size_t file;
  };
  static std::int64_t number(const json& id, const std::string& spelling, const std::filesystem::path& from) {
    if (!id.is_number_integer() || !json_fits<std::int64_t>(id)) errors::wrong_member(from, spelling, "a whole number", shown_json(id));
    return id.get<std::int64_t>();
  }
  void insert(const std::string& spelling, std::int64_t id, const std::filesystem::path& from) {
    if (files_.back() != from) files_.push_back(from);
    places_.emplace(spelling, entries_.size());
    entries_.push_back({spelling, id, files_.size() - 1});
  }

  std::vector<std::filesystem::path> files_;
  std::vector<entry> entries_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace raptr::detail
