// expect: raptr: the memory of this device is not the host's, so there are no views of it
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/interop/eigen.hpp>
#include <raptr/models/gpt2.hpp>

// Stands for raptr::cuda, whose backend needs nvcc.
struct card {
  static constexpr std::string_view name = "card";
};
template <> struct raptr::backend_of<card> : raptr::backend_of<raptr::cpu> {};
static_assert(!raptr::has_host_memory<raptr::cuda>);
#ifdef RIGHT
template <> inline constexpr bool raptr::has_host_memory<card> = true;
#endif

raptr::transformer<raptr::gpt2_block, raptr::causal_lm, card> model({.layers = 2});
float first() { return raptr::weight_view(model, "tokens")(0, 0); }
