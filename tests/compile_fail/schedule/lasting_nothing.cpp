// expect: raptr: raptr::lasting takes a schedule after the length
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using what = full_network;
#else
using what = layer_drop<keep<6>>;
#endif
lasting<share<1, 10>, what> one;
