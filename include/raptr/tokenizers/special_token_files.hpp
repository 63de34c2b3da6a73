// SPDX-License-Identifier: Apache-2.0
// What the files beside a vocabulary say of its special tokens: special_tokens_map.json, tokenizer_config.json, added_tokens.json and
// config.json. If two of them contradict each other, no reader can be right, so both are named and the folder is refused.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/tokenizers/detail/present.hpp>
#include <raptr/tokenizers/detail/token_table.hpp>
#include <raptr/tokenizers/special_tokens.hpp>

namespace raptr::detail {

inline std::string in_quotes(std::string_view token) { return "\"" + shown(token) + "\""; }

/// An object in a file; without members if the file does not exist.
struct object_file {
  std::filesystem::path path;
  json members = json::object();

  /// nullptr if it is absent or null.
  const json* find(std::string_view member) const {
    const auto found = members.find(std::string(member));
    return found == members.end() || found->is_null() ? nullptr : &*found;
  }
  /// Throws file_error for a "tokenizer_class" that splits otherwise. A name with "Fast" behind it, and a class that reads any files, pass.
  void need_class(std::initializer_list<std::string_view> known) const {
    if (find("tokenizer_class") == nullptr) return;
    const auto name = json_member<std::string>(members, "tokenizer_class", path);
    const auto is_known = [&](std::string_view one) { return name == one || name == std::string(one) + "Fast"; };
    if (std::ranges::any_of(known, is_known) || is_known("PreTrainedTokenizer") || name == "TokenizersBackend") return;
    errors::wrong_member(path, "tokenizer_class", std::string(*known.begin()) + " or a class with the same ids, as there is no tokenizer.json",
                         in_quotes(name));
  }
};

inline object_file read_object(const std::filesystem::path& path) {
  object_file file{path};
  if (!present(path)) return file;
  file.members = read_json(path, std::uint64_t{1} << 28);
  if (!file.members.is_object()) errors::unexpected(path, "an object", shown_json(file.members));
  return file;
}
inline json read_whole_tokenizer(const std::filesystem::path& file) {
  (void)present(file);
  return read_json(file, std::uint64_t{1} << 28);
}
/// Calls each(name, id) for the "added_tokens" of a tokenizer.json. Throws file_error for one that is not special.
template <std::invocable<const std::string&, const json&> Each>
void for_each_added(const json& tokenizer_json, const std::filesystem::path& file, Each&& each) {
  if (!tokenizer_json.contains("added_tokens")) return;
  const auto& added = tokenizer_json["added_tokens"];
  if (!added.is_array()) errors::wrong_member(file, "added_tokens", "an array", shown_json(added));
  for (const auto& one : added) {
    const auto name = json_member<std::string>(one, "content", file);
    if (!json_member<bool>(one, "special", file)) errors::plain_token_as_special(file, "added_tokens", "special tokens only", name);
    each(name, json_member<json>(one, "id", file));
  }
}

class special_token_files {
 public:
  struct named_token {
    std::string name;
    std::filesystem::path file;
  };

  explicit special_token_files(const std::filesystem::path& folder)
      : settings(read_object(folder / "tokenizer_config.json")),
        map_(read_object(folder / "special_tokens_map.json")),
        added_(read_object(folder / "added_tokens.json")),
        model_(read_object(folder / "config.json")) {
    for (const object_file* const file : naming_files())
      for (const auto& [member, value] : file->members.items()) {
        if (member.ends_with("_token")) add_name(value);
        if (member.ends_with("_special_tokens") && value.is_structured())
          for (const auto& one : value) add_name(one);
      }
  }

  const object_file settings;  ///< tokenizer_config.json

  /// The token that a member such as "eos_token" names.
  std::optional<named_token> named(std::string_view member) const {
    std::optional<named_token> found;
    for (const object_file* const file : naming_files()) {
      const json* const value = file->find(member);
      if (value == nullptr) continue;
      const auto name = name_of(*value, member, file->path);
      if (found && found->name != name)
        errors::wrong_member(file->path, member, in_quotes(found->name) + ", as in " + shown(found->file), in_quotes(name));
      if (!found) found = {name, file->path};
    }
    return found;
  }
  /// Calls each(name, id, file) for the tokens of added_tokens.json and of "added_tokens_decoder". Throws file_error for one that no file
  /// calls special: plain text could produce it.
  template <std::invocable<const std::string&, const json&, const std::filesystem::path&> Each> void for_each_added(Each&& each) const {
    for (const auto& [name, id] : added_.members.items()) {
      if (!is_special(name)) errors::plain_token_as_special(added_.path, name, "a token that \"additional_special_tokens\" or a role names", name);
      each(name, id, added_.path);
    }
    const json* const decoder = settings.find("added_tokens_decoder");
    if (decoder == nullptr) return;
    for (const auto& [number, token] : decoder->items()) {
      const auto name = name_of(token, number, settings.path);
      std::int64_t id = -1;
      const auto end = number.data() + number.size();
      if (std::from_chars(number.data(), end, id).ptr != end)
        errors::wrong_member(settings.path, "added_tokens_decoder", "ids as names of members", in_quotes(number));
      const bool special = token.is_object() && token.contains("special") ? json_member<bool>(token, "special", settings.path) : is_special(name);
      if (!special) errors::plain_token_as_special(settings.path, "added_tokens_decoder", "special tokens only", name);
      each(name, json(id), settings.path);
    }
  }
  /// The roles that the files state; -1 for the others.
  ///
  ///   tokens    all of them, checked
  ///   is_plain  is_plain(id): whether text may produce a token
  ///
  /// Throws file_error for a role that no token has, or a plain one, and for a contradiction.
  vocabulary roles(const token_table& tokens, const std::predicate<std::int32_t> auto& is_plain) const {
    vocabulary ids{.size = static_cast<int>(tokens.size())};
    for (const auto& [member, of] : members_of_roles) {
      const std::string id_member = std::string(member) + "_id";
      const auto name = named(member);
      const json* const value = model_.find(id_member);
      if (name) {
        ids.*of = tokens.find(name->name);
        if (ids.*of < 0)
          errors::wrong_member(name->file, member, "one of the " + std::to_string(tokens.size()) + " tokens of " + shown(tokens.file()),
                               in_quotes(name->name));
        if (is_plain(ids.*of)) errors::plain_token_as_special(name->file, member, "a special token", name->name);
      }
      if (value == nullptr) continue;
      const auto stated = numbers_of(*value, id_member);
      if (name && std::ranges::find(stated, ids.*of) == stated.end())
        errors::wrong_member(
            model_.path, id_member,
            std::to_string(ids.*of) + ", the id of " + in_quotes(name->name) + ", which is the " + std::string(member) + " in " + shown(name->file),
            shown_json(*value));
      if (name) continue;
      const auto id = stated.front();
      if (id < 0 || id >= tokens.size())
        errors::wrong_member(model_.path, id_member,
                             "an id of 0 to " + std::to_string(tokens.size() - 1) + ", as there are " + std::to_string(tokens.size()) +
                                 " tokens in " + shown(tokens.file()),
                             std::to_string(id));
      ids.*of = static_cast<int>(id);
      if (is_plain(ids.*of))
        errors::plain_token_as_special(model_.path, id_member, "the id of a special token", tokens.spellings()[static_cast<std::size_t>(id)]);
    }
    if (ids.pad == ids.end_of_text) ids.pad = -1;  // as folders of GPT-2 have it: there is no token for padding alone
    return ids;
  }

 private:
  struct role {
    std::string_view member;
    int vocabulary::*id;
  };
  static constexpr role members_of_roles[] = {{"eos_token", &vocabulary::end_of_text},
                                              {"mask_token", &vocabulary::mask},
                                              {"pad_token", &vocabulary::pad},
                                              {"cls_token", &vocabulary::cls},
                                              {"sep_token", &vocabulary::sep}};

  /// "<eos>" or {"content": "<eos>", ...}
  static std::string name_of(const json& value, std::string_view member, const std::filesystem::path& file) {
    if (value.is_object()) return json_member<std::string>(value, "content", file);
    if (!value.is_string()) errors::wrong_member(file, member, "a string or an object with \"content\"", shown_json(value));
    return value.get<std::string>();
  }
  /// 3 or [3, 4]
  std::vector<std::int64_t> numbers_of(const json& value, const std::string& member) const {
    std::vector<std::int64_t> all;
    for (const auto& one : value.is_array() ? value : json::array({value})) {
      if (!json_fits<std::int64_t>(one)) errors::wrong_member(model_.path, member, "an id", shown_json(value));
      all.push_back(one.get<std::int64_t>());
    }
    if (all.empty()) errors::wrong_member(model_.path, member, "an id", "none");
    return all;
  }
  std::array<const object_file*, 2> naming_files() const { return {&map_, &settings}; }
  void add_name(const json& value) {
    if (value.is_string()) specials_.insert(value.get<std::string>());
    if (value.is_object() && value.contains("content") && value["content"].is_string()) specials_.insert(value["content"].get<std::string>());
  }
  /// Whether a file calls a token special, or its name is one that published tokenizers use.
  bool is_special(const std::string& name) const { return specials_.contains(name) || names_a_role(name); }

  object_file map_, added_, model_;
  std::unordered_set<std::string> specials_;
};

}  // namespace raptr::detail
