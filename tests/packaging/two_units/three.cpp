// SPDX-License-Identifier: Apache-2.0
// The same once more, in a shared library.
#include <raptr_everything.hpp>

const void* version_in_three() { return &raptr::library_version; }
