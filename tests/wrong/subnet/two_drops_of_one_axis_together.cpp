// expect: raptr: both schedules of together drop on the same axis: one per axis
// SPDX-License-Identifier: Apache-2.0
#include <raptr/subnet/schedule/together.hpp>
#include <raptr/subnet/schedule/types.hpp>

using namespace raptr;

template <template <class, class...> class Drop> using halves = schedule<stage<share<1, 2>, Drop<keep<1, 2>>>, stage<share<1, 2>, full_network>>;

#ifdef RIGHT
together<halves<head_drop>, halves<neuron_drop>> both;
#else
together<halves<width_slice>, halves<neuron_drop>> both;
#endif
