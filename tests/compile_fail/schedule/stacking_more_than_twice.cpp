// expect: raptr: each depth of gradual_stacking is at least the previous one and at most twice that, as in gradual_stacking<6, 9, 12>
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/recipes/stacking.hpp>

using namespace raptr;

#ifdef RIGHT
gradual_stacking<3, 6, 9> grown;
#else
gradual_stacking<3, 9> grown;
#endif
