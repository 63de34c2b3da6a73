// SPDX-License-Identifier: Apache-2.0
// One run, from its options to its last file.
#pragma once

#include "settings.hpp"

namespace program {

/// Answers an exit code. given: what the command line and the configuration file set.
int run(settings s, const option_list& given);

}  // namespace program
