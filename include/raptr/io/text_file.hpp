// SPDX-License-Identifier: Apache-2.0
// A small text file that has not been written yet: what a function makes, and the writer of a folder puts on disk.
#pragma once

#include <string>

namespace raptr {

struct text_file {
  std::string name;  // without a folder
  std::string text;
  bool operator==(const text_file&) const = default;
};

}  // namespace raptr
