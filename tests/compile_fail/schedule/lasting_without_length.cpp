// expect: raptr: raptr::lasting starts with a length
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using length = share<1, 10>;
#else
using length = keep<10>;
#endif
lasting<length, full_network> one;
