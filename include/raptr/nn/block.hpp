// SPDX-License-Identifier: Apache-2.0
// A block is a bundle of policies, each with its role: norm, attention, mlp, residual rule, positions, biases, head, loss, token types,
// precision. A user writes a preset and the policies that differ, in any order:
//   using my_block = raptr::block<raptr::bert_block, raptr::rms_norm, raptr::swiglu_mlp, raptr::no_biases>;
// Positions, head, loss and token types belong to the model around the blocks; they are named here so that a model has one list.
#pragma once

#include <concepts>
#include <type_traits>

#include <raptr/nn/layers/attention.hpp>
#include <raptr/nn/layers/embedding.hpp>
#include <raptr/nn/layers/loss.hpp>
#include <raptr/nn/layers/mlp.hpp>
#include <raptr/nn/layers/residual.hpp>
#include <raptr/nn/policies/head.hpp>
#include <raptr/nn/policies/positions.hpp>
#include <raptr/nn/policies/precision.hpp>

namespace raptr {

template <class P, class Role>
concept plays = std::same_as<typename P::role, Role>;
template <class P>
concept block_policy = plays<P, norm_role> || plays<P, attention_role> || plays<P, mlp_role> || plays<P, residual_role> || plays<P, positions_role> ||
    plays<P, bias_role> || plays<P, head_role> || plays<P, loss_role> || plays<P, embedding_role> || plays<P, precision_role>;

template <class Role, class Default, class...> struct policy_of { using type = Default; };
template <class Role, class Default, class P, class... More> struct policy_of<Role, Default, P, More...> : policy_of<Role, Default, More...> {};
template <class Role, class Default, plays<Role> P, class... More> struct policy_of<Role, Default, P, More...> { using type = P; };
template <class Role, class... P> inline constexpr bool at_most_one = (0 + ... + int(plays<P, Role>)) <= 1;

/// The policies of a block by role: those of P, and for roles that are missing there those of Base.
template <class Base, class... P> struct policies {
  using residual = typename policy_of<residual_role, typename Base::residual, P...>::type;
  using positions = typename policy_of<positions_role, typename Base::positions, P...>::type;
  using bias = typename policy_of<bias_role, typename Base::bias, P...>::type;
  using head = typename policy_of<head_role, typename Base::head, P...>::type;
  using loss = typename policy_of<loss_role, typename Base::loss, P...>::type;
  using embedding = typename policy_of<embedding_role, typename Base::embedding, P...>::type;
  using precision = typename policy_of<precision_role, typename Base::precision, P...>::type;
  using norm = typename form_with_bias<typename policy_of<norm_role, typename Base::norm, P...>::type, bias>::type;
  using attention =
      typename form_with_positions<typename form_with_bias<typename policy_of<attention_role, typename Base::attention, P...>::type, bias>::type,
                                   positions>::type;
  using mlp = typename form_with_bias<typename policy_of<mlp_role, typename Base::mlp, P...>::type, bias>::type;
  using parts = part_list<attention, mlp>;
};

/// What a preset has unless it says otherwise: GPT-2's policies.
struct default_policies {
  using norm = layer_norm;
  using attention = causal_attention;
  using mlp = gelu_mlp;
  using residual = pre_norm;
  using positions = learned_positions;
  using bias = biases;
  using head = tied_head;
  using loss = softmax_loss;
  using embedding = token_types<0>;
  using precision = fp32;
};
/// The policies of a known architecture, in any order.
template <class... P> struct preset : policies<default_policies, P...> {};
/// Replaces an invalid block, so that one mistake gives one message.
struct fallback_block : preset<full_attention> {};

template <class B>
concept block_bundle = requires {
  typename B::norm;
  typename B::attention;
  typename B::mlp;
  typename B::residual;
  typename B::positions;
  typename B::bias;
  typename B::head;
  typename B::loss;
  typename B::embedding;
  typename B::precision;
  typename B::parts;
};

namespace detail {
/// The model family that a block inherits from its preset, if it has one.
template <class Base> struct same_family {};
template <class Base>
requires requires { typename Base::family; }
struct same_family<Base> {
  using family = typename Base::family;
};
}  // namespace detail

template <class Preset, class... P>
struct block : policies<std::conditional_t<block_bundle<Preset>, Preset, fallback_block>, P...>, detail::same_family<Preset> {
  static_assert(block_bundle<Preset>,
                "raptr: a block starts with a preset, then names what differs: raptr::block<raptr::bert_block, raptr::rms_norm>");
  static_assert((block_policy<P> && ...),
                "raptr: a policy of a block names its role: using role = raptr::norm_role (or attention_role, mlp_role, residual_role, "
                "positions_role, bias_role, head_role, loss_role, embedding_role, precision_role)");
  static_assert(at_most_one<norm_role, P...>, "raptr: this block has two norms: name one");
  static_assert(at_most_one<attention_role, P...>, "raptr: this block has two attentions: name one");
  static_assert(at_most_one<mlp_role, P...>, "raptr: this block has two mlps: name one");
  static_assert(at_most_one<residual_role, P...>, "raptr: this block has two residuals: name pre_norm or post_norm");
  static_assert(at_most_one<positions_role, P...>, "raptr: this block has two kinds of positions: name one, such as rotary<half>");
  static_assert(at_most_one<bias_role, P...>, "raptr: this block has two bias policies: name biases or no_biases");
  static_assert(at_most_one<head_role, P...>, "raptr: this block has two heads: name one, such as tied_head or untied_head");
  static_assert(at_most_one<loss_role, P...>, "raptr: this block has two losses: name one, such as label_smoothing");
  static_assert(at_most_one<embedding_role, P...>, "raptr: this block has two embeddings: name one token_types");
  static_assert(at_most_one<precision_role, P...>, "raptr: this block has two precisions: name one");
};

template <class Block>
concept block_with_precision = block_bundle<Block> && precision_policy<typename Block::precision>;
/// A block whose policies beside norm, residual rule and parts are what they have to be; those are checked by the stack.
template <class Block>
concept block_with_policies = block_with_precision<Block> && positions_policy<typename Block::positions> && bias_policy<typename Block::bias> &&
    head_policy<typename Block::head> && loss_policy<typename Block::loss>;

template <class Block> using bundle_or_fallback = std::conditional_t<block_bundle<Block>, Block, fallback_block>;

/// Whether a block without biases has a norm and parts that follow it.
template <class B> constexpr bool follows_its_bias_policy() {
  using bias = typename B::bias;
  static_assert(bias_policy<bias>, "raptr: the bias policy of this block needs has_bias: name biases or no_biases");
  if constexpr (bias_policy<bias>)
    return bias::has_bias || (!B::norm::bias && follows_bias<typename B::attention, bias> && follows_bias<typename B::mlp, bias>);
  else
    return true;  // one message is enough
}

/// Whether a block whose positions act in its attention has one that lets them.
template <class B> constexpr bool follows_its_positions() {
  return !(rotary_policy<typename B::positions> || relative_policy<typename B::positions>) ||
         follows_positions<typename B::attention, typename B::positions>;
}

/// Whether relative positions look both ways where attention does.
template <class B> constexpr bool looks_where_its_positions_do() {
  if constexpr (relative_policy<typename B::positions> && requires { B::attention::causal; })
    return B::attention::causal || B::positions::bidirectional;
  else
    return true;
}

/// Whether an attention drops probabilities as part_call::attention_dropout says.
template <class P>
concept with_probability_dropout = requires {
  requires P::drops_probabilities;
};

}  // namespace raptr
