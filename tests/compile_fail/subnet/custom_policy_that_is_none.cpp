// expect: raptr: a policy of a rule is a selector, a scale, a profile or raptr::once
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using policy = sqrt_gap;
#else
using policy = keep<6>;
#endif
custom_rule rule(rule_of<layer_drop>(), policy{});
