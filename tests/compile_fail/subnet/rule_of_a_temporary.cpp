// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
const custom_rule owner(rule_of<layer_drop>(), sqrt_gap{});
const drop_rule& rule = owner.rule();
#else
const drop_rule& rule = custom_rule(rule_of<layer_drop>(), sqrt_gap{}).rule();
#endif
