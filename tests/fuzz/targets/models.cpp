// SPDX-License-Identifier: Apache-2.0
// What says how a model is built and trained: config.json of a checkpoint, of a Hugging Face folder, and the text of a
// schedule.
#include <raptr/checkpoint/hugging_face_config.hpp>
#include <raptr/checkpoint/model_config.hpp>
#include <raptr/nn/block.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/check.hpp>

#include "../target.hpp"

using fuzz::accepts;
using fuzz::need;

namespace {

void run_config(std::string_view input) {
  const auto file = fuzz::folder() / "config.json";
  raptr::model_shape shape;
  if (!accepts([&] { shape = raptr::shape_from_json(raptr::parse_json(input, file), file); })) return;
  shape.check();
  const auto text = raptr::json_text(raptr::model_config<raptr::bert_block, raptr::masked_lm>(shape, {}));
  const auto again = raptr::shape_from_json(raptr::parse_json(text, file), file);
  need(raptr::json_text(raptr::model_config<raptr::bert_block, raptr::masked_lm>(again, {})) == text, "another shape is read back");
}
std::vector<std::string> config_seeds() {
  const raptr::model_shape small{.layers = 2, .width = 8, .heads = 2, .kv_heads = 1, .neurons = 12, .neuron_group = 4, .vocab = 40, .context = 16};
  return {raptr::json_text(raptr::model_config<raptr::gpt2_block, raptr::causal_lm>(raptr::gpt2_small, {}), -1),
          raptr::json_text(raptr::model_config<raptr::bert_block, raptr::masked_lm>(small, {}), -1)};
}

void run_hugging_face(std::string_view input) {
  fuzz::put("config.json", input);
  raptr::hugging_face_model model;
  if (accepts([&] { model = raptr::hugging_face_config(fuzz::folder()); })) model.shape.check();
}
std::vector<std::string> hugging_face_seeds() {
  auto seeds = config_seeds();
  seeds.push_back(
      R"({"model_type":"gpt2","n_layer":2,"n_embd":64,"n_head":4,"vocab_size":100,"n_positions":32,"n_inner":null,"layer_norm_epsilon":1e-5})");
  return seeds;
}

constexpr auto layout =
    raptr::layout_of<raptr::gpt2_block>(raptr::model_shape{.layers = 6, .width = 24, .heads = 6, .neuron_group = 16, .vocab = 30, .context = 8});
void run_schedule(std::string_view input) {
  if (!accepts<raptr::input_error>([&] { (void)raptr::any_schedule(input); })) return;
  const raptr::any_schedule one(input);
  const auto text = one.text();
  const raptr::any_schedule again(text);
  need(again.text() == text, "a schedule's text is read back as another one: " + text);
  for (const std::int64_t total : {1, 97})
    need(accepts<raptr::input_error>([&] { raptr::check_schedule(one, layout, total, true); }) ==
             accepts<raptr::input_error>([&] { raptr::check_schedule(again, layout, total, true); }),
         "a schedule and its text differ: " + text);
}
std::vector<std::string> schedule_seeds() {
  return {"3-4-5-6",
          "1/2-1",
          "layers(exactly,sqrt_gap) 2-3-6 @ 1:2:3",
          "heads(bernoulli,linear) 0.5-full@^2",
          "constant:full",
          "ramp:1/2-1",
          "profile:0.5:1:0:1:1:1",
          "pld:0.5",
          "decreasing:0.25",
          "est",
          "est:0.002",
          "stack:1-2-3-6",
          "full for 10 then heads 1-6",
          "3-6 with neurons 1/4-1/2-full",
          "(full for 1/4 then stack:3-6) for 1/2 then sublayers(fixed:1:1,completep:0.5) 2-4-6",
          "sequences constant:0.5",
          "width 1/4-1/2-1",
          "neurons(once,first)3-6"};
}

void run_mixture(std::string_view input) {
  raptr::ul2 read;
  if (!accepts<raptr::input_error>([&] { read = raptr::read_ul2(input); })) return;
  const auto text = read.settings();
  need(raptr::read_ul2(text) == read, "a mixture's text is read back as another one: " + text);
  need(read.groups().size() == read.denoisers.size() && !read.denoisers.empty(), "a mixture without denoisers");
  constexpr raptr::vocabulary ids{.size = 400, .end_of_text = 1, .first_sentinel = 399, .last_sentinel = 380, .nlu = 2, .nlg = 3, .s2s = 4};
  if (!accepts<raptr::input_error>([&] { read.check(ids); })) return;
  int window = 0;
  if (!accepts<raptr::input_error>([&] { window = read.window(32, ids); })) return;
  const std::vector<std::int32_t> tokens(static_cast<std::size_t>(window), 9);
  for (std::int64_t sample = 0; sample < 4; ++sample) {
    raptr::batch made;
    read.add(made, tokens, ids, 1, sample);
    need(made.ids.size() <= 32 && made.positions.size() == made.ids.size() && !made.targets.empty() && made.target_weight() > 0,
         "a segment that does not fit: " + text);
  }
}
std::vector<std::string> mixture_seeds() {
  return {"", "0.6/0.2/0.2, modes", "original, last_quarter", "ul2r,per_example", "spans(3,0.15,mode,begin 0) 2, prefix(last_quarter)", "causal"};
}

}  // namespace

const fuzz::target fuzz::config{"config", run_config, config_seeds};
const fuzz::target fuzz::hugging_face{"hugging_face", run_hugging_face, hugging_face_seeds};
const fuzz::target fuzz::schedule{"schedule", run_schedule, schedule_seeds};
const fuzz::target fuzz::mixture{"mixture", run_mixture, mixture_seeds};
