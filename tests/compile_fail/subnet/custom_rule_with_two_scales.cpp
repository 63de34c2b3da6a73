// expect: raptr: this rule has two scales: name one
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
custom_rule rule(rule_of<layer_drop>(), exactly_selector{}, sqrt_gap{});
#else
custom_rule rule(rule_of<layer_drop>(), inverse{}, sqrt_gap{});
#endif
