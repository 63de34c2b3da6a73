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

#include <raptr/io/json.hpp>

namespace program {

/// Each name once, in the order of the networks; name: a member, such as &network_kind::device.
template <class Kinds, class Kind> std::vector<std::string_view> distinct_names(const Kinds& kinds, std::string_view Kind::*name) {
  std::vector<std::string_view> names;
  for (const Kind* const kind : kinds)
    if (std::ranges::find(names, kind->*name) == names.end()) names.push_back(kind->*name);
  return names;
}

/// The first of `kinds` of a family that fits a config.json, with what it describes; nullopt if none is of the family. Throws the file_error of
/// the first of them if all refuse.
template <class Kinds>
auto kind_that_fits(const Kinds& kinds, std::string_view family, const raptr::json& config, const std::filesystem::path& file) {
  using kind_pointer = typename Kinds::value_type;
  std::optional<std::pair<kind_pointer, decltype((*kinds.begin())->describe(config, file))>> found;
  std::exception_ptr refused;
  for (auto kind = kinds.begin(); !found && kind != kinds.end(); ++kind) try {
      if ((*kind)->family == family) found.emplace(*kind, (*kind)->describe(config, file));
    } catch (const raptr::file_error&) {
      if (!refused) refused = std::current_exception();
    }
  if (!found && refused) std::rethrow_exception(refused);
  return found;
}

}  // namespace program
