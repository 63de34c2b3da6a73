// expect: raptr: both schedules of raptr::with drop on the same axis: only one may
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/schedule.hpp>
#include <raptr/schedule/with.hpp>

using namespace raptr;

template <template <class, class...> class Drop> using halves = schedule<stage<share<1, 2>, Drop<keep<1, 2>>>, stage<share<1, 2>, full_network>>;

#ifdef RIGHT
with<halves<head_drop>, halves<neuron_drop>> both;
#else
with<halves<width_slice>, halves<neuron_drop>> both;
#endif
