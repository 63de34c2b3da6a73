// expect: raptr: a classifier has at least one class
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_head = classifier_head<1>;
#else
using my_head = classifier_head<0>;
#endif
static_assert(my_head::outputs > 0);
