// SPDX-License-Identifier: Apache-2.0
// Whether a file of a tokenizer is there. A link to nothing, as a cache leaves when its files are moved, is an error and not an absent
// file: another file of the folder would silently take its place.
#pragma once

#include <filesystem>
#include <system_error>

#include <raptr/io/error.hpp>
#include <raptr/tokenizers/error.hpp>

namespace raptr::detail {

/// Throws file_error for a link to nothing, and for a place that the system does not let us see.
inline bool present(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code code, ignored;
  const auto entry = fs::symlink_status(file, code);
  if (entry.type() == fs::file_type::not_found) return false;
  if (fs::is_symlink(entry) && fs::status(file, code).type() == fs::file_type::not_found)
    errors::link_to_nothing(file, fs::read_symlink(file, ignored));
  if (code) errors::system_refused("look at", file, code.value());
  return true;
}

}  // namespace raptr::detail
