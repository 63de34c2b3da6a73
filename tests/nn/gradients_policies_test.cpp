// SPDX-License-Identifier: Apache-2.0
// The policies that a GPT-2 and a BERT do not have: no biases, no positions or rotary ones, an output matrix of its own, other numbers
// in the shape, and a part that reads the positions of its rows.
#include "gradient_check.hpp"
#include "on_device.hpp"
#include "scratch_folder.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

using bare64 = block<gpt2_block, no_biases, no_positions, untied_head, fp64>;
using own_head64 = block<bert_block, no_biases, lm_head<false, head_transform<gelu_tanh>>, token_types<3>, fp64>;
/// A loss of one's own: half the squared distance of the logits to those of a perfect classifier.
template <class T, class S> struct squared_distance {
  static constexpr int sums = 0;
  T* logits;
  const int* ids;
  const float* weights;
  double* row_loss;
  S scale;
  int outputs;
  bool with_gradient;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T* const l = logits + r * outputs;
    const int id = ids[r];
    const S k = scale * S(weights[r]);
    const S sum = team.sum(
        outputs, [=](int i, const T& x) { return (S(x) - S(i == id)) * (S(x) - S(i == id)); }, static_cast<const T*>(l));
    double* const loss = row_loss + r;
    team.each(1, [=](int) { *loss = double(k * sum / 2); });
    if (!with_gradient) return;
    team.each(
        outputs, [=](int i, T& x) { x = T(k * (S(x) - S(i == id))); }, l);
  }
};
struct own_loss {
  using role = loss_role;
  template <class T, class S> using kernel = squared_distance<T, S>;
};
using classifier64 = block<gpt2_block, classifier_head<13>, own_loss, fp64>;
constexpr model_shape other_numbers{.layers = 3,
                                    .width = 8,
                                    .heads = 2,
                                    .neurons = 12,
                                    .neuron_group = 4,
                                    .vocab = 11,
                                    .context = 8,
                                    .norm_eps = 0.3,
                                    .attention_scale = 0.9,
                                    .scale_by_depth = true,
                                    .residual_multiplier = 0.4};

/// y += factor times the sum over units of x * table[unit][position], element by element: what a row gets depends on its position,
/// not on its place among the rows.
template <class T> struct multiply_by_position {
  static constexpr int sums = 0;
  T* y;
  const T *x, *table;
  const int* positions;
  int units, width, context;
  double factor;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    for (int u = 0; u < units; ++u) {
      const T* const at = table + (std::int64_t(u) * context + positions[r]) * width;
      const T f = T(factor);
      team.each(
          width, [=](int, T& out, const T& a, const T& b) { out += f * a * b; }, y + r * width, x + r * width, at);
    }
  }
};
/// The gradient of the table: row `position` of the kernel adds the rows of that position in order.
template <class T, class G> struct gather_by_position {
  static constexpr int sums = 0;
  G* table;
  const T *x, *d;
  const int* positions;
  std::int64_t rows;
  int units, width, context;
  double factor;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t position) const {
    const G f = G(factor);
    for (std::int64_t r = 0; r < rows; ++r)
      for (int u = 0; positions[r] == position && u < units; ++u)
        team.each(
            width, [=](int, G& sum, const T& a, const T& b) { sum += f * G(a) * G(b); }, table + (std::int64_t(u) * context + position) * width,
            x + r * width, d + r * width);
  }
};
struct tables_axis {
  static constexpr std::string_view name = "tables";
};
struct tables {
  using role = mlp_role;
  using axis = tables_axis;
  static constexpr std::string_view name = "tables";
  static constexpr int units(const model_shape&) { return 3; }
  static constexpr double unit_flops(const model_shape& s) { return 3.0 * s.width; }
  static std::vector<weight> weights(const model_shape& s) {
    return {{"table", true, {{"table.weight", s.context}}, s.width, initializer::normal, true}};
  }
  template <class Ops> struct saved {};
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>&, const T* x, T* residual) {
    const model_shape& s = call.shape;
    call.ops.for_each_row(multiply_by_position<T>{residual, x, w[0].data, call.positions, call.units, s.width, s.context, call.factor}, call.rows);
  }
  template <class Ops, class T, class G>
  static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>&, const T* x, const T* dresidual, T* dx, double carry) {
    const model_shape& s = call.shape;
    call.ops.for_each_row(gather_by_position<T, G>{g[0].data, x, dresidual, call.positions, call.rows, call.units, s.width, s.context, call.factor},
                          s.context);
    if (carry == 0) call.ops.for_each_row(zero_rows<T>{dx, s.width}, call.rows);
    call.ops.for_each_row(multiply_by_position<T>{dx, dresidual, w[0].data, call.positions, call.units, s.width, s.context, call.factor}, call.rows);
  }
};
using by_position64 = block<gpt2_block, tables, no_positions, fp64>;

}  // namespace

TEST_CASE_TEMPLATE("A block without biases and positions, with an output matrix of its own, has the gradient of its loss", Device,
                   RAPTR_TEST_DEVICES) {
  gradients_are_differences<bare64, causal_lm, Device>(30, {}, 21);
}
TEST_CASE_TEMPLATE("A head with a transform, an own matrix and no biases has the gradient of its loss", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<own_head64, masked_lm, Device>(30, {}, 22);
}
TEST_CASE_TEMPLATE("A block with rotary positions and a norm of queries and keys has the gradient of its loss, also where some sequences skip it",
                   Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<qwen64, causal_lm, Device>(20, {.sequences = 0.5}, 27, tiny_qwen);
}
TEST_CASE_TEMPLATE("A classifier with a loss of its own has the gradient of that loss", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<classifier64, causal_lm, Device>(10, {}, 31);
  rig<classifier64, causal_lm, Device> r;
  batch one;
  one.add_segment(2, 0), one.ids = {3, 4}, one.targets = {{1, 12, 1.0f}};  // a class above the ids of the vocabulary
  const step_plan full = step_plan::full(r.layout());
  CHECK(std::isfinite(r.loss(full, one)));
  r.model.begin(full, false);
  CHECK(r.model.predict(full, one).size() == 13);
  one.targets = {{1, 13, 1.0f}};
  CHECK(has(sentence_of<input_error>([&] { r.loss(full, one); }), "the target of row 1 is 13, but the head has 13 outputs: targets are 0 to 12"));
}
TEST_CASE_TEMPLATE("Relative positions have the gradient of their loss, whatever heads and blocks are dropped", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<relative64, causal_lm, Device>(20, {.sequences = 0.5}, 28, tiny_shared);
}
TEST_CASE_TEMPLATE("Other numbers of the shape give the gradient of their own loss", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<gpt64, causal_lm, Device>(30, {}, 23, other_numbers);
}
TEST_CASE_TEMPLATE("A part reads the positions of its rows, also where some sequences skip the block", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<by_position64, causal_lm, Device>(30, {.sequences = 0.7}, 24);
}

TEST_CASE_TEMPLATE("Rows that pass through a block keep their positions, in any order", Device, RAPTR_TEST_DEVICES) {
  rig<by_position64, causal_lm, Device> r(tiny, 25, small_options<Device>(false));
  dice any(26);
  batch all = random_batch(any, sight::causal);
  for (int& p : all.positions) p = any.below(tiny.context);
  const step_plan some = changed_plan(r.layout(4), [](block_plan& b) {
    if (b.block == 1) b.sequences = {1, 3};
  });
  double sum = 0;
  for (std::size_t s = 0; s < 4; ++s) {
    batch one = part_of(all, s, 1);
    std::copy_n(all.positions.begin() + all.segments[s].first, all.segments[s].length, one.positions.begin());
    one.first_sequence = 0;
    sum += r.loss(step_plan::of_blocks(r.layout(), s % 2 ? unit_set{0, 1, 2} : unit_set{0, 2}), one);
  }
  CHECK(r.loss(some, all) == doctest::Approx(sum).epsilon(1e-13));
}

TEST_CASE("Rotary positions are relative: the loss changes with their distances, and with nothing else") {
  rig<qwen64, causal_lm, host_device> r(tiny_qwen, 5);
  dice any(5);
  batch b = random_batch(any, sight::causal, tiny_qwen, 1);
  while (b.ids.size() > 5) b = random_batch(any, sight::causal, tiny_qwen, 1);
  const auto loss = [&] { return r.loss(step_plan::full(r.layout()), b); };
  const double usual = loss();
  for (int& p : b.positions) p += 3;
  CHECK(loss() == doctest::Approx(usual).epsilon(1e-13));
  b.positions.front() -= 2;
  CHECK(std::abs(loss() - usual) > 1e-4);

  const auto with = [&](auto change) {
    model_shape s = tiny_qwen;
    change(s);
    rig<qwen64, causal_lm, host_device> changed(s, 5);
    return changed.loss(step_plan::full(changed.layout()), b);
  };
  const double plain = loss();
  CHECK(with([](model_shape& s) { s.rotary_base = 10'000; }) == plain);
  CHECK(std::abs(with([](model_shape& s) { s.rotary_base = 100; }) - plain) > 1e-6);
  CHECK(std::abs(with([](model_shape& s) { s.rotary_stretch.factor = 2; }) - plain) > 1e-6);
}

TEST_CASE("Relative positions change the loss with distances, and with nothing else") {
  rig<relative64, causal_lm, host_device> r(tiny_shared, 6);
  dice any(6);
  const batch b = random_batch(any, sight::prefix, tiny_shared, 2);
  const placed_weight& table = r.model.layout().all()[r.model.layout().of(0, 0) - 1];
  CHECK(table.full_name() == "relative_positions");
  const auto loss_with = [&](auto change) {
    const auto before = r.w;
    for (int head = 0; head < 4; ++head)
      for (int bucket = 0; bucket < 8; ++bucket) change(head, bucket, r.w[static_cast<std::size_t>(table.first + 8 * head + bucket)]);
    r.model.set_weights(r.w);
    const double loss = r.loss(step_plan::full(r.layout()), b);
    r.w = before;
    return loss;
  };
  const double usual = loss_with([](int, int, double&) {});
  CHECK(loss_with([](int head, int, double& x) { x += head == 2 ? 3 : 0; }) == doctest::Approx(usual).epsilon(1e-13));  // softmax sees no constant
  CHECK(std::abs(loss_with([](int head, int bucket, double& x) { x += head == 2 && bucket == 1 ? 1 : 0; }) - usual) > 1e-5);
}

TEST_CASE("Numbers of rotary positions are checked, and refused by a block without them") {
  const auto said = [&]<class Block>(Block, auto change) {
    model_shape s = tiny_qwen;
    change(s);
    return sentence_of<input_error>([&] { transformer<Block, causal_lm, host_device> model(s); });
  };
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.width = 12; }), "4 heads of a width of 12 have 3 each: take a width and heads that"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_base = 1; }), "model_shape::rotary_base is 1: give 0, or a number above 1"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch.factor = 0.5; }), "rotary_scaling::factor is 0.5: give a number from 1"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch.context = -1; }), "rotary_scaling::context is -1: give the context of pretraining"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch.slow = 2; }),
            "rotary_scaling::slow is 2, but nothing reads it without the context of"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch = {.factor = 2, .fast = 8}; }), "rotary_scaling::fast is 8, but nothing reads it"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch.context = 16; }),
            "rotary_scaling::context is 16, but nothing reads it without a factor"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch.slow = 0; }), "rotary_scaling::slow is 0: give a number above 0"));
  CHECK(has(said(qwen64{}, [](model_shape& s) { s.rotary_stretch.fast = 1; }), "rotary_scaling::fast is 1: give a number above the slow one"));
  CHECK(
      has(said(gpt64{}, [](model_shape& s) { s.rotary_base = 5e5; }), "model_shape::rotary_base is 500000, but the positions of this block are not"));
  CHECK(has(said(gpt64{}, [](model_shape& s) { s.rotary_stretch.factor = 8; }), "model_shape::rotary_stretch.factor is 8, but the positions"));
}

TEST_CASE("The scale of the scores is a factor on the queries, and that of the depth goes by the number of the block in the full network") {
  const auto loss_of = [](const model_shape& shape, const unit_set& blocks, auto factor) {
    rig<gpt64, causal_lm, host_device> r(shape, 7);
    for (const placed_weight& w : r.model.layout().all()) {
      if (w.what.name != "qkv" && w.what.name != "qkv_bias") continue;
      const std::int64_t queries = std::int64_t(w.what.tensors.front().rows) * w.what.width;
      for (int unit = 0; unit < w.units; ++unit)
        for (std::int64_t i = 0; i < queries; ++i) r.w[std::size_t(w.first + unit * w.per_unit + i)] *= factor(w.block);
    }
    r.model.set_weights(r.w);
    dice any(8);
    return r.loss(step_plan::of_blocks(r.layout(), blocks), random_batch(any, sight::causal));
  };
  const auto is_factor = [&](auto change, auto factor) {
    model_shape shape = tiny;  // 1 / sqrt(4) by itself
    change(shape);
    for (const unit_set& blocks : {unit_set{0, 1, 2}, unit_set{0, 2}, unit_set{1}})
      CHECK(loss_of(shape, blocks, [](int) { return 1.0; }) == doctest::Approx(loss_of(tiny, blocks, factor)).epsilon(1e-13));
  };
  is_factor([](model_shape& s) { s.attention_scale = 0.9; }, [](int) { return 1.8; });
  is_factor([](model_shape& s) { s.scale_by_depth = true; }, [](int block) { return 1.0 / (block + 1); });
  is_factor([](model_shape& s) { s.attention_scale = 0.9, s.scale_by_depth = true; }, [](int block) { return 1.8 / (block + 1); });
}

TEST_CASE("Each number of the shape changes the loss, and the number that a block has by itself does not") {
  const auto loss_of = [](const model_shape& shape) {
    rig<gpt64, causal_lm, host_device> r(shape, 7);
    dice any(8);
    return r.loss(step_plan::full(r.layout()), random_batch(any, sight::causal));
  };
  const double usual = loss_of(tiny);
  const auto with = [&](auto change) {
    model_shape s = tiny;
    change(s);
    return loss_of(s);
  };
  CHECK(with([](model_shape& s) { s.norm_eps = layer_norm::eps; }) == usual);
  CHECK(with([](model_shape& s) { s.attention_scale = 0.5; }) == doctest::Approx(usual).epsilon(1e-14));  // 1 / sqrt(4)
  CHECK(std::abs(with([](model_shape& s) { s.norm_eps = 0.3; }) - usual) > 1e-3);
  CHECK(std::abs(with([](model_shape& s) { s.attention_scale = 0.9; }) - usual) > 1e-3);
  CHECK(std::abs(with([](model_shape& s) { s.scale_by_depth = true; }) - usual) > 1e-3);
  // A factor on both ways out of a part: its units and its bias.
  CHECK(with([](model_shape& s) { s.residual_multiplier = 1; }) == usual);
  rig<gpt64, causal_lm, host_device> r(tiny, 7);
  dice any(8);
  const double scaled = r.loss(changed_plan(r.layout(),
                                            [](block_plan& b) {
                                              for (part_plan& p : b.parts()) p.factor = 0.4;
                                            }),
                               random_batch(any, sight::causal));
  CHECK(with([](model_shape& s) { s.residual_multiplier = 0.4; }) == doctest::Approx(scaled).epsilon(1e-13));
  CHECK(std::abs(scaled - usual) > 1e-3);
  CHECK(std::abs(with([](model_shape& s) { s.norm_eps = 0.3; }) - with([](model_shape& s) { s.attention_scale = 0.9; })) > 1e-3);

  CHECK(has(sentence_of<input_error>([&] { with([](model_shape& s) { s.norm_eps = -1; }); }), "model_shape::norm_eps is -1"));
  CHECK(has(sentence_of<input_error>([&] { with([](model_shape& s) { s.attention_scale = HUGE_VAL; }); }), "model_shape::attention_scale is inf"));
  CHECK(has(sentence_of<input_error>([&] { with([](model_shape& s) { s.token_types = -2; }); }), "model_shape::token_types is -2"));
  CHECK(has(sentence_of<input_error>([&] { with([](model_shape& s) { s.residual_multiplier = 0; }); }), "model_shape::residual_multiplier is 0"));
  model_shape eps = tiny;
  eps.norm_eps = 1e-6;
  CHECK(has(sentence_of<input_error>([&] { transformer<mixture64, masked_lm, host_device> model(eps); }), "the norm of this block takes no epsilon"));
}

TEST_CASE("A block without biases has none in parts, norms and head, and dropping positions drops their table") {
  int vectors = 0;
  const auto layout = network<bare64, counting_ops<double, double>>::layout(tiny);
  for (const placed_weight& w : layout.all()) {
    CAPTURE(w.full_name());
    CHECK(w.what.name.find("bias") == w.what.name.npos);
    CHECK(w.what.name != "positions");
    vectors += w.what.width == 1;
  }
  CHECK(vectors == 2 * tiny.layers + 1);  // gains
}
