// SPDX-License-Identifier: Apache-2.0
// Byte-level tokenizers in the files of Hugging Face's libraries: vocab.json with merges.txt, and tokenizer.json. Settings
// that would give other ids than those libraries do are rejected, never ignored. A line of merges.txt that begins with '#'
// is a merge, unless it is the first one and begins with "#version".
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
#include <raptr/tokenizers/bpe.hpp>
#include <raptr/tokenizers/bpe_writer.hpp>
#include <raptr/tokenizers/detail/lines.hpp>

namespace raptr {

namespace detail {

using id_of_spelling = std::unordered_map<std::string, std::int32_t>;

/// Spellings and ids, which must be 0 .. n - 1.
class bpe_vocabulary {
 public:
  explicit bpe_vocabulary(const std::filesystem::path& file) : file_(file) {}

  void add(const std::string& spelling, const json& id, std::int64_t size) {
    if (!id.is_number_integer() || !json_fits<std::int64_t>(id)) errors::wrong_member(file_, spelling, "a whole number", shown_json(id));
    const auto n = id.get<std::int64_t>();
    if (n < 0 || n >= size)
      errors::wrong_member(file_, spelling, "an id of 0 to " + std::to_string(size - 1) + ", as there are " + std::to_string(size) + " tokens",
                           std::to_string(n));
    spellings_.resize(static_cast<std::size_t>(size));
    auto& place = spellings_[static_cast<std::size_t>(n)];
    if (place.second) errors::wrong_member(file_, spelling, "a unique id", std::to_string(n) + ", the id of \"" + shown(place.first) + "\"");
    place = {spelling, true};
    ids_.emplace(spelling, static_cast<std::int32_t>(n));
  }
  std::int32_t find(std::string_view spelling) const {
    const auto found = ids_.find(std::string(spelling));
    return found == ids_.end() ? -1 : found->second;
  }
  std::int64_t size() const { return std::ssize(spellings_); }
  /// The bytes of each token; spellings outside the byte alphabet are kept as they are.
  std::vector<std::string> tokens() const {
    std::vector<std::string> all;
    for (const auto& [spelling, given] : spellings_) {
      if (!given) errors::unexpected(file_, "ids without gaps", "no token with the id " + std::to_string(all.size()));
      all.push_back(bytes_spelled(spelling).value_or(spelling));
    }
    return all;
  }

 private:
  const std::filesystem::path& file_;
  std::vector<std::pair<std::string, bool>> spellings_;
  id_of_spelling ids_;
};

inline token_pair merge_of(std::string_view left, std::string_view right, const bpe_vocabulary& all, const std::string& where) {
  const token_pair pair{all.find(left), all.find(right)};
  for (const auto& [id, part] : {std::pair{pair.left, left}, std::pair{pair.right, right}})
    if (id < 0) errors::merge_of_unknown(where, part, all.size());
  return pair;
}
/// "left right"
inline token_pair merge_of(std::string_view line, const bpe_vocabulary& all, const std::string& where) {
  const auto space = line.find(' ');
  if (space == line.npos || space == 0 || space + 1 == line.size() || line.find(' ', space + 1) != line.npos) errors::wrong_merge_line(where, line);
  return merge_of(line.substr(0, space), line.substr(space + 1), all, where);
}

/// Adds the name of the file to errors of the tokenizer, which name only numbers.
inline bpe_tokenizer made_tokenizer(bpe_model model, const std::filesystem::path& file) {
  try {
    return bpe_tokenizer(std::move(model));
  } catch (const input_error& wrong) {
    errors::wrong_tokenizer(file, wrong);
  }
}

inline bpe_tokenizer read_vocab_and_merges(const std::filesystem::path& vocab_file, const std::filesystem::path& merges_file) {
  const auto vocab = read_json(vocab_file);
  if (!vocab.is_object()) errors::unexpected(vocab_file, "an object of tokens and ids", shown_json(vocab));
  bpe_vocabulary all(vocab_file);
  for (const auto& [spelling, id] : vocab.items()) all.add(spelling, id, std::ssize(vocab));
  bpe_model model{.tokens = all.tokens(), .merge_place = shown(merges_file) + ", line "};
  std::int64_t empty = 0;  // the first empty line; empty lines are allowed at the end only
  read_lines(merges_file, [&](std::int64_t number, std::string_view line) {
    if (number == 1 && line.starts_with("#version")) return;
    if (line.empty()) {
      if (empty == 0) empty = number;
      return;
    }
    if (empty > 0) errors::wrong_merge_line(model.merge_place + std::to_string(empty), "");
    if (model.merges.empty()) model.first_merge = number;
    model.merges.push_back(merge_of(line, all, model.merge_place + std::to_string(number)));
  });
  return made_tokenizer(std::move(model), vocab_file);
}

/// Rejects a member that would change ids; absent and null are accepted.
inline void need_plain(const json& object, std::string_view name, const json& plain, const std::filesystem::path& file) {
  const auto found = object.find(std::string(name));
  if (found != object.end() && !found->is_null() && *found != plain)
    errors::wrong_member(file, name, plain.is_null() ? "null, as in GPT-2" : shown_json(plain) + ", as in GPT-2", shown_json(*found));
}

inline bpe_tokenizer read_tokenizer_json(const json& file_json, const std::filesystem::path& file) {
  need_plain(file_json, "normalizer", nullptr, file);
  const auto splitting = json_member<json>(file_json, "pre_tokenizer", file);
  if (const auto type = json_member<std::string>(splitting, "type", file); type != "ByteLevel")
    errors::wrong_member(file, "pre_tokenizer", "\"ByteLevel\", the pre-tokenizer of GPT-2", "\"" + shown(type) + "\"");
  need_plain(splitting, "use_regex", true, file);
  if (json_member<bool>(splitting, "add_prefix_space", file))
    errors::wrong_member(file, "add_prefix_space", "false: decoding would not remove the added space", "true");
  const auto model_json = json_member<json>(file_json, "model", file);
  if (model_json.contains("type"))
    if (const auto type = json_member<std::string>(model_json, "type", file); type != "BPE")
      errors::wrong_member(file, "type", "\"BPE\"", "\"" + shown(type) + "\"");
  need_plain(model_json, "dropout", nullptr, file);
  for (const auto name : {"continuing_subword_prefix", "end_of_word_suffix"}) need_plain(model_json, name, "", file);
  for (const auto name : {"byte_fallback", "ignore_merges"}) need_plain(model_json, name, false, file);

  const auto vocab = json_member<json>(model_json, "vocab", file);
  if (!vocab.is_object()) errors::wrong_member(file, "vocab", "an object of tokens and ids", shown_json(vocab));
  const json added = file_json.contains("added_tokens") ? file_json["added_tokens"] : json::array();
  if (!added.is_array()) errors::wrong_member(file, "added_tokens", "an array", shown_json(added));
  std::int64_t size = std::ssize(vocab);
  std::vector<std::pair<std::string, json>> further;
  std::unordered_map<std::string, json> known;  // lookup in an ordered object is linear
  for (const auto& [spelling, id] : vocab.items()) known.emplace(spelling, id);
  for (const auto& one : added) {
    const auto name = json_member<std::string>(one, "content", file);
    if (!json_member<bool>(one, "special", file))
      errors::wrong_member(file, "added_tokens", "special tokens only", "\"" + shown(name) + "\", which plain text could produce");
    if (!spells_itself(name))
      errors::wrong_member(file, "added_tokens", "names that the byte alphabet does not decode to other bytes", "\"" + shown(name) + "\"");
    const auto id = json_member<json>(one, "id", file);
    const auto [at, is_new] = known.emplace(name, id);
    if (is_new)
      further.emplace_back(name, id), ++size;
    else if (at->second != id)
      errors::wrong_member(file, name, "one id", shown_json(at->second) + " and " + shown_json(id));
  }
  bpe_vocabulary all(file);
  for (const auto& [spelling, id] : vocab.items()) all.add(spelling, id, size);
  for (const auto& [name, id] : further) all.add(name, id, size);

  bpe_model model{.tokens = all.tokens(), .merge_place = shown(file) + ", merge "};
  const auto merges = json_member<json>(model_json, "merges", file);
  if (!merges.is_array()) errors::wrong_member(file, "merges", "an array", shown_json(merges));
  for (const auto& merge : merges) {
    const auto where = model.merge_place + std::to_string(model.merges.size());
    if (merge.is_string())
      model.merges.push_back(merge_of(merge.get_ref<const std::string&>(), all, where));
    else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
      model.merges.push_back(merge_of(merge[0].get<std::string>(), merge[1].get<std::string>(), all, where));
    else
      errors::wrong_merge_line(where, shown_json(merge));
  }
  auto tokenizer = made_tokenizer(std::move(model), file);
  for (const auto& one : added)
    if (const auto name = one["content"].get<std::string>(); !tokenizer.is_special(all.find(name)))
      errors::wrong_member(file, "added_tokens", "tokens that are neither a byte nor made by a merge", "\"" + shown(name) + "\"");
  return tokenizer;
}

}  // namespace detail

/// Reads a byte-level tokenizer.
///
///   from  a folder with tokenizer.json, else with vocab.json and merges.txt; or one of these files
///
/// Throws file_error with file and line or member for files that are damaged or do not match, and for settings that would
/// give other ids.
inline bpe_tokenizer read_bpe(const std::filesystem::path& from) {
  std::error_code ignored;
  if (std::filesystem::is_directory(from, ignored)) {
    if (std::filesystem::exists(from / "tokenizer.json", ignored)) return read_bpe(from / "tokenizer.json");
    if (!std::filesystem::exists(from / "vocab.json", ignored)) errors::no_tokenizer_in(from);
    return detail::read_vocab_and_merges(from / "vocab.json", from / "merges.txt");
  }
  if (from.filename() == "vocab.json" || from.filename() == "merges.txt")
    return detail::read_vocab_and_merges(folder_of(from) / "vocab.json", folder_of(from) / "merges.txt");
  return detail::read_tokenizer_json(read_json(from, std::uint64_t{1} << 28), from);
}

}  // namespace raptr
