// SPDX-License-Identifier: Apache-2.0
// What the folder of a checkpoint has besides the state of its trainer.
#pragma once

#include <string>
#include <vector>

#include <raptr/io/text_file.hpp>

namespace raptr {

struct checkpoint_extras {
  std::string run{};                   // the id of its run, for manifest and state; empty: of none
  std::vector<text_file> tokenizer{};  // see tokenizer_files(); empty: the folder has none
  std::string card{};                  // README.md, which the manifest does not name; empty: none
};

}  // namespace raptr
