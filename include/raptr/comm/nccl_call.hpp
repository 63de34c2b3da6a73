// SPDX-License-Identifier: Apache-2.0
// What a rank is about to do, in a fixed number of bytes: ranks compare it before each collective. NCCL compares neither kinds nor
// sizes; ranks that differ in them hang, or add up what does not belong together.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <raptr/base/config.hpp>
#include <raptr/comm/operation.hpp>

namespace raptr {

enum class nccl_elements : std::int32_t { floats, doubles, bytes, floats_to_owners, doubles_to_owners, floats_of_owners, doubles_of_owners };

struct nccl_call {
  std::uint64_t number = 0;  // of all calls of the communicator, from 1
  std::int64_t step = -1, size = 0;
  std::int32_t block = -1;
  nccl_elements type = nccl_elements::bytes;
  char name[48] = {};  // the first 47 bytes of the name
};
/// The same in words, for kernels.
struct nccl_call_words {
  std::uint64_t word[10];
};
static_assert(sizeof(nccl_call) == sizeof(nccl_call_words));

inline nccl_call nccl_call_of(const comm_operation& at, std::uint64_t number, std::int64_t size, nccl_elements type) {
  nccl_call call{number, at.step, size, at.block, type, {}};
  at.name.copy(call.name, std::min(at.name.size(), sizeof call.name - 1));
  return call;
}
/// "step 12, sum of the gradient of block 3 (4096 floats)".
inline std::string text_of(const nccl_call& call) {
  constexpr std::string_view names[] = {"floats",           "doubles",          "bytes", "floats to owners", "doubles to owners",
                                        "floats of owners", "doubles of owners"};
  return text_of(comm_operation{call.name, call.block, call.step}) + " (" + std::to_string(call.size) + " " +
         std::string(names[static_cast<int>(call.type)]) + ")";
}

}  // namespace raptr
