// expect: raptr: this schedule scales whole blocks (raptr::inverse)
// SPDX-License-Identifier: Apache-2.0
#include "../../support/example_block.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
constexpr bool norm_first = true;
#else
constexpr bool norm_first = false;
#endif
require_fitting_scales<constant<layer_drop<keep<9>, inverse>>, norm_first> checked;
