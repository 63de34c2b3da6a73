// SPDX-License-Identifier: Apache-2.0
#include "network_trainer_of.hpp"

namespace program {

std::unique_ptr<network_trainer> make_causal_trainer(const settings& s) {
  return std::make_unique<network_trainer_of<raptr::gpt2_block, raptr::causal_lm>>(s, raptr::causal_lm{});
}

}  // namespace program
