// SPDX-License-Identifier: Apache-2.0
// The families of the library. A user's own family needs no place in this list.
#pragma once

#include <raptr/models/bert.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/models/llama.hpp>

namespace raptr {

template <class... Families> struct family_list {};
using library_families = family_list<gpt2_family, bert_family, llama_family>;

}  // namespace raptr
