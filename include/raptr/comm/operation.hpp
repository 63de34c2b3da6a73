// SPDX-License-Identifier: Apache-2.0
// What a rank does with the others, for messages: every error between ranks names operation, step and rank.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace raptr {

/// name: a literal, such as "sum of the gradient"; its memory must outlive the call.
struct comm_operation {
  std::string_view name;
  int block = -1;            // of the network, if it is about one
  std::int64_t step = -1;    // from 0, if it belongs to one
  bool may_be_slow = false;  // at the start of a run, around a checkpoint: the longer limit holds

  bool operator==(const comm_operation&) const = default;
};

/// "step 12, sum of the gradient of block 3"; steps count from 1, as everywhere in what a user reads.
inline std::string text_of(const comm_operation& o) {
  std::string text = o.step >= 0 ? "step " + std::to_string(o.step + 1) + ", " : "";
  text += o.name;
  if (o.block >= 0) text += " of block " + std::to_string(o.block);
  return text;
}

/// Seconds that a rank waits for the others before it gives up.
struct comm_limits {
  double slow = 300;  // the first step, a checkpoint
  double usual = 100;

  double of(const comm_operation& o) const { return o.may_be_slow ? slow : usual; }
};

}  // namespace raptr
