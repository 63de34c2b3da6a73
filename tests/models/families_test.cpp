// SPDX-License-Identifier: Apache-2.0
// Families: every tensor of a block has a name in files, config.json says all that a shape has, and a family of a user's own
// needs its block and one struct. (Whole folders are read and written in checkpoint/hugging_face_test.cpp.)
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include <raptr/checkpoint/model_config.hpp>
#include <raptr/nn/network.hpp>

#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

using untied_gpt2 = block<gpt2_block, gelu_erf_mlp, untied_head>;
using tied_llama = block<llama_block, tied_head, basic_rms_norm<std::ratio<1, 1'000'000>>>;
using untied_bert = block<bert_block, gelu_mlp, lm_head<false, head_transform<gelu_tanh>>, token_types<3>>;
/// Two query heads share a key and a value; a head has two pairs.
constexpr model_shape tiny_llama{.layers = 3, .width = 16, .heads = 4, .kv_heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 11, .context = 8};
const vocabulary ids{.size = 11, .end_of_text = 3, .mask = 4, .pad = 5};

/// A family of a user's own: other names, a head without biases, another deviation.
struct my_family;
struct my_block : preset<rms_norm, swiglu_mlp, untied_head, no_biases> {
  using family = my_family;
};
constexpr tensor_name my_model[]{{"embed_tokens.weight", "words"}, {"output.weight", "logits"}};
constexpr tensor_name my_parts[]{
    {"attention.q_proj.weight", "mix.qkv", true}, {"attention.k_proj.weight", "mix.qkv", true}, {"attention.v_proj.weight", "mix.qkv", true}};
constexpr stack_names my_stack[]{{"layer.", my_parts}};
struct my_family {
  static constexpr std::string_view name = "mine";
  using network = my_block;
  using objective = causal_lm;
  static constexpr tokenizer_kind tokenizer = tokenizer_kind::bytes;
  template <class Network> static constexpr bool holds(const model_shape& s) {
    return std::same_as<typename Network::mlp, my_block::mlp> && s.scale_by_depth == false;
  }
  template <class Network> static constexpr tensor_names names() { return {name, my_model, my_stack}; }
  static constexpr std::string_view architecture(bool whole) { return whole ? "MyWholeModel" : "MyModel"; }
  template <class Network, class Visitor> static void config(Visitor& visit, model_shape& s) {
    visit.size("layers", "depth", s.layers);
    visit.size("width", "breadth", s.width);
    visit.size("heads", "heads", s.heads);
    visit.size("vocab", "words", s.vocab);
    visit.number("epsilon", s.norm_eps, rms_norm::eps);
    visit.only("gate", {"swish"});
  }
  static double deviation(initializer kind, const model_shape& s) { return kind == initializer::normal ? 0.5 : 1.0 / s.layers; }
};
static_assert(model_family<my_family> && model_family<own_family>);
static_assert([]<class... F>(family_list<F...>) { return (model_family<F> && ...); }(library_families{}));
static_assert([]<class... F>(family_list<F...>) { return (std::same_as<family_of<typename F::network>, F> && ...); }(library_families{}));

template <class Block> weight_layout layout_in_memory(const model_shape& shape = tiny) {
  return network<Block, counting_ops<double, double>>::layout(shape);
}
std::vector<std::int64_t> shape_in(const std::vector<file_tensor>& tensors, const std::string& name) {
  for (const file_tensor& t : tensors)
    if (t.name == name) return t.shape();
  return {};
}

/// The families that files of a block have name every tensor of it, and every second name is of a tensor that is there.
template <class Block> void every_tensor_has_a_name(const model_shape& shape = tiny) {
  const tensor_names names = names_of<Block>(shape);
  CHECK(names.family == family_of<Block>::name);
  REQUIRE(names.stacks.size() == 1);
  const weight_layout layout = layout_in_memory<Block>(shape);
  std::set<std::string> used;
  for (const placed_weight& w : layout.all())
    for (const tensor_rows& t : w.what.tensors) {
      const std::string ours = w.block < 0 ? t.name : w.part_name + "." + t.name;
      CAPTURE(ours);
      const auto& list = w.block < 0 ? names.model : names.stacks.front().parts;
      CHECK(std::ranges::count(list, ours, &tensor_name::ours) >= 1);  // the last one counts
    }
  std::set<std::string> there;
  for (const file_tensor& t : file_tensors(layout, names)) CHECK(there.insert(t.name).second);
  for (const tied_name& t : names.tied) {
    CAPTURE(t.second);
    CHECK(there.contains(std::string(t.of)));
    CHECK_FALSE(there.contains(std::string(t.second)));
  }
}

/// Any shape that files of the block's family hold.
template <class Block> model_shape any_shape(dice& any) {
  constexpr bool gpt2 = std::same_as<family_of<Block>, gpt2_family>, llama = std::same_as<family_of<Block>, llama_family>;
  constexpr double some_eps[]{0, 1e-12, 1e-6, 1e-5, 0.25};
  model_shape s{.layers = 1 + any.below(5), .heads = 1 + any.below(4), .neuron_group = 1 + any.below(4)};
  s.width = s.heads * (llama ? 2 : 1) * (1 + any.below(4));
  s.neurons = any.chance(0.3) && 4 * s.width % s.neuron_group == 0 ? 0 : s.neuron_group * (1 + any.below(5));
  s.kv_heads = any.chance(0.5) ? s.heads : 0;
  s.vocab = 6 + any.below(30), s.context = 1 + any.below(9);
  s.norm_eps = some_eps[any.below(5)];
  if (gpt2) s.attention_scale = any.below(2), s.scale_by_depth = any.chance(0.5);
  if (!gpt2 && !llama) s.token_types = any.below(4);
  if (llama) {
    while (s.heads % (s.kv_heads = 1 + any.below(s.heads))) continue;
    s.rotary_base = any.chance(0.5) ? 0 : 5e5;
    if (any.chance(0.6)) s.rotary_stretch.factor = 1.5 + any.below(3);
    if (s.rotary_stretch.factor > 1 && any.chance(0.5)) s.rotary_stretch.context = 64, s.rotary_stretch.slow = 0.5;
  }
  return s;
}
/// What is written is read: by the members of the family, and by those under "raptr".
template <class Block, class Objective> void config_round_trips(unsigned seed) {
  using family = family_of<Block>;
  const scratch_folder folder;
  dice any(seed);
  for (int n = 0; n < 40; ++n) {
    const model_shape shape = any_shape<Block>(any);
    json config = model_config<Block, Objective>(shape, ids);
    CHECK(config["model_type"] == family::name);
    model_shape whole = shape;
    whole.neurons = shape.neuron_count(), whole.kv_heads = shape.head_groups();
    CHECK(shape_from_json(config, "config.json") == whole);
    config.erase("raptr");
    overwrite(folder / "config.json", config.dump());
    model_shape completed = completed_shape<Block>(shape);
    if (!std::same_as<family, llama_family>) completed.kv_heads = 0;
    const hugging_face_model read = hugging_face_config_of<family, Block>(folder.path(), shape.neuron_group, true);
    CHECK(read.shape == completed);
    CHECK(read.shape.norm_eps > 0);
    CHECK(read.family == family::name);
  }
}
template <class Block, class Objective> void a_member_decides(const char* member, const json& other) {
  const scratch_folder folder;
  json config = model_config<Block, Objective>(tiny, ids);
  config[member] = other;
  overwrite(folder / "config.json", config.dump());
  CAPTURE(std::string(member));
  CHECK(has(sentence_of<file_error>([&] { hugging_face_config_of<family_of<Block>, Block>(folder.path(), 4, true); }),
            "\"" + std::string(member) + "\" is " + other.dump() + "; the block of this model has "));
}

template <class A, class B> constexpr bool same_policies() {
  return std::same_as<typename A::norm, typename B::norm> && std::same_as<typename A::attention, typename B::attention> &&
         std::same_as<typename A::mlp, typename B::mlp> && std::same_as<typename A::residual, typename B::residual> &&
         std::same_as<typename A::positions, typename B::positions> && std::same_as<typename A::bias, typename B::bias> &&
         std::same_as<typename A::head, typename B::head> && std::same_as<typename A::embedding, typename B::embedding> &&
         std::same_as<typename A::precision, typename B::precision> && std::same_as<typename A::parts, typename B::parts>;
}

}  // namespace

TEST_CASE("Policies may stand in any order, and a block keeps those of its preset, with its family") {
  static_assert(
      same_policies<preset<bf16, token_types<2>, bert_head, biases, learned_positions, post_norm, gelu_erf_mlp, full_attention, bert_layer_norm>,
                    block<bert_block, bf16>>());
  static_assert(same_policies<block<gpt2_block, no_biases, rms_norm, swiglu_mlp, no_positions, untied_head>,
                              block<gpt2_block, untied_head, no_positions, swiglu_mlp, rms_norm, no_biases>>());
  static_assert(same_policies<block<block<gpt2_block, no_biases>, bf16>, block<block<gpt2_block, bf16>, no_biases>>());
  static_assert(same_policies<block<block<bert_block, no_biases>, biases>, bert_block>());
  static_assert(same_policies<block<bert_block>, bert_block>() && same_policies<preset<>, gpt2_block>());
  static_assert(std::same_as<block<gpt2_block, no_biases>::norm, basic_layer_norm<std::ratio<1, 100'000>, no_biases>>);
  static_assert(std::same_as<block<gpt2_block, no_biases>::attention, attention<true, no_biases>>);
  static_assert(std::same_as<family_of<block<block<gpt2_block, fp64>, rms_norm>>, gpt2_family>);
  static_assert(std::same_as<family_of<block<my_block, fp64>>, my_family>);
  static_assert(std::same_as<family_of<preset<rms_norm>>, own_family> && std::same_as<family_of<block<preset<rms_norm>, fp64>>, own_family>);
  CHECK(layout_in_memory<block<gpt2_block, no_biases>>().size() == layout_in_memory<block<block<gpt2_block, fp64>, no_biases>>().size());
}

TEST_CASE("Every tensor of a block has a name in the files of its family, tied or untied") {
  every_tensor_has_a_name<gpt2_block>();
  every_tensor_has_a_name<untied_gpt2>();
  every_tensor_has_a_name<llama_block>(tiny_llama);
  every_tensor_has_a_name<tied_llama>(tiny_llama);
  every_tensor_has_a_name<bert_block>();
  every_tensor_has_a_name<untied_bert>();
  CHECK(names_of<gpt2_block>(tiny).tied.size() == 1);
  CHECK(names_of<untied_gpt2>(tiny).tied.empty());
  CHECK(names_of<llama_block>(tiny).tied.empty());
  CHECK(names_of<tied_llama>(tiny).tied.size() == 1);
  CHECK(names_of<bert_block>(tiny).tied.size() == 2);
  CHECK(names_of<untied_bert>(tiny).tied.size() == 1);  // the bias of the decoder
  const auto gpt2 = file_tensors(layout_in_memory<untied_gpt2>(), names_of<untied_gpt2>(tiny));
  CHECK(shape_in(gpt2, "transformer.h.2.attn.c_attn.weight") == std::vector<std::int64_t>{8, 24});
  CHECK(shape_in(gpt2, "transformer.h.0.attn.c_proj.weight") == std::vector<std::int64_t>{8, 8});
  CHECK(shape_in(gpt2, "transformer.h.0.mlp.c_fc.weight") == std::vector<std::int64_t>{8, 12});
  CHECK(shape_in(gpt2, "transformer.h.0.mlp.c_proj.weight") == std::vector<std::int64_t>{12, 8});
  CHECK(shape_in(gpt2, "lm_head.weight") == std::vector<std::int64_t>{11, 8});
  const auto llama = file_tensors(layout_in_memory<llama_block>(tiny_llama), names_of<llama_block>(tiny_llama));
  CHECK(shape_in(llama, "model.layers.2.self_attn.q_proj.weight") == std::vector<std::int64_t>{16, 16});
  CHECK(shape_in(llama, "model.layers.0.self_attn.k_proj.weight") == std::vector<std::int64_t>{8, 16});
  CHECK(shape_in(llama, "model.layers.0.mlp.gate_proj.weight") == std::vector<std::int64_t>{12, 16});
  CHECK(shape_in(llama, "model.layers.0.mlp.down_proj.weight") == std::vector<std::int64_t>{16, 12});
  CHECK(shape_in(llama, "lm_head.weight") == std::vector<std::int64_t>{11, 16});
  const auto bert = file_tensors(layout_in_memory<untied_bert>(), names_of<untied_bert>(tiny));
  CHECK(shape_in(bert, "bert.encoder.layer.1.intermediate.dense.weight") == std::vector<std::int64_t>{12, 8});
  CHECK(shape_in(bert, "bert.encoder.layer.1.output.dense.weight") == std::vector<std::int64_t>{8, 12});
  CHECK(shape_in(bert, "bert.embeddings.token_type_embeddings.weight") == std::vector<std::int64_t>{3, 8});
  CHECK(shape_in(bert, "cls.predictions.decoder.weight") == std::vector<std::int64_t>{11, 8});
}

TEST_CASE("A block or a shape that the files of its family do not hold has raptr's own names") {
  const auto family = []<class Block>(auto change) {
    model_shape s = tiny;
    change(s);
    return names_of<Block>(s).family;
  };
  const auto same = [](model_shape&) {};
  const auto own = [&]<class Block>() { CHECK(family.template operator()<Block>(same) == "raptr"); };
  static_assert(names_of<gpt64>(tiny).family == "gpt2");
  CHECK(names_of<bert64>(tiny).family == "bert");
  own.operator()<gated64>();
  own.operator()<block<gpt2_block, full_attention>>();
  own.operator()<block<gpt2_block, post_norm>>();
  own.operator()<block<gpt2_block, no_biases>>();
  own.operator()<block<gpt2_block, no_positions>>();
  own.operator()<block<gpt2_block, bert_head>>();
  own.operator()<block<gpt2_block, token_types<1>>>();
  own.operator()<block<bert_block, gelu_mlp>>();  // the head has another function
  own.operator()<block<bert_block, token_types<0>>>();
  own.operator()<block<bert_block, tied_head>>();
  own.operator()<block<bert_block, no_biases>>();
  own.operator()<block<llama_block, rotary<interleaved>>>();
  own.operator()<block<llama_block, learned_positions>>();
  own.operator()<block<llama_block, gelu_mlp>>();
  own.operator()<block<llama_block, basic_layer_norm<std::ratio<1, 100'000>>>>();
  own.operator()<block<llama_block, biases>>();
  constexpr model_shape all_groups{.width = 8, .heads = 4, .kv_heads = 4};
  CHECK(names_of<gpt64>(all_groups).family == "gpt2");
  for (const model_shape& s : {tiny_shared, model_shape{.attention_scale = 0.3}, model_shape{.residual_multiplier = 0.5}}) {
    CHECK(names_of<gpt64>(s).family == "raptr");
    CHECK(names_of<bert64>(s).family == "raptr");
  }
  CHECK(names_of<llama_block>(tiny_llama).family == "llama");
  for (const model_shape& s : {model_shape{.attention_scale = 1}, model_shape{.scale_by_depth = true}, model_shape{.token_types = 1},
                               model_shape{.residual_multiplier = 0.5}})
    CHECK(names_of<llama_block>(s).family == "raptr");
  CHECK(names_of<gpt64>({.attention_scale = 1, .scale_by_depth = true}).family == "gpt2");
  CHECK(names_of<gpt64>({.token_types = 2}).family == "raptr");
  CHECK(names_of<bert64>({.scale_by_depth = true}).family == "raptr");
  CHECK(names_of<block<bert_block, token_types<0>>>({.token_types = 2}).family == "bert");

  const auto tensors = file_tensors(layout_in_memory<gpt64>(tiny_shared), names_of<gpt64>(tiny_shared));
  CHECK(shape_in(tensors, "blocks.1.attention.q_proj.weight") == std::vector<std::int64_t>{8, 8});
  CHECK(shape_in(tensors, "blocks.1.attention.q_proj.bias") == std::vector<std::int64_t>{8});
  CHECK(shape_in(tensors, "blocks.1.attention.k_proj.weight") == std::vector<std::int64_t>{4, 8});
  CHECK(shape_in(tensors, "blocks.1.attention.v_proj.bias") == std::vector<std::int64_t>{4});
  CHECK(shape_in(tensors, "blocks.1.mlp.up_proj.weight") == std::vector<std::int64_t>{12, 8});
}

TEST_CASE("config.json gives back any shape, and choices of the block must be those of the file") {
  config_round_trips<gpt2_block, causal_lm>(1);
  config_round_trips<untied_gpt2, causal_lm>(2);
  config_round_trips<bert_block, masked_lm>(3);
  config_round_trips<untied_bert, masked_lm>(4);
  config_round_trips<llama_block, causal_lm>(5);
  config_round_trips<tied_llama, causal_lm>(6);
  a_member_decides<gpt2_block, causal_lm>("tie_word_embeddings", false);
  a_member_decides<untied_gpt2, causal_lm>("tie_word_embeddings", true);
  a_member_decides<bert_block, masked_lm>("tie_word_embeddings", false);
  a_member_decides<untied_bert, masked_lm>("tie_word_embeddings", true);
  a_member_decides<llama_block, causal_lm>("tie_word_embeddings", true);
  a_member_decides<tied_llama, causal_lm>("tie_word_embeddings", false);
  a_member_decides<gpt2_block, causal_lm>("activation_function", "gelu");
  a_member_decides<untied_gpt2, causal_lm>("activation_function", "gelu_new");
  a_member_decides<bert_block, masked_lm>("hidden_act", "gelu_new");
  a_member_decides<untied_bert, masked_lm>("hidden_act", "gelu");
}

TEST_CASE("An epsilon of 0 in config.json is refused: in a shape it would mean that of the block") {
  const scratch_folder folder;
  json config = model_config<gpt2_block, causal_lm>(tiny, ids);
  for (const double wrong : {0.0, -1e-5}) {
    config["layer_norm_epsilon"] = wrong;
    overwrite(folder / "config.json", config.dump());
    CHECK(has(sentence_of<file_error>([&] { hugging_face_config(folder.path()); }), "\"layer_norm_epsilon\": expected a number above 0, got "));
  }
}

TEST_CASE("Rates of dropout are in config.json, out and in, and a model with others may load the folder") {
  const scratch_folder folder;
  const auto read = [&](const json& config) {
    overwrite(folder / "config.json", config.dump());
    return hugging_face_config(folder.path()).shape.dropout;
  };
  const auto with_rates = [](model_shape s) {
    s.dropout = {0.125, 0.25, 0.375};
    return s;
  };
  json gpt2 = model_config<gpt2_block, causal_lm>(with_rates(tiny), ids), bert = model_config<bert_block, masked_lm>(with_rates(tiny), ids),
       llama = model_config<llama_block, causal_lm>(with_rates(tiny_llama), ids);
  CHECK(read(gpt2) == dropout_rates{0.125, 0.25, 0.375});
  CHECK(read(bert) == dropout_rates{0.25, 0.25, 0.375});  // its file has one for both
  CHECK(read(llama) == dropout_rates{0, 0, 0.375});
  for (json* config : {&gpt2, &bert, &llama}) CHECK(shape_from_json(*config, "config.json").dropout == dropout_rates{0.125, 0.25, 0.375});
  CHECK_NOTHROW(expect_same_config<gpt2_block>(gpt2, "config.json", tiny));
  for (const char* rate : {"embd_pdrop", "resid_pdrop", "attn_pdrop"}) CHECK(gpt2.erase(rate) == 1);
  for (const char* rate : {"hidden_dropout_prob", "attention_probs_dropout_prob"}) CHECK(bert.erase(rate) == 1);
  CHECK(llama.erase("attention_dropout") == 1);
  CHECK(read(gpt2) == dropout_rates{0.1, 0.1, 0.1});  // what transformers takes
  CHECK(read(bert) == dropout_rates{0.1, 0.1, 0.1});
  CHECK(read(llama) == dropout_rates{});
  gpt2["attn_pdrop"] = 1;
  CHECK(has(sentence_of<file_error>([&] { read(gpt2); }), "\"attn_pdrop\": expected a share from 0 to below 1, got 1"));
}

TEST_CASE("Rotary positions are read in every form that transformers has written, and refused where two forms differ") {
  const scratch_folder folder;
  const json plain = [] {
    json all = model_config<llama_block, causal_lm>(tiny_llama, ids);
    for (const char* member : {"rope_parameters", "rope_theta"}) all.erase(member);
    return all;
  }();
  const auto write = [&](const json& members) {
    json config = plain;
    config.update(members);
    overwrite(folder / "config.json", config.dump());
  };
  const auto read = [&](const json& members) {
    write(members);
    const model_shape s = hugging_face_config(folder.path()).shape;
    return rotary_numbers{s.rotary_base, s.rotary_stretch};
  };
  const auto refused = [&](const json& members, std::string_view sentence) {
    write(members);
    const std::string said = sentence_of<file_error>([&] { hugging_face_config(folder.path()); });
    CHECK_MESSAGE(has(said, sentence), said);
  };
  const json llama3 = {
      {"rope_type", "llama3"}, {"factor", 8.0}, {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
  const rotary_scaling stretched{.factor = 8, .context = 8192, .slow = 1, .fast = 4};
  const auto with = [](json object, const char* member, const json& value) {
    object[member] = value;
    return object;
  };
  CHECK(read(json::object()) == rotary_numbers{1e4, {}});
  CHECK(read({{"rope_theta", 5e5}}) == rotary_numbers{5e5, {}});  // transformers 4
  CHECK(read({{"rope_theta", 500000}, {"rope_scaling", nullptr}}) == rotary_numbers{5e5, {}});
  CHECK(read({{"rope_theta", 5e5}, {"rope_scaling", llama3}}) == rotary_numbers{5e5, stretched});
  CHECK(read({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}}}) == rotary_numbers{1e4, {.factor = 2}});
  CHECK(read({{"rope_parameters", {{"rope_theta", 5e5}, {"rope_type", "default"}}}}) == rotary_numbers{5e5, {}});  // transformers 5
  CHECK(read({{"rope_parameters", with(llama3, "rope_theta", 5e5)}}) == rotary_numbers{5e5, stretched});
  CHECK(read({{"rope_parameters", with(llama3, "rope_theta", 5e5)}, {"rope_scaling", llama3}, {"rope_theta", 5e5}}) ==
        rotary_numbers{5e5, stretched});
  refused({{"rope_parameters", {{"rope_theta", 1e4}}}, {"rope_theta", 5e5}},
          "\"rope_parameters\" has 10000.0 and \"rope_theta\" has 500000.0 for the same rotary positions");
  refused({{"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}}}, {"rope_scaling", llama3}}, "for the same rotary positions");
  refused({{"rope_parameters", with(llama3, "rope_theta", 500.0)}, {"rope_scaling", with(llama3, "rope_theta", 1e4)}},
          "\"rope_parameters\" has 500.0 and \"rope_scaling\" has 10000.0");
  json inside = llama3;
  inside.erase("original_max_position_embeddings");
  CHECK(read({{"rope_parameters", inside}, {"original_max_position_embeddings", 8192}}) == rotary_numbers{1e4, stretched});
  refused({{"rope_parameters", llama3}, {"original_max_position_embeddings", 4096}}, "\"original_max_position_embeddings\" has 4096 and");
  CHECK(read({{"rope_parameters", with(llama3, "factor", 1.0)}}) == rotary_numbers{1e4, {}});
  refused({{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}}}},
          "\"rope_type\" of the rotary positions is \"yarn\"; supported: \"default\", \"linear\" or \"llama3\"");
  refused({{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}, "\"type\" of the rotary positions is \"dynamic\"");
  refused({{"rope_parameters", {{"partial_rotary_factor", 0.5}}}}, "\"partial_rotary_factor\" of the rotary positions is 0.5; supported: 1");
  refused({{"partial_rotary_factor", 0.5}}, "\"partial_rotary_factor\" of the rotary positions is 0.5; supported: 1");
  refused({{"rope_parameters", {{"rope_type", "linear"}}}}, "\"factor\": expected a number, got nothing");
  refused({{"rope_parameters", {{"rope_type", "linear"}, {"factor", 0.5}}}}, "factor");
  refused({{"rope_parameters", {{"rope_theta", 0}}}}, "\"rope_theta\": expected a number above 0, got 0");
  refused({{"rope_theta", -1.0}}, "\"rope_theta\": expected a number above 0, got -1.0");
  refused({{"rope_parameters", 5}}, "\"rope_parameters\": expected an object, got 5");
  refused({{"rope_scaling", with(llama3, "original_max_position_embeddings", 0)}}, "\"original_max_position_embeddings\": expected a number above 0");
}

TEST_CASE("What a Llama's config.json may state and no model here has is refused by name") {
  const scratch_folder folder;
  const auto told = [&](const char* member, const json& value) {
    json config = model_config<llama_block, causal_lm>(tiny_llama, ids);
    config[member] = value;
    overwrite(folder / "config.json", config.dump());
    return sentence_of<file_error>([&] { hugging_face_config(folder.path()); });
  };
  CHECK(has(told("head_dim", 8), "\"head_dim\" is 8; supported: 4 or null"));
  CHECK(told("head_dim", nullptr) == "nothing was thrown");
  CHECK(has(told("attention_bias", true), "\"attention_bias\" is true; supported: false"));
  CHECK(has(told("mlp_bias", true), "\"mlp_bias\" is true; supported: false"));
  CHECK(has(told("hidden_act", "gelu"), "\"hidden_act\" is \"gelu\"; supported: \"silu\" or \"swish\""));
  CHECK(has(told("sliding_window", 4096), "\"sliding_window\" is 4096; supported: null"));
  CHECK(has(told("layer_types", json::array({"sliding_attention"})), "\"layer_types\" is [\"sliding_attention\"]; supported: null"));
  CHECK(has(told("num_key_value_heads", 3), "\"num_key_value_heads\" is 3, which does not divide 4 heads"));
  CHECK(has(told("model_type", "mistral"), "\"model_type\" is \"mistral\"; supported: \"gpt2\" or \"bert\" or \"llama\""));
}

TEST_CASE("The neurons of a Llama are 8/3 of its width, rounded up to 256") {
  constexpr int known[][2]{{768, 2048}, {1024, 2816}, {2048, 5632}, {4096, 11008}, {5120, 13824}};
  for (const auto& [width, neurons] : known) CHECK(llama_neurons(width) == neurons);
  for (const model_shape& s : {llama_small, llama_134m, llama_1b}) s.check();
  CHECK(layout_in_memory<llama_block>(llama_134m).parameters() == 134'105'856);
  CHECK(layout_in_memory<llama_block>(llama_1b).parameters() == 1'100'048'384);
}

TEST_CASE("A shape of a block that no family's files hold is under \"raptr\", number by number") {
  model_shape s = tiny_shared;
  s.norm_eps = 0.125, s.attention_scale = 0.3, s.scale_by_depth = true, s.token_types = 5;
  s.residual_multiplier = 0.22, s.rotary_base = 5e5, s.rotary_stretch = {.factor = 8, .context = 8192, .slow = 0.5, .fast = 5},
  s.dropout = {0.1, 0.2, 0.3};
  const json config = model_config<gated64, masked_lm>(s, ids);
  CHECK(config["raptr"]["names"] == "raptr");
  CHECK_FALSE(config.contains("architectures"));
  CHECK(shape_from_json(config, "config.json") == s);
}

TEST_CASE("A family of a user's own has its names, its config.json and its initial weights, and no header changes") {
  using mine = block<my_block, fp64>;
  const auto tensors = file_tensors(layout_in_memory<mine>(), names_of<mine>(tiny));
  CHECK(shape_in(tensors, "words") == std::vector<std::int64_t>{11, 8});
  CHECK(shape_in(tensors, "logits") == std::vector<std::int64_t>{11, 8});
  CHECK(shape_in(tensors, "layer.1.mix.qkv") == std::vector<std::int64_t>{8, 24});
  CHECK(shape_in(tensors, "layer.1.attention.o_proj.weight") == std::vector<std::int64_t>{8, 8});  // not listed
  CHECK(names_of<mine>({.scale_by_depth = true}).family == "raptr");
  CHECK(names_of<block<my_block, gelu_mlp>>(tiny).family == "raptr");
  CHECK(initial_deviation<mine>(initializer::normal, tiny) == 0.5);
  CHECK(initial_deviation<mine>(initializer::normal_by_depth, {.layers = 4}) == 0.25);
  CHECK(initial_deviation<gpt64>(initializer::normal_by_depth, {.layers = 8}) == 0.005);

  const scratch_folder folder;
  const auto write = [&](const json& config) { overwrite(folder / "config.json", config.dump()); };
  json config = model_config<mine, causal_lm>(tiny, ids);
  CHECK(config["architectures"] == json::array({"MyModel"}));
  CHECK(model_config<mine, causal_lm>(tiny, ids, true)["architectures"] == json::array({"MyWholeModel"}));
  CHECK(config["gate"] == "swish");
  config["depth"] = 7, config.erase("epsilon");
  write(config);
  const hugging_face_model read = hugging_face_config(folder.path(), family_list<gpt2_family, my_family>{}, 4);
  CHECK(read.family == "mine");
  CHECK(read.shape.layers == 7);
  CHECK(read.shape.norm_eps == rms_norm::eps);
  CHECK(has(sentence_of<file_error>([&] { hugging_face_config(folder.path()); }),
            "\"model_type\" is \"mine\"; supported: \"gpt2\" or \"bert\" or \"llama\""));
  config["gate"] = "gelu";
  write(config);
  CHECK(has(sentence_of<file_error>([&] { hugging_face_config_of<my_family>(folder.path(), 4, false); }),
            "\"gate\" is \"gelu\"; supported: \"swish\""));
}

namespace {

/// Checks the standard deviation of every tensor as it is in files, and that gains are 1 and biases 0. deviation(name): of a matrix.
template <class Block, class Objective, class F> void initial_values_are(const model_shape& shape, F deviation) {
  transformer<Block, Objective, host_device> model(shape, {.threads = 1});
  model.initialise(11);
  const auto w = model.get_weights();
  int matrices = 0;
  for (const file_tensor& t : file_tensors(model.layout(), names_of<Block>(shape))) {
    CAPTURE(t.name);
    double sum = 0, squares = 0, least = HUGE_VAL, most = -HUGE_VAL;
    t.each([&](std::size_t ours, std::size_t) {
      const double x = double(w[ours]);
      sum += x, squares += x * x, least = std::min(least, x), most = std::max(most, x);
    });
    const auto n = double(t.size());
    if (t.shape().size() == 1) {
      const double all = t.name.ends_with("bias") ? 0 : 1;
      CHECK(least == all);
      CHECK(most == all);
      continue;
    }
    ++matrices;
    const double expected = deviation(t.name), found = std::sqrt(squares / n - sum * sum / n / n);
    CHECK(std::abs(found / expected - 1) < 5 / std::sqrt(2 * n));
    CHECK(std::abs(sum / n) < 5 * expected / std::sqrt(n));
  }
  CHECK(matrices >= 2 + 4 * shape.layers);
}
constexpr model_shape initial_shape{.layers = 12, .width = 32, .heads = 2, .neurons = 64, .vocab = 60, .context = 40};

}  // namespace

TEST_CASE("A BERT and a Llama begin as Hugging Face's: every matrix with a deviation of 0.02, gains 1, biases 0, whatever the depth") {
  const auto bert = [](const std::string&) { return 0.02; };
  initial_values_are<bert_block, masked_lm>(initial_shape, bert);
  initial_values_are<untied_bert, masked_lm>({.layers = 24, .width = 32, .heads = 2, .neurons = 64, .vocab = 60, .context = 40}, bert);
  initial_values_are<llama_block, causal_lm>(initial_shape, bert);
  initial_values_are<block<bert_block, rms_norm, swiglu_mlp>, masked_lm>(initial_shape, bert);  // of the family, under raptr's names
  transformer<bert_block, masked_lm, host_device> one(initial_shape, {.threads = 1});
  one.initialise(1);
  const auto w = one.get_weights();
  const placed_weight& words = one.layout().all()[0];
  double pad = 0;  // the row of [PAD], id 0, starts like every other
  for (int i = 0; i < 32; ++i) pad += std::pow(double(w[std::size_t(words.first + i)]), 2);
  CHECK(std::sqrt(pad / 32) == doctest::Approx(0.02).epsilon(0.5));
}

TEST_CASE("A GPT-2 begins as Hugging Face's: 0.02, and both c_proj at 0.02 over the root of twice the depth") {
  const auto gpt2 = [](int layers) {
    return [layers](const std::string& name) { return name.ends_with("c_proj.weight") ? 0.02 / std::sqrt(2.0 * layers) : 0.02; };
  };
  initial_values_are<gpt2_block, causal_lm>(initial_shape, gpt2(12));
  initial_values_are<untied_gpt2, causal_lm>({.layers = 3, .width = 32, .heads = 2, .neurons = 64, .vocab = 60, .context = 40}, gpt2(3));
}
