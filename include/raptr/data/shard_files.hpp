// SPDX-License-Identifier: Apache-2.0
// Finds the shards of a folder. Those with the word val, valid or validation in their name are for validation, as llm.c and
// nanoGPT name them (fineweb_val_000000.bin, val.bin), and are never trained on.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <raptr/data/listed_folder.hpp>
#include <raptr/data/shard_error.hpp>
#include <raptr/io/file.hpp>

namespace raptr {

enum class shard_part { training, validation };

/// name: of a file, without its folder.
inline bool names_shard(const std::string& name) { return name.ends_with(".bin") && !name.starts_with('.'); }
constexpr bool names_validation_shard(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = 0; at < name.size();) {
    std::size_t end = at;
    while (end < name.size() && letter(name[end])) ++end;
    const auto word = name.substr(at, end - at);
    if (word == "val" || word == "valid" || word == "validation") return true;
    at = end + 1;
  }
  return false;
}

/// Whether a folder has a validation shard. False if it is not a folder.
inline bool holds_validation_shards(const std::filesystem::path& folder) {
  std::error_code code;
  for (std::filesystem::directory_iterator at(folder, code), end; !code && at != end; at.increment(code))
    if (const auto name = at->path().filename().native(); names_shard(name) && names_validation_shard(name)) return true;
  return false;
}

struct shard_files {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> skipped;  // entries of folders other than *.bin files and shards.json
};

/// The shards in `from`, in its order: a file of any name; of a folder its *.bin files, sorted by the bytes of their names.
/// part: which of a folder's files, those for training or those for validation (all of them in a folder without validation
/// names). Throws file_error for a path that does not exist and for a folder without such a file, input_error when `from`
/// is empty.
inline shard_files find_shards(const std::vector<std::filesystem::path>& from, shard_part part) {
  if (from.empty()) errors::no_shards_given();
  const bool measures = part == shard_part::validation;
  shard_files found;
  for (const auto& path : from) {
    std::error_code code;
    if (!std::filesystem::is_directory(path, code)) {
      if (code) errors::system_refused("read the shard", path, code.value());
      found.files.push_back(path);
      continue;
    }
    const auto [shards, others] = detail::list_folder(path, names_shard);
    std::vector<std::filesystem::path> training, validation;
    for (const auto& shard : shards) (names_validation_shard(shard.filename().native()) ? validation : training).push_back(shard);
    const auto& chosen = measures && !validation.empty() ? validation : training;
    if (chosen.empty()) {
      const auto& example = !validation.empty() ? validation : others;
      errors::no_shards_in_folder(path, measures ? "validation shards" : "training shards", shards.size() + others.size(),
                                  example.empty() ? "" : example.front().filename().native());
    }
    found.files.insert(found.files.end(), chosen.begin(), chosen.end());
    for (const auto& other : others)
      if (other.filename() != "shards.json") found.skipped.push_back(other);
  }
  return found;
}

}  // namespace raptr
