// SPDX-License-Identifier: Apache-2.0
// A custom axis: a block whose mlp is a few small experts, each behind a soft gate, and a drop that keeps some of the
// experts. An axis is a name and a part that owns it; plans, packing, step counts, costs and files follow automatically.
// Nothing in include/ is changed.
#include <cstdio>
#include <string>
#include <vector>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

// ---- the axis, and the drop that acts on it: by default an exact number of experts, drawn for each block

struct experts {
  static constexpr std::string_view name = "experts";
};
template <class Keep, class... Policies> struct expert_drop : raptr::drop<experts, Keep, raptr::exactly<>, Policies...> {};

// ---- the part that owns it

/// The activation of the kept experts for one token. An expert maps 1 + size numbers to size: h = sigmoid(a[0]) gelu(a[1 + j]).
/// The kept units of a row are contiguous, so the loop needs only their number, not their indices.
template <class T> struct open_gates {
  static constexpr int sums = 0;
  const T* a;
  T* h;
  int kept, size;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    for (std::int64_t e = r * kept; e < (r + 1) * kept; ++e) {
      const T *const in = a + e * (1 + size), gate = 1 / (1 + raptr::math::exp(-in[0]));
      T* const out = h + e * size;
      team.each(size, [=](int j) { out[j] = gate * raptr::gelu_tanh::forward(in + 1 + j); });
    }
  }
};
/// Its backward pass: reads dh, the gradient of h; writes da.
template <class T> struct close_gates {
  static constexpr int sums = 0;
  const T *a, *dh;
  T* da;
  int kept, size;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    for (std::int64_t e = r * kept; e < (r + 1) * kept; ++e) {
      const T *const in = a + e * (1 + size), *const d = dh + e * size, gate = 1 / (1 + raptr::math::exp(-in[0]));
      T* const out = da + e * (1 + size);
      const T through = team.sum(size, [=](int j) { return d[j] * raptr::gelu_tanh::forward(in + 1 + j); });
      team.each(1, [=](int) { out[0] = through * gate * (1 - gate); });
      team.each(size, [=](int j) { raptr::gelu_tanh::backward(in + 1 + j, gate * d[j], out + 1 + j); });
    }
  }
};

struct expert_mlp {
  using role = raptr::mlp_role;  // replaces the mlp of a block
  using axis = experts;
  static constexpr std::string_view name = "experts";
  static constexpr int size = 16, count = 8;

  static constexpr int units(const raptr::model_shape&) { return count; }
  static constexpr double unit_flops(const raptr::model_shape& s) { return 2.0 * s.width * (1 + 2 * size); }

  // All rows of an expert are contiguous in each weight, so the kept experts are a few ranges.
  enum { up, down };
  static std::vector<raptr::weight> weights(const raptr::model_shape& s) {
    return {{"up", true, {{"gate.weight", 1}, {"up.weight", size}}, s.width, raptr::initializer::normal, true},
            {"down", true, {{"down.weight", size}}, s.width, raptr::initializer::normal_by_depth, true}};
  }
  template <class Ops> struct saved { typename Ops::real *a, *h; };

  template <class Ops, class T> static void forward(raptr::part_call<Ops>& call, raptr::params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    s = {call.keep(call.units * (1 + size)), call.keep(call.units * size)};
    call.ops.matmul_nt(s.a, x, w[up], nullptr, call.rows, 1, open_gates<T>{s.a, s.h, call.units, size});
    call.ops.matmul_nn(residual, s.h, w[down], call.rows, call.factor, 1, nullptr, 0);
  }
  template <class Ops, class T, class G> static void backward(raptr::part_call<Ops>& call, raptr::params<const T> w, raptr::params<G> g,
                                                              const saved<Ops>& s, const T* x, const T* dresidual, T* dx, double carry) {
    const raptr::arena::scope scratch(call.memory);
    T *const dh = call.scratch(call.units * size), *const da = call.scratch(call.units * (1 + size));
    call.ops.matmul_nt(dh, dresidual, w[down], nullptr, call.rows, call.factor, close_gates<T>{s.a, dh, da, call.units, size});
    call.ops.matmul_tn(g[down], s.h, dresidual, call.rows, call.factor, nullptr, nullptr, 0);
    call.ops.matmul_tn(g[up], da, x, call.rows, 1, nullptr, nullptr, 0);
    call.ops.matmul_nn(dx, da, w[up], call.rows, 1, carry, nullptr, 0);
  }
};

// ---- its use

using my_block = raptr::block<raptr::gpt2_block, expert_mlp>;
using my_model = raptr::transformer<my_block, raptr::causal_lm, raptr::cpu>;
constexpr raptr::model_shape small{.layers = 4, .width = 32, .heads = 4, .vocab = 259, .context = 32};
constexpr std::int64_t steps = 40;

// Layers and experts at once, then experts alone, then everything. The cost is computed at compile time.
using growing = raptr::schedule<raptr::stage<raptr::share<1, 2>, raptr::layer_drop<raptr::keep<3>>, expert_drop<raptr::keep<1, 2>>>,
                                raptr::stage<raptr::share<1, 4>, expert_drop<raptr::keep<3, 4>, raptr::inverse>>,
                                raptr::stage<raptr::share<1, 4>, raptr::full_network>>;
static_assert(raptr::progressive<growing, my_block, small>);

// The same axis in the text of a schedule: its rule is passed as an option.
constexpr std::string_view text_of_experts = "experts 1/2-3/4-full";
using by_type =
    raptr::schedule<raptr::stage<raptr::share<1, 3>, expert_drop<raptr::keep<1, 2>>>,
                    raptr::stage<raptr::share<1, 3>, expert_drop<raptr::keep<3, 4>>>, raptr::stage<raptr::share<1, 3>, raptr::full_network>>;
raptr::any_schedule by_text() { return raptr::any_schedule(text_of_experts, {.rules = {raptr::rule_of<expert_drop>()}}); }

int kept_experts(const raptr::step_plan& plan) {
  int kept = 0;
  for (const raptr::block_plan& b : plan.blocks()) kept += b.parts()[1].size();  // attention is part 0
  return kept;
}

bool trains(const auto& tokens) {
  raptr::trainer trainer(my_model(small), growing{}, raptr::adamw{.lr = 5e-3}, raptr::warmup_cosine{.warmup = 4});
  raptr::step_plan plan(raptr::layout_of<my_block>(small));
  double first = 0, last = 0;
  trainer.run(tokens, {.steps = steps, .batch = 8}, [&](const raptr::step_report& now) {
    if (now.step == 0) first = now.loss;
    last = now.loss;
    if (now.step % 10 != 9) return;
    raptr::plan_into(plan, growing{}, {.seed = 1, .step = static_cast<std::uint64_t>(now.step)}, steps);
    std::printf("step %2d, stage %d: loss %.3f, %d layers, %3.0f%% of the experts\n", static_cast<int>(now.step) + 1, now.stage + 1, now.loss,
                now.active_blocks, 100.0 * kept_experts(plan) / (small.layers * expert_mlp::count));
  });
  for (const raptr::stage_summary& row : raptr::stage_table(growing{}, plan.layout(), steps))
    std::printf("steps %2d to %2d cost %3.0f%% of the block FLOPs\n", static_cast<int>(row.first) + 1, static_cast<int>(row.last) + 1,
                100 * row.flops_share);
  return last < first - 1;
}

bool same_plans() {
  raptr::step_plan a(raptr::layout_of<my_block>(small)), b = a;
  int different = 0;
  for (std::uint64_t step = 0; step < steps; ++step) {
    raptr::plan_into(a, by_type{}, {.seed = 1, .step = step}, steps);
    raptr::plan_into(b, by_text(), {.seed = 1, .step = step}, steps);
    different += !(a == b);
  }
  std::printf("%s: %d of %d plans differ from those of the type\n", text_of_experts.data(), different, static_cast<int>(steps));
  return different == 0;
}

/// Three steps that keep the first half of the experts: their weights must change, those of the other half must not.
bool dropped_ones_stand_still(const auto& tokens) {
  using first_half = raptr::constant<expert_drop<raptr::keep<1, 2>, raptr::first_units>>;
  my_model start(small);
  start.initialise(1);
  const std::vector<float> before = start.get_weights();
  raptr::trainer trainer(std::move(start), first_half{}, raptr::adamw{});
  trainer.run(tokens, {.steps = 3, .batch = 4});
  const std::vector<float> after = trainer.model().get_weights();

  int moved[2] = {0, 0}, all[2] = {0, 0};  // of the kept experts, of the dropped ones
  for (const raptr::placed_weight& w : trainer.model().layout().all()) {
    if (w.part_name != expert_mlp::name || !w.what.per_unit) continue;
    for (std::int64_t i = 0; i < w.size(); ++i) {
      const std::size_t at = static_cast<std::size_t>(w.first + i);
      const int dropped = i / w.per_unit >= expert_mlp::count / 2;
      moved[dropped] += before[at] != after[at], ++all[dropped];
    }
  }
  std::printf("changed weights: %d of %d in kept experts, %d of %d in dropped ones\n", moved[0], all[0], moved[1], all[1]);
  return all[1] > 0 && moved[1] == 0 && moved[0] > all[0] / 2;
}

int main() {
  std::string text;
  for (int n = 0; n < 500; ++n) text += std::to_string(n) + (n % 3 ? ", " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  const bool right[] = {trains(tokens), same_plans(), dropped_ones_stand_still(tokens)};
  return right[0] && right[1] && right[2] ? 0 : 1;
}
