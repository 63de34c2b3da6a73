// SPDX-License-Identifier: Apache-2.0
// The other half. A function without `inline` in any header is defined in both halves, and the program does not link.
#include <raptr_everything.hpp>

const void* version_in_two() { return &raptr::library_version; }
