// SPDX-License-Identifier: Apache-2.0
#include "network_trainer_of.hpp"

namespace program {

std::unique_ptr<network_trainer> make_masked_trainer(const settings& s) {
  const raptr::masked_lm objective{.masking = s.masking == "bert" ? raptr::masking::bert : raptr::masking::independent};
  return std::make_unique<network_trainer_of<raptr::bert_block, raptr::masked_lm>>(s, objective);
}

}  // namespace program
