// SPDX-License-Identifier: Apache-2.0
// The same once more, in a shared library, after macros that other libraries define. The JSON library and Eigen are not ours to protect.
#include <nlohmann/json.hpp>
#if __has_include(<Eigen/Core>)
#include <Eigen/Core>
#endif

#include "macros.hpp"
//
#include <raptr_everything.hpp>

const void* version_in_three() { return &raptr::library_version; }
