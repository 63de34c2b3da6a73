// SPDX-License-Identifier: Apache-2.0
// A block is a bundle of policies: norm, residual rule, parts, embedding, precision. It is written as a preset and the policies
// that differ:
//   using my_block = raptr::block<raptr::bert_block, raptr::rms_norm, raptr::swiglu_mlp>;
#pragma once

#include <concepts>
#include <type_traits>

#include <raptr/nn/layers/attention.hpp>
#include <raptr/nn/layers/embedding.hpp>
#include <raptr/nn/layers/mlp.hpp>
#include <raptr/nn/layers/residual.hpp>
#include <raptr/nn/policies/precision.hpp>

namespace raptr {

template <class Norm, class Attention, class Mlp, class Residual, class Embedding, class Precision> struct preset {
  using norm = Norm;
  using attention = Attention;
  using mlp = Mlp;
  using residual = Residual;
  using embedding = Embedding;
  using precision = Precision;
  using parts = part_list<Attention, Mlp>;
};
/// Replaces an invalid block, so that one mistake gives one message.
struct fallback_block : preset<bert_layer_norm, full_attention, gelu_erf_mlp, post_norm, token_types<2>, fp32> {};

template <class P, class Role>
concept plays = std::same_as<typename P::role, Role>;
template <class P>
concept block_policy = plays<P, norm_role> || plays<P, attention_role> || plays<P, mlp_role> || plays<P, residual_role> || plays<P, embedding_role> ||
    plays<P, precision_role>;
template <class B>
concept block_bundle = requires {
  typename B::norm;
  typename B::attention;
  typename B::mlp;
  typename B::residual;
  typename B::embedding;
  typename B::precision;
  typename B::parts;
};

template <class Role, class Default, class...> struct policy_of { using type = Default; };
template <class Role, class Default, class P, class... More> struct policy_of<Role, Default, P, More...> : policy_of<Role, Default, More...> {};
template <class Role, class Default, plays<Role> P, class... More> struct policy_of<Role, Default, P, More...> { using type = P; };
template <class Role, class... P> inline constexpr bool at_most_one = (0 + ... + int(plays<P, Role>)) <= 1;

template <class Preset, class... P> struct block {
  static_assert(block_bundle<Preset>,
                "raptr: a block starts with a preset, then names what differs: raptr::block<raptr::bert_block, raptr::rms_norm>");
  static_assert((block_policy<P> && ...),
                "raptr: a policy of a block names its role: using role = raptr::norm_role (or attention_role, mlp_role, "
                "residual_role, embedding_role, precision_role)");
  static_assert(at_most_one<norm_role, P...>, "raptr: this block has two norms: name one");
  static_assert(at_most_one<attention_role, P...>, "raptr: this block has two attentions: name one");
  static_assert(at_most_one<mlp_role, P...>, "raptr: this block has two mlps: name one");
  static_assert(at_most_one<residual_role, P...>, "raptr: this block has two residuals: name pre_norm or post_norm");
  static_assert(at_most_one<embedding_role, P...>, "raptr: this block has two embeddings: name one token_types");
  static_assert(at_most_one<precision_role, P...>, "raptr: this block has two precisions: name one");

  using base = std::conditional_t<block_bundle<Preset>, Preset, fallback_block>;
  using norm = typename policy_of<norm_role, typename base::norm, P...>::type;
  using attention = typename policy_of<attention_role, typename base::attention, P...>::type;
  using mlp = typename policy_of<mlp_role, typename base::mlp, P...>::type;
  using residual = typename policy_of<residual_role, typename base::residual, P...>::type;
  using embedding = typename policy_of<embedding_role, typename base::embedding, P...>::type;
  using precision = typename policy_of<precision_role, typename base::precision, P...>::type;
  using parts = part_list<attention, mlp>;
};

}  // namespace raptr
