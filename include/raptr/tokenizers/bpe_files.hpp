// SPDX-License-Identifier: Apache-2.0
// Byte-level tokenizers in the files of Hugging Face's libraries: vocab.json with merges.txt, and tokenizer.json. Settings
// that would give other ids than those libraries do are rejected, never ignored. A line of merges.txt that begins with '#'
// is a merge, unless it is the first one and begins with "#version".
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/tokenizers/bpe.hpp>
#include <raptr/tokenizers/bpe_writer.hpp>
#include <raptr/tokenizers/detail/lines.hpp>
#include <raptr/tokenizers/detail/token_table.hpp>
#include <raptr/tokenizers/special_token_files.hpp>

namespace raptr {

namespace detail {

/// The bytes of each token; spellings outside the byte alphabet are kept as they are.
inline std::vector<std::string> bytes_of_tokens(const token_table& all) {
  auto tokens = all.spellings();
  for (auto& token : tokens)
    if (auto bytes = bytes_spelled(token)) token = *std::move(bytes);
  return tokens;
}

inline token_pair merge_of(std::string_view left, std::string_view right, const token_table& all, const std::string& where) {
  const token_pair pair{all.find(left), all.find(right)};
  for (const auto& [id, part] : {std::pair{pair.left, left}, std::pair{pair.right, right}})
    if (id < 0) errors::merge_of_unknown(where, part, all.size());
  return pair;
}
/// "left right"
inline token_pair merge_of(std::string_view line, const token_table& all, const std::string& where) {
  const auto space = line.find(' ');
  if (space == line.npos || space == 0 || space + 1 == line.size() || line.find(' ', space + 1) != line.npos) errors::wrong_merge_line(where, line);
  return merge_of(line.substr(0, space), line.substr(space + 1), all, where);
}

/// The special tokens that files add to a vocabulary.
class added_specials {
 public:
  /// Throws file_error for a name that would be read as other bytes.
  void add(token_table& all, const std::string& name, const json& id, const std::filesystem::path& file) {
    if (!spells_itself(name))
      errors::wrong_member(file, "added_tokens", "names that the byte alphabet does not decode to other bytes", in_quotes(name));
    all.add_special(name, id, file);
    names_.emplace_back(name, file);
  }
  void add(token_table& all, const special_token_files& beside) {
    beside.for_each_added([&](const std::string& name, const json& id, const std::filesystem::path& file) { add(all, name, id, file); });
  }
  void check(const token_table& all, const bpe_tokenizer& tokenizer) const {
    for (const auto& [name, file] : names_)
      if (!tokenizer.is_special(all.find(name)))
        errors::wrong_member(file, "added_tokens", "tokens that are neither a byte nor made by a merge", in_quotes(name));
  }

 private:
  std::vector<std::pair<std::string, std::filesystem::path>> names_;
};

/// Adds the name of the file to errors of the tokenizer, which name only numbers, and the roles that the files state.
inline bpe_tokenizer made_tokenizer(bpe_model model, const token_table& all, const added_specials& added, const special_token_files& beside) {
  try {
    bpe_tokenizer tokenizer(std::move(model));
    added.check(all, tokenizer);
    tokenizer.assign_roles(beside.roles(all, [&](std::int32_t id) { return !tokenizer.is_special(id); }));
    return tokenizer;
  } catch (const input_error& wrong) {
    errors::wrong_tokenizer(all.file(), wrong);
  }
}

/// Rejects a member that would change ids; absent and null are accepted.
inline void need_plain(const json& object, std::string_view name, const json& plain, const std::filesystem::path& file) {
  const auto found = object.find(std::string(name));
  if (found != object.end() && !found->is_null() && *found != plain)
    errors::wrong_member(file, name, plain.is_null() ? "null, as in GPT-2" : shown_json(plain) + ", as in GPT-2", shown_json(*found));
}
/// What tokenizer_config.json may state of a byte-level tokenizer.
inline void need_plain_settings(const object_file& settings) {
  for (const auto name : {"add_prefix_space", "do_lower_case"}) need_plain(settings.members, name, false, settings.path);
}

/// Calls each(number, line) for the merges of merges.txt. Throws file_error for an empty line, except at the end.
template <std::invocable<std::int64_t, std::string_view> Each> void for_each_merge_line(const std::filesystem::path& file, Each&& each) {
  std::int64_t empty = 0;  // the first empty line
  read_lines(file, [&](std::int64_t number, std::string_view line) {
    if (number == 1 && line.starts_with("#version")) return;
    if (line.empty()) {
      if (empty == 0) empty = number;
      return;
    }
    if (empty > 0) errors::wrong_merge_line(shown(file) + ", line " + std::to_string(empty), "");
    each(number, line);
  });
}
inline json read_vocab(const std::filesystem::path& file) {
  auto vocab = read_json(file);
  if (!vocab.is_object()) errors::unexpected(file, "an object of tokens and ids", shown_json(vocab));
  return vocab;
}

inline bpe_tokenizer read_vocab_and_merges(const std::filesystem::path& vocab_file, const std::filesystem::path& merges_file) {
  (void)present(vocab_file), (void)present(merges_file);
  const auto vocab = read_vocab(vocab_file);
  const special_token_files beside(folder_of(vocab_file));
  need_plain_settings(beside.settings);
  beside.settings.need_class({"GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "CodeGenTokenizer"});
  token_table all(vocab_file);
  for (const auto& [spelling, id] : vocab.items()) all.add(spelling, id);
  added_specials added;
  added.add(all, beside);
  all.check();
  bpe_model model{.tokens = bytes_of_tokens(all), .merge_place = shown(merges_file) + ", line "};
  for_each_merge_line(merges_file, [&](std::int64_t number, std::string_view line) {
    if (model.merges.empty()) model.first_merge = number;
    model.merges.push_back(merge_of(line, all, model.merge_place + std::to_string(number)));
  });
  return made_tokenizer(std::move(model), all, added, beside);
}

/// The splitting of a "pre_tokenizer": a ByteLevel with GPT-2's, or a Split by a known pattern before a ByteLevel that does not split.
inline bpe_splitting splitting_of(const json& splitting, const std::filesystem::path& file) {
  const auto need = [&](const json& step, const char* member, const json& wanted) {
    if (const json is = json_member<json>(step, member, file); is != wanted) errors::wrong_member(file, member, shown_json(wanted), shown_json(is));
  };
  const auto check_byte_level = [&](const json& step) {
    if (json_member<bool>(step, "add_prefix_space", file))
      errors::wrong_member(file, "add_prefix_space", "false: decoding would not remove the added space", "true");
  };
  const auto type = json_member<std::string>(splitting, "type", file);
  if (type == "ByteLevel") {
    need_plain(splitting, "use_regex", true, file);
    check_byte_level(splitting);
    return bpe_splitting::gpt2;
  }
  if (type != "Sequence")
    errors::wrong_member(file, "pre_tokenizer", "\"ByteLevel\", as in GPT-2, or a \"Sequence\" of a Split and a ByteLevel, as in Llama 3",
                         in_quotes(type));
  const auto steps = json_member<json>(splitting, "pretokenizers", file);
  if (!steps.is_array() || steps.size() != 2) errors::wrong_member(file, "pretokenizers", "a Split and a ByteLevel", shown_json(steps));
  need(steps[0], "type", "Split"), need(steps[0], "behavior", "Isolated"), need(steps[0], "invert", false);
  need(steps[1], "type", "ByteLevel"), need(steps[1], "use_regex", false);
  check_byte_level(steps[1]);
  const auto pattern = json_member<json>(steps[0], "pattern", file);
  for (const auto& [how, known] : bpe_patterns)
    if (pattern == json{{"Regex", known}}) return how;
  errors::wrong_member(file, "pattern", "the regular expression of GPT-2 or that of Llama 3", shown_json(pattern));
}

/// Throws file_error unless the vocab.json and the merges.txt beside a tokenizer.json, as far as they are there, have its tokens and merges.
/// Special tokens may be in tokenizer.json alone.
inline void need_equal_beside(const std::filesystem::path& file, const bpe_tokenizer& tokenizer, const token_table& all) {
  const auto vocab_file = folder_of(file) / "vocab.json", merges_file = folder_of(file) / "merges.txt";
  const auto spellings = all.spellings();
  if (present(vocab_file)) {
    std::vector<bool> found(spellings.size());
    const auto as_in_whole = [&](std::int32_t id) { return (id < 0 ? "no such token" : std::to_string(id)) + ", as in " + shown(file); };
    const auto vocab = read_vocab(vocab_file);
    for (const auto& [spelling, id] : vocab.items()) {
      const auto expected = all.find(spelling);
      if (expected < 0 || id != expected) errors::wrong_member(vocab_file, spelling, as_in_whole(expected), shown_json(id));
      found[static_cast<std::size_t>(expected)] = true;
    }
    for (std::int32_t id = 0; id < tokenizer.size(); ++id)
      if (const auto i = static_cast<std::size_t>(id); !found[i] && !tokenizer.is_special(id))
        errors::wrong_member(vocab_file, spellings[i], as_in_whole(id), "nothing");
  }
  if (present(merges_file)) {
    const auto merges = merge_lines(tokenizer, spellings);
    const auto expected = [&](std::size_t i) { return i < merges.size() ? in_quotes(merges[i]) : std::string("no merge"); };
    std::size_t i = 0;
    std::int64_t last = 0;
    for_each_merge_line(merges_file, [&](std::int64_t number, std::string_view line) {
      if (i >= merges.size() || merges[i] != line) errors::line_differs(merges_file, number, expected(i), file, in_quotes(line));
      ++i, last = number;
    });
    if (i < merges.size()) errors::line_differs(merges_file, last + 1, expected(i), file, "no merge");
  }
}

inline bpe_tokenizer read_tokenizer_json(const json& file_json, const std::filesystem::path& file) {
  need_plain(file_json, "normalizer", nullptr, file);
  const auto splitting = splitting_of(json_member<json>(file_json, "pre_tokenizer", file), file);
  const auto model_json = json_member<json>(file_json, "model", file);
  if (model_json.contains("type"))
    if (const auto type = json_member<std::string>(model_json, "type", file); type != "BPE")
      errors::wrong_member(file, "type", "\"BPE\"", in_quotes(type));
  need_plain(model_json, "dropout", nullptr, file);
  for (const auto name : {"continuing_subword_prefix", "end_of_word_suffix"}) need_plain(model_json, name, "", file);
  need_plain(model_json, "byte_fallback", false, file);
  const special_token_files beside(folder_of(file));
  need_plain_settings(beside.settings);

  token_table all(file);
  const auto vocab = json_member<json>(model_json, "vocab", file);
  if (!vocab.is_object()) errors::wrong_member(file, "vocab", "an object of tokens and ids", shown_json(vocab));
  for (const auto& [spelling, id] : vocab.items()) all.add(spelling, id);
  added_specials added;
  for_each_added(file_json, file, [&](const std::string& name, const json& id) { added.add(all, name, id, file); });
  added.add(all, beside);
  all.check();

  bpe_model model{.tokens = bytes_of_tokens(all), .merge_place = shown(file) + ", merge ", .splitting = splitting};
  if (model_json.contains("ignore_merges")) model.ignore_merges = json_member<bool>(model_json, "ignore_merges", file);
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
  auto tokenizer = made_tokenizer(std::move(model), all, added, beside);
  need_equal_beside(file, tokenizer, all);
  return tokenizer;
}

}  // namespace detail

/// Reads a byte-level tokenizer.
///
///   from  a folder with tokenizer.json, else with vocab.json and merges.txt; or one of these files. Beside a tokenizer.json these two must
///         have its tokens and merges
///
/// The files beside it give further special tokens and their roles. Throws file_error with file and line or member for files that are
/// damaged or do not match, and for settings that would give other ids.
inline bpe_tokenizer read_bpe(const std::filesystem::path& from) {
  std::error_code ignored;
  if (std::filesystem::is_directory(from, ignored)) {
    if (detail::present(from / "tokenizer.json")) return read_bpe(from / "tokenizer.json");
    if (!detail::present(from / "vocab.json")) errors::no_tokenizer_in(from);
    return detail::read_vocab_and_merges(from / "vocab.json", from / "merges.txt");
  }
  if (from.filename() == "vocab.json" || from.filename() == "merges.txt")
    return detail::read_vocab_and_merges(folder_of(from) / "vocab.json", folder_of(from) / "merges.txt");
  return detail::read_tokenizer_json(detail::read_whole_tokenizer(from), from);
}

}  // namespace raptr
