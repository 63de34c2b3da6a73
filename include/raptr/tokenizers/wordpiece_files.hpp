// SPDX-License-Identifier: Apache-2.0
// WordPiece tokenizers in files: tokenizer.json, or vocab.txt with a token on each line, and what tokenizer_config.json states of the
// splitting. If no file states it, a vocabulary counts as cased if lower-casing would keep one of its tokens from ever being found.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/tokenizers/detail/gpt2_split.hpp>
#include <raptr/tokenizers/detail/lines.hpp>
#include <raptr/tokenizers/detail/token_table.hpp>
#include <raptr/tokenizers/special_token_files.hpp>
#include <raptr/tokenizers/wordpiece.hpp>

namespace raptr {

namespace detail {

/// A flag of an object; absent and null: `otherwise`.
inline bool flag_or(const object_file& file, std::string_view name, bool otherwise) {
  return file.find(name) == nullptr ? otherwise : json_member<bool>(file.members, name, file.path);
}
/// A member that may only have one value, because another one would give other ids.
inline void need_value(const object_file& file, std::string_view name, const json& only) {
  if (const json* const value = file.find(name); value != nullptr && *value != only)
    errors::wrong_member(file.path, name, shown_json(only), shown_json(*value));
}

/// Whether lower-casing would change a token that some text produces.
inline bool is_cased(const std::string& token) {
  const auto letters = std::string_view(token).substr(token.starts_with("##") ? 2 : 0);
  bool changes = false;
  for (auto rest = letters; !rest.empty() && !changes;) {
    const auto next = first_code_point(rest);
    in_lower_case(next.value, [&](char32_t lower) { changes = changes || lower != next.value; });
    rest.remove_prefix(next.length);
  }
  return changes && text_may_produce(letters, {.lower_case = false, .strip_accents = false});
}

/// Members do_lower_case, strip_accents (null: as do_lower_case) and tokenize_chinese_chars, where present, and those that must not
/// state anything else.
inline bert_splitting stated_splitting(const object_file& settings, const std::vector<std::string>& tokens) {
  const bool lower = flag_or(settings, "do_lower_case", std::ranges::none_of(tokens, is_cased));
  return {.lower_case = lower,
          .strip_accents = flag_or(settings, "strip_accents", lower),
          .split_ideographs = flag_or(settings, "tokenize_chinese_chars", true)};
}
inline void need_bert_settings(const object_file& settings) {
  need_value(settings, "word_tokenizer_type", "basic");
  need_value(settings, "subword_tokenizer_type", "wordpiece");
  need_value(settings, "do_basic_tokenize", true);
  need_value(settings, "never_split", json::array());
}

/// The lines of vocab.txt, without the blanks at their ends, as the `tokenizers` package reads them.
inline std::vector<std::string> read_token_lines(const std::filesystem::path& file) {
  constexpr std::int64_t most = 1 << 24;
  std::vector<std::string> tokens;
  (void)present(file);
  read_lines(file, [&](std::int64_t number, std::string_view line) {
    if (number > most) errors::unexpected(file, "at most " + std::to_string(most) + " lines", "more");
    std::size_t end = 0;
    for (std::size_t at = 0; at < line.size();) {
      const auto next = first_code_point(line.substr(at));
      at += next.length;
      if (class_of(next.value) != character_class::space) end = at;
    }
    if (end == 0) errors::empty_line(file, number);
    tokens.emplace_back(line.substr(0, end));
    if (ends_a_word(tokens.back())) errors::word_end_in_vocabulary(shown(file) + ", line " + std::to_string(number), tokens.back());
  });
  return tokens;
}
/// Throws file_error unless the vocabulary of a tokenizer.json and vocab.txt are equal.
inline void need_equal_tokens(const std::vector<std::string>& whole, const std::filesystem::path& whole_file, const std::vector<std::string>& lines,
                              const std::filesystem::path& lines_file) {
  const auto shown_token = [](const std::vector<std::string>& all, std::size_t i) {
    return i < all.size() ? in_quotes(all[i]) : std::string("no token");
  };
  const auto [a, b] = std::ranges::mismatch(whole, lines);
  const auto i = static_cast<std::size_t>(a - whole.begin());
  if (a != whole.end() || b != lines.end())
    errors::line_differs(lines_file, static_cast<std::int64_t>(i) + 1, shown_token(whole, i), whole_file, shown_token(lines, i));
}

/// The normalizer of a tokenizer.json; tokenizer_config.json must not state another one.
inline bert_splitting read_normalizer(const json& whole, const std::filesystem::path& file, const object_file& settings) {
  const auto need_type = [&](const char* member, const char* type) {
    const auto found = whole.find(member);
    const bool right = found != whole.end() && found->is_object() && found->contains("type") && (*found)["type"] == type;
    if (!right) errors::wrong_member(file, member, in_quotes(type) + ", as in BERT", found == whole.end() ? "nothing" : shown_json(*found));
  };
  need_type("normalizer", "BertNormalizer");
  need_type("pre_tokenizer", "BertPreTokenizer");
  const object_file normalizer{file, whole["normalizer"]};
  need_value(normalizer, "clean_text", true);
  const bool lower = flag_or(normalizer, "lowercase", true);
  const bert_splitting how{.lower_case = lower,
                           .strip_accents = flag_or(normalizer, "strip_accents", lower),
                           .split_ideographs = flag_or(normalizer, "handle_chinese_chars", true)};
  for (const auto& [name, value] : {std::pair{"do_lower_case", how.lower_case}, std::pair{"strip_accents", how.strip_accents},
                                    std::pair{"tokenize_chinese_chars", how.split_ideographs}})
    if (flag_or(settings, name, value) != value)
      errors::wrong_member(settings.path, name, shown_json(value) + ", as in " + shown(file), shown_json(!value));
  return how;
}

/// What a WordPiece is made of, from one file or several.
struct wordpiece_parts {
  token_table all;
  std::optional<bert_splitting> how{};
  std::vector<std::string> specials{};
  wordpiece_options options{};
  std::filesystem::path unknown_from{};  ///< the file that names the unknown token; empty: none
};
inline wordpiece_tokenizer made_wordpiece(wordpiece_parts& parts, const special_token_files& beside, const std::string& place) {
  token_table& all = parts.all;
  std::optional<bert_splitting>& how = parts.how;
  wordpiece_options& options = parts.options;
  beside.for_each_added([&](const std::string& name, const json& id, const std::filesystem::path& file) {
    all.add_special(name, id, file);
    parts.specials.push_back(name);
  });
  all.check();
  if (!parts.unknown_from.empty() && all.find(options.unknown) < 0)
    errors::wrong_member(parts.unknown_from, "unk_token", "one of the " + std::to_string(all.size()) + " tokens of " + shown(all.file()),
                         in_quotes(options.unknown));
  auto tokens = all.spellings();
  if (!how) how = stated_splitting(beside.settings, tokens);
  need_bert_settings(beside.settings);
  for (const auto& name : parts.specials) {
    if (name == options.unknown) continue;
    if (text_may_produce(name, *how)) errors::plain_token_as_special(all.file(), "added_tokens", "special tokens only", name);
    options.specials.push_back(all.find(name));
  }
  options.roles = beside.roles(all, [&](std::int32_t id) {
    const auto& token = tokens[static_cast<std::size_t>(id)];
    return token == options.unknown || text_may_produce(token, *how);
  });
  try {
    return wordpiece_tokenizer(std::move(tokens), *how, options);
  } catch (const input_error& wrong) {
    errors::wrong_tokenizer(place, wrong);
  }
}

inline wordpiece_tokenizer read_wordpiece_json(const json& whole, const std::filesystem::path& file,
                                               const std::optional<std::filesystem::path>& lines_file) {
  const special_token_files beside(folder_of(file));
  const object_file model{file, json_member<json>(whole, "model", file)};
  if (model.find("type") != nullptr) need_value(model, "type", "WordPiece");
  wordpiece_parts parts{.all = token_table(file)};
  parts.how = read_normalizer(whole, file, beside.settings);
  need_value(model, "continuing_subword_prefix", "##");
  if (model.find("unk_token") != nullptr)
    parts.options.unknown = json_member<std::string>(model.members, "unk_token", file), parts.unknown_from = file;
  if (const auto name = beside.named("unk_token"); name && name->name != parts.options.unknown)
    errors::wrong_member(name->file, "unk_token", in_quotes(parts.options.unknown) + ", as in " + shown(file), in_quotes(name->name));
  if (model.find("max_input_chars_per_word") != nullptr)
    parts.options.longest_word = json_member<std::uint32_t>(model.members, "max_input_chars_per_word", file);
  const auto vocab = json_member<json>(model.members, "vocab", file);
  if (!vocab.is_object()) errors::wrong_member(file, "vocab", "an object of tokens and ids", shown_json(vocab));
  for (const auto& [token, id] : vocab.items()) parts.all.add(token, id);
  if (lines_file) {
    parts.all.check();
    need_equal_tokens(parts.all.spellings(), file, read_token_lines(*lines_file), *lines_file);
  }
  for_each_added(whole, file, [&](const std::string& name, const json& id) {
    parts.all.add_special(name, id, file);
    parts.specials.push_back(name);
  });
  return made_wordpiece(parts, beside, shown(file));
}
inline wordpiece_tokenizer read_wordpiece_lines(const std::filesystem::path& file) {
  const special_token_files beside(folder_of(file));
  beside.settings.need_class({"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "ConvBertTokenizer",
                              "SqueezeBertTokenizer", "LayoutLMTokenizer", "LxmertTokenizer", "BertJapaneseTokenizer"});
  wordpiece_parts parts{.all = token_table(file)};
  std::int64_t id = 0;
  for (const auto& token : read_token_lines(file)) parts.all.add(token, id++);
  if (const auto name = beside.named("unk_token")) parts.options.unknown = name->name, parts.unknown_from = name->file;
  return made_wordpiece(parts, beside, shown(file) + " (a token's id is its line number minus 1)");
}

}  // namespace detail

/// Reads a WordPiece tokenizer.
///
///   from  a folder with tokenizer.json or vocab.txt, or one of these files; a vocab.txt beside a tokenizer.json must have its tokens
///
/// The files beside it state the splitting, further special tokens and their roles. Throws file_error with file and line or member, also
/// for settings that would give other ids.
inline wordpiece_tokenizer read_wordpiece(const std::filesystem::path& from) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(from, ignored), is_whole = !is_folder && from.extension() == ".json";
  const auto folder = is_folder ? from : folder_of(from);
  const auto whole = is_whole ? from : folder / "tokenizer.json", lines = is_folder || is_whole ? folder / "vocab.txt" : from;
  if (!is_whole && !detail::present(whole)) return detail::read_wordpiece_lines(lines);
  const auto beside = detail::present(lines) ? std::optional(lines) : std::nullopt;
  return detail::read_wordpiece_json(detail::read_whole_tokenizer(whole), whole, beside);
}

}  // namespace raptr
