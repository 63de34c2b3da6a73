// expect: raptr: gradual_stacking grows from stage to stage, each to at most twice the depth before, as in gradual_stacking<6, 9, 12>
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/recipes/stacking.hpp>

using namespace raptr;

#ifdef RIGHT
gradual_stacking<3, 6, 9> grown;
#else
gradual_stacking<3, 9> grown;
#endif
