// SPDX-License-Identifier: Apache-2.0
// The errors of checkpoints. Those of Hugging Face folders are beside their reader, because they name its types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <raptr/io/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void wrong_retention(std::int64_t last, std::int64_t every) {
  fail("invalid retention of checkpoints, \"the last " + std::to_string(last) + " and every " + std::to_string(every) +
       "\": keep the last 1 or more, and every k-th step with k > 0, or 0 for none");
}
[[noreturn]] inline void checkpoint_of_another_step(const std::filesystem::path& folder, std::int64_t step) {
  fail<file_error>(shown(folder) + " holds the state after step " + std::to_string(step) + ", not after that of its name");
}
[[noreturn]] inline void tensor_has_another_shape(const std::filesystem::path& file, const std::string& name, const std::string& expected,
                                                  const std::string& got) {
  fail<file_error>("\"" + file.string() + "\": " + name + " has the shape " + got + " where this model has " + expected +
                   ": use the shape of the checkpoint");
}
[[noreturn]] inline void tensors_differ(const std::filesystem::path& file, const std::string& kind, const std::string& names) {
  fail<file_error>("\"" + file.string() + "\" " + kind + " of this model: " + names);
}

}  // namespace raptr::errors
