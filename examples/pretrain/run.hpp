// SPDX-License-Identifier: Apache-2.0
// One run, from its options to its last file.
#pragma once

#include "settings.hpp"

namespace program {

/// Returns an exit code. given: the options set by the command line and the configuration file.
int run(settings s, const option_list& given);

}  // namespace program
