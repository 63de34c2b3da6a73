// SPDX-License-Identifier: Apache-2.0
// What the programs ask of the networks that CMake has compiled in.
#pragma once

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/checkpoint/hugging_face_config.hpp>
#include <raptr/io/json.hpp>

namespace program {

/// Each name once, in the order of the networks; name: a member, such as &network_kind::device.
template <class Kinds, class Kind> std::vector<std::string_view> distinct_names(const Kinds& kinds, std::string_view Kind::*name) {
  std::vector<std::string_view> names;
  for (const Kind* const kind : kinds)
    if (std::ranges::find(names, kind->*name) == names.end()) names.push_back(kind->*name);
  return names;
}

namespace errors {
[[noreturn]] inline void family_is_left_out(const std::string& refusal, std::string_view name) {
  raptr::fail<raptr::file_error>(refusal + ": this program was compiled without the family " + std::string(name) +
                                 ", which takes it; build it with " + std::string(name) + " in -DRAPTR_PRETRAIN_FAMILIES");
}
}  // namespace errors

/// The family that cmake/pretrain_networks.cmake knows and does not compile by default, if it takes a config.json; else empty.
inline std::string_view family_left_out(const raptr::json& config, const std::filesystem::path& file) try {
  (void)raptr::hugging_face_config_of<raptr::llama_family, raptr::block<raptr::llama_block, raptr::tied_head>>(config, file, 0, true);
  return "llama_tied";
} catch (const raptr::file_error&) {
  return "";
}

/// The first of `kinds` of a family that fits a config.json, with what it describes; nullopt if none is of the family. Throws the file_error of
/// the first of them if all refuse.
template <class Kinds>
auto kind_that_fits(const Kinds& kinds, std::string_view family, const raptr::json& config, const std::filesystem::path& file) {
  using kind_pointer = typename Kinds::value_type;
  std::optional<std::pair<kind_pointer, decltype((*kinds.begin())->describe(config, file))>> found;
  std::exception_ptr refused;
  std::string refusal;
  for (auto kind = kinds.begin(); !found && kind != kinds.end(); ++kind) try {
      if ((*kind)->family == family) found.emplace(*kind, (*kind)->describe(config, file));
    } catch (const raptr::file_error& e) {
      if (!refused) refused = std::current_exception(), refusal = raptr::bare_sentence(e);
    }
  if (found || !refused) return found;
  if (const auto name = family_left_out(config, file); !name.empty()) errors::family_is_left_out(refusal, name);
  std::rethrow_exception(refused);
}

}  // namespace program
