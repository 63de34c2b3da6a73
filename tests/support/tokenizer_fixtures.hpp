// SPDX-License-Identifier: Apache-2.0
// What tests/oracle/tokenizer_ids.py has stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/io/json.hpp>

namespace fixtures {

template <class Tokenizer> std::vector<std::int32_t> encoded(const Tokenizer& tokens, std::string_view text) {
  std::vector<std::int32_t> all;
  tokens.encode(text, all);
  return all;
}

inline std::filesystem::path folder() { return std::filesystem::path(RAPTR_TESTS_DIR) / "tokenizers" / "fixtures"; }

inline const raptr::json& ids() {
  static const auto all = raptr::read_json(folder() / "ids.json");
  return all;
}
inline std::string bytes(const raptr::json& hex) { return raptr::bytes_from_json(raptr::json{{"hex", hex}}, "ids.json"); }
/// The text of a row "long".
inline std::string repeated(const raptr::json& row) {
  const auto once = bytes(row["hex"]);
  std::string text;
  for (int left = row["repeat"].get<int>(); left > 0; --left) text += once;
  return text;
}
inline std::vector<std::int32_t> repeated_ids(const raptr::json& part) {
  std::vector<std::int32_t> all;
  for (int left = part["times"].get<int>(); left > 0; --left)
    for (const auto& id : part["part"]) all.push_back(id.get<std::int32_t>());
  return all;
}

}  // namespace fixtures
