// expect: raptr: an axis has a name, such as raptr::layers
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

struct experts {
#ifdef RIGHT
  static constexpr std::string_view name = "experts";
#endif
};

using namespace raptr;

constant<drop<experts, keep<2>, exactly<>>> whole;
