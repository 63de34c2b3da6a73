// SPDX-License-Identifier: Apache-2.0
// A custom norm and a custom activation. Both are functors over one row or one neuron, so they run on every backend; names in
// files, the optimizer and plans follow automatically. Nothing in include/ is changed.
#include <cmath>
#include <cstdio>

#include <raptr/backend/cpu.hpp>
#include <raptr/raptr.hpp>

/// max(a, 0)^2.
struct squared_relu {
  static constexpr int inputs = 1;
  template <class T> RAPTR_BOTH static T forward(const T* a) { return *a > 0 ? *a * *a : T(0); }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) { *da = *a > 0 ? 2 * *a * dh : T(0); }
};

/// y = x / (mean |x| + eps) * gain. The library applies the gain and sums its gradient.
struct mean_abs_norm {
  using role = raptr::norm_role;
  static constexpr bool bias = false;
  static constexpr double eps = 1e-6;

  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void forward(Team& team, const T* x, T* hat, S* scale, int n) {
    const S r = 1 / (team.sum(n, [=](int i) { return std::abs(S(x[i])); }) / S(n) + S(eps));
    team.each(n, [=](int i) { hat[i] = T(S(x[i]) * r); });
    team.each(1, [=](int) { *scale = r; });
  }
  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void backward(Team& team, const T* hat, const S* scale, T* d, int n) {
    const S dot = team.sum(n, [=](int i) { return S(d[i]) * S(hat[i]); }) / S(n), r = *scale;
    team.each(n, [=](int i) { d[i] = T(r * (S(d[i]) - (hat[i] > 0 ? dot : -dot))); });
  }
};

// Double precision, for a tight check of the gradient below.
using my_block = raptr::block<raptr::gpt2_block, mean_abs_norm, raptr::mlp<squared_relu>, raptr::fp64>;
using my_model = raptr::transformer<my_block, raptr::causal_lm, raptr::cpu>;

int main() {
  my_model model({.layers = 3, .width = 16, .heads = 2, .vocab = 12, .context = 8});
  model.initialise(1);

  raptr::batch data;
  for (std::int32_t sequence = 0; sequence < 2; ++sequence) {
    const std::vector<std::int32_t> ids{1, 2, 3, 5, 8, sequence, 0, 1, 2};
    model.objective().add(data, ids, raptr::vocabulary{.size = 12}, 1, sequence);
  }
  data.normaliser = data.target_weight();

  // Blocks 0 and 2 train; block 1 is dropped.
  raptr::step_plan plan(model.plan_layout());
  plan.add(0), plan.add(2);
  const auto loss_at = [&](std::span<const double> weights) {
    model.set_weights(weights);
    model.begin(plan, false);
    model.accumulate(plan, data, false);
    return model.loss();
  };

  // The derivative along the gradient: by backpropagation and by finite differences.
  const std::vector<double> start = model.get_weights();
  model.begin(plan);
  model.accumulate(plan, data);
  const std::vector<double> packed =
      raptr::download(model.ops(), static_cast<const double*>(model.gradients()), static_cast<std::size_t>(model.active().size));
  std::vector<double> direction(start.size(), 0.0);
  double slope = 0;
  for (const raptr::param_range& range : model.active().kept)
    for (std::int64_t i = 0; i < range.length; ++i) {
      const double g = packed[static_cast<std::size_t>(range.packed + i)];
      direction[static_cast<std::size_t>(range.first + i)] = g, slope += g * g;
    }
  const auto moved = [&](double by) {
    std::vector<double> weights = start;
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] += by * direction[i];
    return loss_at(weights);
  };
  const double h = 1e-5, measured = (moved(h) - moved(-h)) / (2 * h);
  std::printf("loss %.4f, slope %.9f, by finite differences %.9f\n", loss_at(start), slope, measured);
  return std::abs(measured - slope) < 1e-6 * slope ? 0 : 1;
}
