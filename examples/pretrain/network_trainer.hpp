// SPDX-License-Identifier: Apache-2.0
// A trainer of raptr-pretrain: that of run/, and what only this program asks for.
#pragma once

#include <raptr/run/any_trainer.hpp>

#include "settings.hpp"

namespace program {

class network_trainer : public raptr::any_trainer {
 public:
  virtual double peak_flops() const = 0;  // of all threads, measured; 0: not known
  /// Loads the weights of a Hugging Face folder. Returns their checksum.
  virtual std::string start_from(const std::filesystem::path& folder) = 0;
};

}  // namespace program
