// SPDX-License-Identifier: Apache-2.0
// What a model family is: everything that files and programs know of an architecture, in one struct. GPT-2 is models/gpt2.hpp,
// BERT models/bert.hpp, Llama models/llama.hpp; a family of a user's own is such a struct beside its block, and no header of the library changes.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <initializer_list>
#include <span>
#include <string_view>

#include <raptr/models/tensor_names.hpp>
#include <raptr/nn/block.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// The tokenizer that models of a family are published with.
enum class tokenizer_kind { bytes, byte_bpe, wordpiece };
/// The file with its vocabulary, besides tokenizer.json; empty for bytes.
constexpr std::string_view vocabulary_file(tokenizer_kind kind) {
  return kind == tokenizer_kind::byte_bpe ? "vocab.json" : kind == tokenizer_kind::wordpiece ? "vocab.txt" : "";
}

/// A value of a member of config.json.
struct config_value {
  enum kind_of { null, truth, number, text, empty_object } kind = null;
  bool flag = false;
  double amount = 0;
  std::string_view word{};

  constexpr config_value() = default;
  constexpr config_value(bool value) : kind(truth), flag(value) {}
  constexpr config_value(int value) : kind(number), amount(value) {}
  constexpr config_value(const char* value) : kind(text), word(value) {}
  static constexpr config_value nothing() {
    config_value v;
    v.kind = empty_object;
    return v;
  }
};
/// One or two of them.
struct config_values {
  std::array<config_value, 2> values{};
  std::size_t size = 0;

  constexpr config_values(std::initializer_list<config_value> list) : size(list.size()) { std::copy_n(list.begin(), size, values.begin()); }
  constexpr const config_value* begin() const { return values.data(); }
  constexpr const config_value* end() const { return values.data() + size; }
};

/// A visitor of the members of config.json. A family lists them once, in config(visitor, shape); reading, writing and checking
/// are visitors. An absent member means `missing`.
///
///   size(name, member, value)             a size of the model, 1 or more; name: that in messages and options
///   size(name, member, value, missing)    the same; absent or null: `missing`
///   number(member, value, missing)        a number above 0
///   rotary(base, stretch, missing)        of rotary positions, under several members; missing: the base, if it is absent
///   flag(member, value, missing)          true or false
///   only(member, values)                  one of the values, of which the first is the default and is written
///   checked(member, values)               the same, but not written
///   policy(member, missing, values)       the same for a choice that the block makes: one of the values that its type has
///   alias(member, value)                  a size under another name, which some readers want: written, never read
///   id(member, id)                        the id of a special token, written if there is one, never read
///   rate(member, value, missing)          a rate of dropout: how a model trains, so one with other rates may load the weights
template <class V>
concept config_visitor = requires(V& visit, const char* member, int& size, double& number, bool& flag, rotary_scaling& stretch, config_values values,
                                  int vocabulary::*id) {
  visit.size(member, member, size);
  visit.size(member, member, size, 0);
  visit.number(member, number, 0.0);
  visit.rotary(number, stretch, 0.0);
  visit.flag(member, flag, true);
  visit.only(member, values);
  visit.checked(member, values);
  visit.policy(member, config_value(true), values);
  visit.alias(member, size);
  visit.id(member, id);
  visit.rate(member, number, 0.0);
};

namespace detail {
struct any_config_visitor {
  void size(const char*, const char*, int&, int = 0) const {}
  void number(const char*, double&, double) const {}
  void rotary(double&, rotary_scaling&, double) const {}
  void flag(const char*, bool&, bool) const {}
  void only(const char*, config_values) const {}
  void checked(const char*, config_values) const {}
  void policy(const char*, config_value, config_values) const {}
  void alias(const char*, int) const {}
  void id(const char*, int vocabulary::*) const {}
  void rate(const char*, double&, double) const {}
};
static_assert(config_visitor<any_config_visitor>);
}  // namespace detail

/// An architecture. Network describes what the model is made of: a block for one stack; a family with two stacks has a bundle of
/// two blocks there.
///
///   name                    "model_type" in config.json
///   network                 that of the published models: a block with `using family = this family`
///   objective               what it is trained with unless a user says otherwise
///   tokenizer               a tokenizer_kind
///   holds<Network>(shape)   whether files of the family can hold this model; if not, a checkpoint has raptr's own names
///   names<Network>()        tensor_names: names and shapes of tensors in files
///   architecture(whole)     the class that opens a checkpoint; whole: with all layers that are not trained here
///   config<Network>(visitor, shape)   the members of config.json, see config_visitor
///   deviation(kind, shape)  standard deviation of initial weights
///   neurons(width)          optional: of the mlp, where programs are given no number; otherwise four times the width
template <class F>
concept model_family = requires(const model_shape& shape, model_shape& sizes, detail::any_config_visitor& visit) {
  { F::name } -> std::convertible_to<std::string_view>;
  typename F::network;
  typename F::objective;
  { F::tokenizer } -> std::convertible_to<tokenizer_kind>;
  { F::template holds<typename F::network>(shape) } -> std::same_as<bool>;
  { F::template names<typename F::network>() } -> std::same_as<tensor_names>;
  { F::architecture(true) } -> std::convertible_to<std::string_view>;
  { F::template config<typename F::network>(visit, sizes) } -> std::same_as<void>;
  { F::deviation(initializer::normal, shape) } -> std::same_as<double>;
};

/// Of models that no published format holds: tensors are named as their parts declare them.
struct own_family {
  static constexpr std::string_view name = "raptr";
  using network = fallback_block;
  using objective = void;
  static constexpr tokenizer_kind tokenizer = tokenizer_kind::bytes;
  template <class Network> static constexpr bool holds(const model_shape&) { return true; }
  template <class Network> static constexpr tensor_names names() { return own_names; }
  static constexpr std::string_view architecture(bool) { return ""; }
  template <class Network, class Visitor> static void config(Visitor&, model_shape&) {}
  static double deviation(initializer kind, const model_shape& shape) { return gpt2_deviation(kind, shape); }
};

namespace detail {
template <class Block> struct declared_family { using type = own_family; };
template <class Block>
requires requires { typename Block::family; }
struct declared_family<Block> {
  using type = typename Block::family;
};
}  // namespace detail

/// The family that a block declares or inherits from its preset.
template <class Block> struct family_of_block {
  using type = typename detail::declared_family<Block>::type;
  static_assert(model_family<type>,
                "raptr: the family of this block is not a raptr::model_family: it needs name, network, objective, tokenizer, holds, names, "
                "architecture, config and deviation, as in raptr/models/family.hpp");
};
template <class Block> using family_of = typename family_of_block<Block>::type;

/// Calls f.operator()<Family>() with the family whose files a model of this block and shape has.
template <class Block, class F> constexpr auto with_family_of_files(const model_shape& shape, F f) {
  if (family_of<Block>::template holds<Block>(shape)) return f.template operator()<family_of<Block>>();
  return f.template operator()<own_family>();
}
/// The names of a model of this block and shape.
template <class Block> constexpr tensor_names names_of(const model_shape& shape) {
  // With [] it could become a pointer to a function, of which nvcc warns.
  return with_family_of_files<Block>(shape, [&]<class Family>() { return Family::template names<Block>(); });
}

/// Whether a block has the policies of Like, whatever its norm, mlp, output matrix, token types and precision.
template <class Block, class Like>
concept shaped_like =
    std::same_as<typename Block::attention, typename Like::attention> && std::same_as<typename Block::residual, typename Like::residual> &&
    std::same_as<typename Block::positions, typename Like::positions> && std::same_as<typename Block::bias, typename Like::bias> &&
    Block::head::transforms == Like::head::transforms&& own_outputs<typename Block::head> == 0;
template <class N> inline constexpr bool is_layer_norm = false;
template <class Eps> inline constexpr bool is_layer_norm<basic_layer_norm<Eps>> = true;
template <class N> inline constexpr bool is_rms_norm = false;
template <class Eps> inline constexpr bool is_rms_norm<basic_rms_norm<Eps>> = true;
template <class M>
concept has_gelu = std::same_as<M, gelu_mlp> || std::same_as<M, gelu_erf_mlp>;

/// Hugging Face's names of the activation of a block with has_gelu [hf].
template <class Block> constexpr config_values gelu_names() {
  if (std::same_as<typename Block::mlp, gelu_mlp>) return {"gelu_new", "gelu_pytorch_tanh"};
  return {"gelu", "gelu_python"};
}

}  // namespace raptr
