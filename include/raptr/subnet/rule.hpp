// SPDX-License-Identifier: Apache-2.0
// The value form of a drop: what plans, costs and checks work on. A drop_rule borrows its selector and its scale, like a
// string_view its letters, so it copies freely, costs no allocation and is a constant where its type is. What a program
// computed is held by a custom_rule, and taking a rule from a temporary one does not compile.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include <raptr/subnet/scales.hpp>
#include <raptr/subnet/selectors.hpp>

namespace raptr {

/// What is dropped: a kind of unit. Its name appears in messages.
struct layers {
  static constexpr std::string_view name = "layers";
};
template <class A>
concept subnet_axis = requires {
  { A::name } -> std::convertible_to<std::string_view>;
};

/// A selector without its type: an object that somebody else keeps alive (null for types) and what can be asked of it.
struct selector_view {
  const void* object = nullptr;
  unit_set (*choose)(const void* object, int total, int kept, draw_key key) = nullptr;
  double (*chance)(const void* object, int unit, int total, int kept) = nullptr;
  bool knows_probability = false;
  fixed always{};

  unit_set operator()(int total, int kept, draw_key key) const { return choose(object, total, kept, key); }
  double probability(int unit, int total, int kept) const { return chance(object, unit, total, kept); }
  constexpr bool operator==(const selector_view& o) const { return object == o.object && choose == o.choose; }
};
struct scale_view {
  const void* object = nullptr;
  double (*multiply)(const void* object, kept_unit unit) = nullptr;
  bool needs_probability = false, whole_block = false;

  double operator()(kept_unit unit) const { return multiply(object, unit); }
  constexpr bool operator==(const scale_view& o) const { return object == o.object && multiply == o.multiply; }
};

template <unit_selector S> double chance_of(const S& select, int unit, int total, int kept) {
  if constexpr (tells_probability<S>)
    return select.probability(unit, total, kept);
  else
    return 1.0;
}
template <class S> constexpr fixed always_kept_by(const S& select) {
  if constexpr (has_fixed_units<S>)
    return select.always;
  else
    return {};
}

/// Of a type: no object is needed.
template <unit_selector S> constexpr selector_view view_of_selector() {
  return {nullptr, [](const void*, int total, int kept, draw_key key) { return S{}(total, kept, key); },
          [](const void*, int unit, int total, int kept) { return chance_of(S{}, unit, total, kept); }, tells_probability<S>, always_kept_by(S{})};
}
template <unit_scale S> constexpr scale_view view_of_scale() {
  return {nullptr, [](const void*, kept_unit unit) { return S{}(unit); }, needs_probability<S>, whole_block_scale<S>};
}
/// Of an object, which must outlive the view.
template <unit_selector S> selector_view view_of(const S& select) {
  return {&select, [](const void* s, int total, int kept, draw_key key) { return (*static_cast<const S*>(s))(total, kept, key); },
          [](const void* s, int unit, int total, int kept) { return chance_of(*static_cast<const S*>(s), unit, total, kept); }, tells_probability<S>,
          always_kept_by(select)};
}
template <unit_scale S> scale_view view_of(const S& scale) {
  return {&scale, [](const void* s, kept_unit unit) { return (*static_cast<const S*>(s))(unit); }, needs_probability<S>, whole_block_scale<S>};
}

template <class P>
concept drop_policy = unit_selector<P> || unit_scale<P>;

struct drop_rule {
  std::string_view name, axis;  // name: the word for it in a schedule's text
  amount kept;
  selector_view select;
  scale_view scale;

  constexpr drop_rule keeping(amount other) const {
    drop_rule rule = *this;
    rule.kept = other;
    return rule;
  }
  constexpr bool same_policies(const drop_rule& o) const { return select == o.select && scale == o.scale; }
  constexpr bool fits(int total) const { return kept.fits(total) && (kept.of(total, axis) == total || select.always.fits(kept.of(total, axis))); }
  /// Of so many units. Throws input_error if the model has fewer, or more are fixed. Full is full for every selector.
  constexpr int kept_of(int total) const {
    const int count = kept.of(total, axis);
    if (count < total) select.always.check(count);
    return count;
  }
};

/// A rule with policies that are values: custom_rule(rule_of<layer_drop<keep<9>>>(), exactly_selector{{2, 1}}, inverse{}).
/// Rules taken from it live as long as it, or a copy of it, does.
class custom_rule {
 public:
  /// Throws input_error if the scale needs a probability that the selector does not tell.
  template <class... Policies> custom_rule(drop_rule base, Policies... policies) : rule_(base) {
    static_assert((drop_policy<Policies> && ...), "raptr: a policy of a rule is a selector or a scale");
    (put(std::move(policies)), ...);
    if (rule_.scale.needs_probability && !rule_.select.knows_probability) errors::scale_needs_a_probability(rule_.axis);
  }
  const drop_rule& rule() const& { return rule_; }
  const drop_rule& rule() && = delete;  // it would outlive its selector

 private:
  template <class Policy> void put(Policy policy) {
    const auto kept = std::make_shared<const Policy>(std::move(policy));
    if constexpr (unit_selector<Policy>)
      select_ = kept, rule_.select = view_of(*kept);
    else
      scale_ = kept, rule_.scale = view_of(*kept);
  }
  drop_rule rule_;
  std::shared_ptr<const void> select_, scale_;
};

/// What trains in a stage, and for which share of the steps. No rule at all: the full network.
class stage_rule {
 public:
  static constexpr int most = 8;
  fraction share;

  /// Throws input_error for a second rule on one axis.
  constexpr void add(const drop_rule& rule) {
    for (const drop_rule& r : *this)
      if (r.axis == rule.axis) errors::two_drops_on_one_axis(rule.axis);
    if (size_ == most) errors::stage_has_too_many_drops(most);
    rules_[static_cast<std::size_t>(size_++)] = rule;
  }
  /// Null if nothing is dropped on that axis. For run time: g++ 12 with -fsanitize=undefined calls no such pointer a constant.
  const drop_rule* find(std::string_view axis) const {
    for (const drop_rule& r : *this)
      if (r.axis == axis) return &r;
    return nullptr;
  }
  constexpr const drop_rule* begin() const { return rules_.data(); }
  constexpr const drop_rule* end() const { return rules_.data() + size_; }

 private:
  std::array<drop_rule, most> rules_{};
  int size_ = 0;
};

}  // namespace raptr
