// expect: raptr: the second argument of transformer is an objective
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct my_objective {
  static constexpr bool looks_back_only = true;
  static constexpr std::string_view name = "mine";
#ifdef RIGHT
  static constexpr int window(int context) { return context; }
#endif
  template <class Vocabulary> void add(batch&, std::span<const std::int32_t>, const Vocabulary&, std::uint64_t, std::int64_t) const {}
};
transformer<gpt2_block, my_objective, cpu> model({.layers = 2});
