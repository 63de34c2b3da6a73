// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include <raptr/subnet/step_plan.hpp>

using namespace raptr;

#ifdef RIGHT
int count(const step_plan& plan) { return static_cast<int>(plan.blocks().size()); }
#else
int count(const network_layout& layout) { return static_cast<int>(step_plan::full(layout).blocks().size()); }
#endif
