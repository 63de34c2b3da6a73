// SPDX-License-Identifier: Apache-2.0
// The policies of a trainer, in any order. The role of each follows from what it offers, so that a learning-rate rule may be a lambda.
#pragma once

#include <cmath>
#include <concepts>
#include <type_traits>

#include <raptr/base/decimal.hpp>
#include <raptr/comm/single_process.hpp>
#include <raptr/optim/learning_rate.hpp>
#include <raptr/optim/owned_elements.hpp>
#include <raptr/optim/sgd.hpp>
#include <raptr/optim/update_options.hpp>
#include <raptr/optim/update_rule.hpp>
#include <raptr/train/error.hpp>

namespace raptr {

// An optimizer is known by its lr: what else it lacks is then said by name.
template <class T> struct is_optimizer : std::bool_constant < requires(const T& rule) { rule.lr; } > {};
template <class T> struct is_rate : std::bool_constant < rate_rule<T> || requires { &T::block_rate; } > {};
template <class T> struct is_update_options : std::is_same<T, update_options> {};
template <class T> struct is_communicator : std::bool_constant<communicator<T>> {};

template <class T>
concept trainer_policy = is_optimizer<T>::value || is_rate<T>::value || is_update_options<T>::value || is_communicator<T>::value;

namespace detail {
template <template <class> class Role, class Default, class... Policies> struct playing : std::type_identity<Default> {};
template <template <class> class Role, class Default, class P, class... Rest>
struct playing<Role, Default, P, Rest...> : std::conditional_t<Role<P>::value, std::type_identity<P>, playing<Role, Default, Rest...>> {};
template <template <class> class Role, class... Policies> inline constexpr bool plays_twice = (0 + ... + int(Role<Policies>::value)) > 1;
}  // namespace detail

template <class... Policies> struct policies_of_trainer {
  static_assert(
      (trainer_policy<Policies> && ...),
      "raptr: after model and schedule, trainer has policies: an optimizer, such as raptr::adamw{.lr = 1e-3}, a learning-rate rule, such as "
      "raptr::warmup_linear{.warmup = 200}, raptr::update_options, a communicator; this is none of them");
  static_assert((is_optimizer<Policies>::value || ...), "raptr: trainer needs an optimizer, such as raptr::adamw{.lr = 1e-3}");
  static_assert(!detail::plays_twice<is_optimizer, Policies...> && !detail::plays_twice<is_rate, Policies...> &&
                    !detail::plays_twice<is_update_options, Policies...> && !detail::plays_twice<is_communicator, Policies...>,
                "raptr: trainer has two policies of one role: name one optimizer, one learning-rate rule, one update_options, one communicator");
  using optimizer = typename detail::playing<is_optimizer, sgd, Policies...>::type;
  using rate = typename detail::playing<is_rate, constant_rate, Policies...>::type;
  using communicator = typename detail::playing<is_communicator, single_process, Policies...>::type;
  static_assert(optimizer_rule<optimizer>,
                "raptr: an optimizer of trainer, such as raptr::adamw{.lr = 1e-3}, needs lr, weight_decay, moments, flops, prepare(unit) and "
                "update(unit, weight, gradient, moments...)");
  static_assert(
      !requires { &rate::block_rate; },
      "raptr: a learning-rate rule has no block_rate(): it is called for the weights of blocks too, with now.depth_share above 0");
};

/// What a trainer with these policies in its type is given: objects of them, and update_options, which are no part of the type.
template <class Given, class... Policies>
concept policy_among = std::same_as<std::remove_cvref_t<Given>, update_options> ||(std::same_as<std::remove_cvref_t<Given>, Policies> || ...);

/// Throws input_error with the first rate of an optimizer that is out of range.
template <class Rule> void check_rates(const Rule& rule) {
  const auto check = [](const char* name, double value) {
    if (!(value >= 0 && std::isfinite(value))) errors::run_option_is_out_of_range(name, decimal_text(value), "0 or more");
  };
  check("lr", rule.lr), check("weight_decay", rule.weight_decay);
}

/// What this rank owns of the optimizer's state.
template <class Comm> element_owner owner_in(const update_options& updates, const Comm& comm) {
  return updates.sharded ? element_owner{comm.rank(), comm.ranks()} : element_owner{};
}

/// The object of type T among the given ones, or a default one.
template <class T> T given() { return T{}; }
template <class T, class First, class... Rest> T given(const First& first, const Rest&... rest) {
  if constexpr (std::is_same_v<First, T>)
    return first;
  else
    return given<T>(rest...);
}
/// The communicator among them; without one there is one rank.
template <class Comm> Comm* given_communicator() {
  static_assert(std::is_same_v<Comm, single_process>, "raptr: a trainer with a communicator in its type needs that object");
  static single_process alone;
  return &alone;
}
template <class Comm, class First, class... Rest> Comm* given_communicator(First& first, Rest&... rest) {
  if constexpr (std::is_same_v<First, Comm>)
    return &first;
  else
    return given_communicator<Comm>(rest...);
}

}  // namespace raptr
