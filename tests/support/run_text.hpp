// SPDX-License-Identifier: Apache-2.0
// The text of the small runs of tests/train.
#pragma once

#include "token_list.hpp"

namespace raptr::testing {

inline const token_list text(200);  // 24 windows: an epoch ends after step 6, 12, 18 ... of 4 samples each

}  // namespace raptr::testing
