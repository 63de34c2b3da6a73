// SPDX-License-Identifier: Apache-2.0
// The version, in one place: CMake reads this line too.
#pragma once

#include <string_view>

namespace raptr {

inline constexpr std::string_view library_version = "0.1.0";

}  // namespace raptr
