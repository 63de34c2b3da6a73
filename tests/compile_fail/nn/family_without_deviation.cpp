// expect: raptr: the family of this block is not a raptr::model_family
// SPDX-License-Identifier: Apache-2.0
#include <raptr/models/family.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>

using namespace raptr;

struct my_family;
struct my_block : preset<rms_norm, swiglu_mlp> {
  using family = my_family;
};
struct my_family {
  static constexpr std::string_view name = "mine";
  using network = my_block;
  using objective = causal_lm;
  static constexpr tokenizer_kind tokenizer = tokenizer_kind::bytes;
  template <class Network> static constexpr bool holds(const model_shape&) { return true; }
  template <class Network> static constexpr tensor_names names() { return {name, {}, own_stack}; }
  static constexpr std::string_view architecture(bool) { return "MyModel"; }
  template <class Network, class Visitor> static void config(Visitor& visit, model_shape& s) { visit.size("layers", "n_layer", s.layers); }
#ifdef RIGHT
  static double deviation(initializer kind, const model_shape& s) { return gpt2_deviation(kind, s); }
#endif
};
constexpr tensor_names names = names_of<block<my_block, fp64>>({});
