// SPDX-License-Identifier: Apache-2.0
// Folders as Hugging Face's tools write them, in all their layouts, become a model with the same bits; what does not fit is named,
// all of it, and leaves the model as it was. (That transformers reads what is saved, and the other way round, is shown by
// tests/hugging_face/compare.py.)
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/optim/adamw.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

namespace hugging_face_tests {
using namespace raptr;
using namespace raptr::testing;

namespace {

const token_list text(200);
constexpr model_shape two{.layers = 2, .width = 8, .heads = 2, .neurons = 16, .neuron_group = 4, .vocab = 40, .context = 8};
const vocabulary ids{.size = 40, .end_of_text = 0, .mask = 1, .pad = 2};

/// A tensor as bytes, so that a test may write what no writer of ours would.
struct raw_tensor {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};
using raw_tensors = std::vector<raw_tensor>;

raw_tensors read_raw(const std::filesystem::path& file) {
  const safetensors_reader reader(file);
  raw_tensors all;
  for (const tensor_entry& t : reader.tensors()) {
    all.push_back({t.name, t.dtype, t.shape, std::string(t.bytes, '\0')});
    reader.read_bytes(t, 0, std::as_writable_bytes(std::span(all.back().bytes)));
  }
  return all;
}
void write_raw(const std::filesystem::path& file, const raw_tensors& tensors) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const raw_tensor& t : tensors) {
    header[t.name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {data.size(), data.size() + t.bytes.size()}}};
    data += t.bytes;
  }
  const std::string text_of_header = header.dump();
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{text_of_header.size()});
  overwrite(file, std::string(length.begin(), length.end()) + text_of_header + data);
}
template <class To, class From, class F> std::string converted(const std::string& bytes, F f) {
  std::string to(bytes.size() / sizeof(From) * sizeof(To), '\0');
  for (std::size_t k = 0; k < bytes.size() / sizeof(From); ++k) {
    From x;
    std::memcpy(&x, bytes.data() + k * sizeof(From), sizeof x);
    const To y = f(x);
    std::memcpy(to.data() + k * sizeof(To), &y, sizeof y);
  }
  return to;
}
std::string floats(std::initializer_list<float> list) { return {reinterpret_cast<const char*>(std::data(list)), list.size() * sizeof(float)}; }

/// A model with weights that also the short types hold, and its folder, to be changed and read.
template <class Block, class Objective> struct folder_of_a_model {
  using model_type = transformer<Block, Objective, host_device>;
  using master = typename model_type::master;
  scratch_folder scratch;
  std::vector<master> weights;
  json config;
  raw_tensors tensors;

  folder_of_a_model() {
    model_type model(two, {1});
    model.initialise(3);
    weights = model.get_weights();
    const auto draw = random_key{4}.stream("k / 64");
    for (const placed_weight& w : model.layout().all())
      for (std::int64_t i = 0; i < w.size(); ++i)
        weights[static_cast<std::size_t>(w.first + i)] = master(double(draw.below(255, static_cast<std::uint64_t>(w.first + i))) - 127) / 64;
    model.set_weights(weights);
    trainer training(std::move(model), full_network{}, adamw{});
    save_checkpoint(scratch / "saved", training, ids);
    config = read_json(scratch / "saved" / "config.json");
    config.erase("raptr");
    tensors = read_raw(scratch / "saved" / "model.safetensors");
  }
  raw_tensor& at(const std::string& name) {
    const auto found = std::ranges::find(tensors, name, &raw_tensor::name);
    if (found == tensors.end()) throw std::runtime_error("no tensor " + name);
    return *found;
  }
  void erase(const std::string& name) {
    if (std::erase_if(tensors, [&](const raw_tensor& t) { return t.name == name; }) != 1) throw std::runtime_error("no tensor " + name);
  }
  void add(std::string name, std::vector<std::int64_t> shape, const std::string& dtype = "F32", std::string bytes = {}) {
    std::size_t size = dtype == "I64" ? 8 : dtype == "BOOL" ? 1 : 4;
    for (const std::int64_t n : shape) size *= static_cast<std::size_t>(n);
    if (bytes.empty()) bytes = std::string(size, '\1');
    tensors.push_back({std::move(name), dtype, std::move(shape), std::move(bytes)});
  }
  void copy(const std::string& from, const std::string& to) { add(to, at(from).shape, at(from).dtype, at(from).bytes); }
  void cut_prefix(const std::string& prefix) {
    for (raw_tensor& t : tensors)
      if (t.name.starts_with(prefix)) t.name.erase(0, prefix.size());
  }
  std::filesystem::path write() {
    const auto to = scratch / "changed";
    std::filesystem::remove_all(to);
    std::filesystem::create_directory(to);
    overwrite(to / "config.json", config.dump());
    write_raw(to / "model.safetensors", tensors);
    return to;
  }
  /// Tensor k in file k % n, as save_pretrained(max_shard_size) names them.
  std::filesystem::path write_shards(std::size_t n, const std::function<void(json& index, std::vector<raw_tensors>& files)>& change = {}) {
    const auto to = write();
    std::filesystem::remove(to / "model.safetensors");
    std::vector<raw_tensors> files(n);
    json index = {{"metadata", {{"total_size", 1}}}, {"weight_map", json::object()}};
    const auto name = [&](std::size_t k) { return "model-0000" + std::to_string(k + 1) + "-of-0000" + std::to_string(n) + ".safetensors"; };
    for (std::size_t k = 0; k < tensors.size(); ++k) files[k % n].push_back(tensors[k]), index["weight_map"][tensors[k].name] = name(k % n);
    if (change) change(index, files);
    for (std::size_t k = 0; k < n; ++k) write_raw(to / name(k), files[k]);
    overwrite(to / "model.safetensors.index.json", index.dump());
    return to;
  }
  void loads(const std::filesystem::path& folder) {
    model_type model(hugging_face_shape(folder, 4), {1});
    CHECK(model.shape().neuron_count() == two.neurons);
    load_hugging_face(folder, model);
    CHECK(model.get_weights() == weights);
  }
  void loads() { loads(write()); }
  /// The sentence has all of these parts, and the model stays without weights.
  void is_refused(const std::filesystem::path& folder, std::initializer_list<std::string_view> parts) {
    model_type model(two, {1});
    const std::string said = sentence_of<file_error>([&] { load_hugging_face(folder, model); });
    CAPTURE(said);
    for (const std::string_view part : parts) {
      CAPTURE(part);
      CHECK(has(said, part));
    }
    CHECK(has(said, folder.native()));
    CHECK_FALSE(model.initialised());
  }
  void is_refused(std::initializer_list<std::string_view> parts) { is_refused(write(), parts); }
};
using gpt2 = folder_of_a_model<gpt2_block, causal_lm>;
using bert = folder_of_a_model<bert_block, masked_lm>;
using llama = folder_of_a_model<llama_block, causal_lm>;

const std::string wte = "transformer.wte.weight", words = "bert.embeddings.word_embeddings.weight";

}  // namespace

TEST_CASE("A GPT-2 loads in every layout of its files") {
  SUBCASE("as saved") { gpt2().loads(); }
  gpt2 f;
  SUBCASE("without the prefix") { f.cut_prefix("transformer."), f.loads(); }
  SUBCASE("the tied weight twice") { f.copy(wte, "lm_head.weight"), f.loads(); }
  SUBCASE("the tied weight under its other name alone") {
    f.copy(wte, "lm_head.weight"), f.erase(wte);
    f.loads();
  }
  SUBCASE("with the buffers of old versions") {
    for (const std::string h : {"transformer.h.0.attn.", "h.1.attn."}) f.add(h + "bias", {1, 1, 8, 8}, "BOOL"), f.add(h + "masked_bias", {});
    f.loads();
  }
  SUBCASE("in several files") {
    f.loads(f.write_shards(3));
    f.cut_prefix("transformer.");
    f.loads(f.write_shards(2));
  }
  SUBCASE("with a config.json that leaves out what has a default") {
    for (const char* name : {"n_inner", "activation_function", "layer_norm_epsilon", "tie_word_embeddings", "architectures"}) f.config.erase(name);
    CHECK(has(sentence_of([&] { (void)hugging_face_shape(f.write(), 3); }), "neuron_group"));
    f.config["n_inner"] = 16, f.loads();
    f.config["activation_function"] = "gelu_pytorch_tanh", f.loads();
    f.config["n_inner"] = nullptr;
    CHECK(hugging_face_shape(f.write()).neurons == 32);
  }
}

TEST_CASE("A BERT loads in every layout of its files") {
  bert f;
  SUBCASE("as saved") { f.loads(); }
  SUBCASE("without the prefix") { f.cut_prefix("bert."), f.loads(); }
  SUBCASE("tied weights twice") {
    f.copy(words, "cls.predictions.decoder.weight"), f.copy("cls.predictions.bias", "cls.predictions.decoder.bias");
    f.loads();
  }
  SUBCASE("the bias of the decoder alone") {
    f.copy("cls.predictions.bias", "cls.predictions.decoder.bias"), f.erase("cls.predictions.bias");
    f.loads();
  }
  SUBCASE("with position_ids, and gamma and beta for the weights of norms") {
    f.add("bert.embeddings.position_ids", {1, 8}, "I64");
    for (raw_tensor& t : f.tensors)
      if (const auto at = t.name.find("LayerNorm.") + 10; at > 10) t.name.replace(at, t.name.npos, t.name.ends_with("weight") ? "gamma" : "beta");
    CHECK(std::ranges::any_of(f.tensors, [](const raw_tensor& t) { return t.name == "cls.predictions.transform.LayerNorm.beta"; }));
    f.loads();
  }
  SUBCASE("in several files") { f.loads(f.write_shards(4)); }
}

TEST_CASE("A Llama loads in every layout of its files, in a shorter context too, and its head is a weight of its own") {
  llama f;
  CHECK(f.config["num_key_value_heads"] == 2);
  SUBCASE("as saved") { f.loads(); }
  SUBCASE("without the prefix") { f.cut_prefix("model."), f.loads(); }
  SUBCASE("with the buffers of old versions") {
    f.add("model.layers.0.self_attn.rotary_emb.inv_freq", {2}), f.cut_prefix("model."), f.add("layers.1.self_attn.rotary_emb.inv_freq", {2});
    f.add("model.rotary_emb.inv_freq", {2});
    f.loads();
  }
  SUBCASE("in several files, with a config.json that leaves out what has a default") {
    for (const char* name : {"num_key_value_heads", "head_dim", "rope_parameters", "hidden_act", "tie_word_embeddings", "attention_bias", "mlp_bias"})
      f.config.erase(name);
    f.loads(f.write_shards(3));
  }
  SUBCASE("a shorter context, a longer one and another base") {
    const auto folder = f.write();
    model_shape shape = hugging_face_shape(folder, 4);
    shape.context = 4;
    llama::model_type shorter(shape, {1});
    load_hugging_face(folder, shorter);
    CHECK(shorter.get_weights() == f.weights);
    shape.context = 16;
    llama::model_type longer(shape, {1});
    CHECK(has(sentence_of<file_error>([&] { load_hugging_face(folder, longer); }), "\"max_position_embeddings\" is 8, but this model has 16"));
    f.config["rope_parameters"]["rope_theta"] = 5e5, f.config["rope_theta"] = 5e5;
    f.is_refused({"\"rope_parameters\" is {\"rope_type\":\"default\",\"rope_theta\":500000.0}, but that of this model is"});
    f.loads();
  }
  SUBCASE("a larger vocabulary, whose other rows are those of a seed") {
    const auto folder = f.write();
    model_shape shape = hugging_face_shape(folder, 4);
    const llama::model_type same(shape, {1});
    shape.vocab += 3;
    llama::model_type larger(shape, {1}), drawn(shape, {1});
    CHECK(has(sentence_of<file_error>([&] { load_hugging_face(folder, larger); }), "\"vocab_size\" is "));
    CHECK_FALSE(larger.initialised());
    load_hugging_face(folder, larger, 7), drawn.initialise(7);
    const auto weights = larger.get_weights(), seeds = drawn.get_weights();
    std::int64_t of_seed = 0;
    for (std::size_t k = 0; k < same.layout().all().size(); ++k) {
      const placed_weight &before = same.layout().all()[k], &now = larger.layout().all()[k];
      for (std::int64_t i = 0; i < now.size(); ++i) {
        const auto at = static_cast<std::size_t>(now.first + i);
        of_seed += i >= before.size();
        CHECK(weights[at] == (i < before.size() ? f.weights[static_cast<std::size_t>(before.first + i)] : seeds[at]));
      }
    }
    CHECK(of_seed == 2 * 3 * shape.width);  // of the embedding and of the head
    shape.vocab -= 4;
    llama::model_type smaller(shape, {1});
    CHECK(has(sentence_of<file_error>([&] { load_hugging_face(folder, smaller, 7); }), "\"vocab_size\" is "));
  }
  SUBCASE("without its head") {
    f.erase("lm_head.weight");
    f.is_refused({"missing: lm_head.weight"});
    f.config["tie_word_embeddings"] = true;
    f.is_refused({"\"tie_word_embeddings\" is true; the block of this model has false"});
  }
}

TEST_CASE_TEMPLATE("Half precision widens exactly, and F64 to float is rounded", Folder, gpt2, bert) {
  Folder f;
  const raw_tensors before = f.tensors;
  const auto all = [&](const std::string& dtype, auto convert) {
    f.tensors = before;
    for (raw_tensor& t : f.tensors) t.dtype = dtype, t.bytes = convert(t.bytes);
    f.loads();
  };
  all("BF16", [](const std::string& bytes) {
    return converted<std::uint16_t, float>(bytes, [](float x) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16); });
  });
  all("F16", [](const std::string& bytes) {  // of multiples of 1/64 below 2: no subnormal halves
    return converted<std::uint16_t, float>(bytes, [](float x) {
      const auto b = std::bit_cast<std::uint32_t>(x);
      return static_cast<std::uint16_t>(x == 0 ? b >> 16 : (b >> 16 & 0x8000u) | ((b >> 23 & 255u) - 112) << 10 | (b >> 13 & 1023u));
    });
  });
  all("F64", [](const std::string& bytes) { return converted<double, float>(bytes, [](float x) { return double(x) * (1 + 0x1p-40); }); });
}

TEST_CASE("A model in double precision takes single precision as it is") {
  bert f;
  transformer<block<bert_block, fp64>, masked_lm, host_device> model(two, {1});
  load_hugging_face(f.write(), model);
  const auto w = model.get_weights();
  CHECK(std::equal(w.begin(), w.end(), f.weights.begin(), f.weights.end(), [](double a, float b) { return a == double(b); }));
}

TEST_CASE("Layers of a BERT that nobody trains come back from a checkpoint bit for bit, and config.json names the class that has them") {
  bert f;
  f.add("bert.pooler.dense.weight", {8, 8}), f.add("bert.pooler.dense.bias", {8}, "F32", floats({1, -2, 3, 4, 5, 6, 7, -0.0f}));
  small_run<host_device, bert_block, masked_lm> first("full", dropped_update::frozen, {}, two), second("full", dropped_update::frozen, {}, two);
  const auto saved_class = [&] {
    save_checkpoint(f.scratch / "again", first.trainer, text.vocabulary());
    return read_json(f.scratch / "again" / "config.json")["architectures"][0].get<std::string>();
  };
  load_hugging_face(f.write(), first.trainer.model());
  CHECK(first.trainer.model().untrained().size() == 2);
  CHECK(saved_class() == "BertForMaskedLM");
  f.add("cls.seq_relationship.weight", {2, 8}), f.add("cls.seq_relationship.bias", {2});
  f.cut_prefix("bert.");
  load_hugging_face(f.write(), first.trainer.model());
  first.trainer.run(text, {.steps = 3, .batch = 2});
  CHECK(saved_class() == "BertForPreTraining");
  const raw_tensors again = read_raw(f.scratch / "again" / "model.safetensors");
  for (const char* name : {"pooler.dense.weight", "pooler.dense.bias", "cls.seq_relationship.weight", "cls.seq_relationship.bias"}) {
    const auto found = std::ranges::find_if(again, [&](const raw_tensor& t) { return t.name.ends_with(name); });
    REQUIRE(found != again.end());
    CHECK(found->bytes == f.at(name).bytes);
    CHECK(found->shape == f.at(name).shape);
  }
  CHECK(std::ranges::find(again, "bert.pooler.dense.bias", &raw_tensor::name) != again.end());

  load_checkpoint(f.scratch / "again", second.trainer);
  CHECK(second.trainer.model().untrained() == first.trainer.model().untrained());
  first.trainer.run(text, {.steps = 6, .batch = 2}), second.trainer.run(text, {.steps = 6, .batch = 2});
  CHECK(second.state() == first.state());
  auto model = transformer<bert_block, masked_lm, host_device>(two, {1});
  load_weights(f.scratch / "again", model);
  CHECK(model.untrained() == first.trainer.model().untrained());

  f.erase("pooler.dense.bias");
  f.is_refused({"missing: bert.pooler.dense.bias"});
}

TEST_CASE("Token types are weights: they are read, trained and written") {
  bert f;
  const std::string name = "bert.embeddings.token_type_embeddings.weight";
  const std::string before = f.at(name).bytes;
  small_run<host_device, bert_block, masked_lm> run("full", dropped_update::frozen, {.lr = 1e-2, .weight_decay = 0.0}, two);
  load_hugging_face(f.write(), run.trainer.model());
  run.trainer.run(text, {.steps = 3, .batch = 2});
  save_checkpoint(f.scratch / "again", run.trainer, text.vocabulary());
  const raw_tensors again = read_raw(f.scratch / "again" / "model.safetensors");
  const std::string after = std::ranges::find(again, name, &raw_tensor::name)->bytes;
  CHECK(after.substr(0, 32) != before.substr(0, 32));
  CHECK(after.substr(32) == before.substr(32));  // no token is of type 1, and nothing decays
  f.erase(name);
  f.is_refused({"missing: " + name});
}

TEST_CASE("Two weights where the model has one are refused, with the first place where they differ") {
  gpt2 f;
  f.copy(wte, "lm_head.weight");
  const auto second = [&](std::size_t element, float value) { std::memcpy(f.at("lm_head.weight").bytes.data() + 4 * element, &value, 4); };
  second(39 * 8 + 7, 99.5f);
  f.is_refused({"two weights where the model has one: lm_head.weight and transformer.wte.weight differ, first at (39, 7), where they are 99.5 and "});
  second(3 * 8, -77.0f);
  f.is_refused({"first at (3, 0), where they are -77 and "});
  f.at("lm_head.weight").shape = {8, 40};
  f.is_refused({"1 tensor is transposed, the first is lm_head.weight (8, 40) instead of (40, 8)"});

  bert b;
  b.copy("cls.predictions.bias", "cls.predictions.decoder.bias");
  b.at("cls.predictions.decoder.bias").bytes.replace(20, 4, floats({-9}));
  b.is_refused({"two weights", "cls.predictions.decoder.bias and cls.predictions.bias differ, first at (5), where they are -9 and "});
  b.erase("cls.predictions.decoder.bias"), b.copy(words, "cls.predictions.decoder.weight");
  b.at("cls.predictions.decoder.weight").bytes.replace(0, 4, floats({-9}));
  b.is_refused({"cls.predictions.decoder.weight and bert.embeddings.word_embeddings.weight differ, first at (0, 0)"});
  b.config["tie_word_embeddings"] = false;
  b.is_refused({"\"tie_word_embeddings\" is false; the block of this model has true"});
}

TEST_CASE("Everything that does not fit is named in one sentence") {
  gpt2 f;
  f.erase("transformer.h.0.ln_1.weight"), f.erase("transformer.ln_f.bias");
  f.add("score.weight", {2, 8}), f.add("transformer.h.2.ln_1.weight", {8}), f.add("transformer.h.2.attn.bias", {1});
  f.at("transformer.h.1.mlp.c_fc.bias").shape = {4, 4};
  f.at("transformer.h.1.ln_2.bias").dtype = "I32";
  f.is_refused({"does not match the gpt2 of its config.json", "missing: transformer.h.0.ln_1.weight, transformer.ln_f.bias;",
                "not in the model: score.weight, transformer.h.2.attn.bias, transformer.h.2.ln_1.weight;",
                "of another shape: transformer.h.1.mlp.c_fc.bias (4, 4) instead of (16);",
                "of another type: transformer.h.1.ln_2.bias I32 instead of F32, F64, F16 or BF16"});
  gpt2 g;
  g.copy(wte, "wte.weight");
  g.is_refused({"holds transformer.wte.weight and wte.weight, two names of the same weight"});
  bert b;  // BertModel alone
  std::erase_if(b.tensors, [](const raw_tensor& t) { return t.name.starts_with("cls."); });
  b.is_refused({"missing: cls.predictions.bias, cls.predictions.transform.LayerNorm.bias, ", "cls.predictions.transform.dense.weight"});
  gpt2 n;
  n.at(wte).bytes.replace(4 * 9, 4, floats({std::numeric_limits<float>::quiet_NaN()}));
  n.is_refused({"tensor transformer.wte.weight: element 9 is NaN"});
  n.at(wte).dtype = "F64", n.at(wte).bytes = converted<double, float>(n.at(wte).bytes, [](float) { return 1e300; });
  n.is_refused({"element 0 is infinite in the precision of this model"});
}

TEST_CASE("What a wrapper puts before all names is named in one short line, with the layout of Linear") {
  const auto short_line = [](auto& f, std::initializer_list<std::string_view> parts) {
    const auto folder = f.write();
    f.is_refused(folder, parts);
    typename std::remove_reference_t<decltype(f)>::model_type model(two, {1});
    CHECK(sentence_of([&] { load_hugging_face(folder, model); }).size() < 400 + folder.native().size());
  };
  const auto wrap = [](auto& f, const std::string& prefix) {
    for (raw_tensor& t : f.tensors) t.name = prefix + t.name;
  };
  const auto turn = [](auto& f) {
    for (raw_tensor& t : f.tensors)
      if (t.shape.size() == 2 && t.name.find(".h.") != t.name.npos) std::swap(t.shape[0], t.shape[1]);
  };
  for (const std::string prefix : {"_orig_mod.", "module.", "module._orig_mod.", "model.", "base_model.model."}) {
    gpt2 f;
    wrap(f, prefix);
    short_line(f, {"all names begin with " + prefix + ", which a wrapper of the model adds: save the model inside of it"});
    f.cut_prefix(prefix), f.loads();
  }
  gpt2 turned;
  turn(turned);
  short_line(turned, {"6 tensors are transposed, the first is transformer.h.0.attn.c_attn.weight (24, 8) instead of (8, 24)"});
  gpt2 both;
  turn(both), wrap(both, "_orig_mod.");
  short_line(both,
             {"all names begin with _orig_mod., ", "6 tensors are transposed, the first is _orig_mod.transformer.h.0.attn.c_attn.weight (24, 8)"});
  gpt2 bare;
  bare.cut_prefix("transformer."), wrap(bare, "module.");
  short_line(bare, {"all names begin with module., "});
  bert b;
  wrap(b, "module.");
  short_line(b, {"all names begin with module., "});
  bert words_turned;
  std::swap(words_turned.at(words).shape[0], words_turned.at(words).shape[1]);
  short_line(words_turned, {"1 tensor is transposed, the first is " + words + " (8, 40) instead of (40, 8)"});
}

TEST_CASE("Lists of many names are cut, with how many there are") {
  gpt2 f;
  for (int k = 0; k < 300; ++k) f.add("other." + std::to_string(1000 + k), {1});
  f.is_refused({"not in the model: other.1000, other.1001, other.1002, other.1003, other.1004, other.1005, other.1006, other.1007 and 292 more"});
  gpt2 g;
  std::erase_if(g.tensors, [](const raw_tensor& t) { return t.name.starts_with("transformer.h."); });
  g.is_refused({"missing: transformer.h.0.attn.c_attn.bias, ", " and 16 more"});
}

TEST_CASE("A tensor of less than a byte per element that the model has no use for is skipped, or refused by its name where it has") {
  gpt2 f;
  f.add("transformer.h.0.attn.bias", {2}, "F4", "x");
  f.loads();
  f.at("transformer.h.1.ln_2.bias").dtype = "F4", f.at("transformer.h.1.ln_2.bias").bytes.resize(4);
  f.is_refused({"of another type: transformer.h.1.ln_2.bias F4 instead of F32, F64, F16 or BF16"});
}

TEST_CASE("A model of a shorter context takes the first rows of the positions") {
  const auto first_rows = [](auto f, const std::string& positions) {
    using model_type = typename decltype(f)::model_type;
    model_shape shorter = two;
    shorter.context = 3;
    const auto folder = f.write();
    model_type model(shorter, {1}), other(shorter, {1});
    load_hugging_face(folder, model);
    f.at(positions).shape[0] = 3, f.at(positions).bytes.resize(3 * 8 * 4);
    f.config[f.config.contains("n_positions") ? "n_positions" : "max_position_embeddings"] = 3;
    load_hugging_face(f.write(), other);
    CHECK(model.get_weights() == other.get_weights());
  };
  first_rows(gpt2(), "transformer.wpe.weight");
  first_rows(bert(), "bert.embeddings.position_embeddings.weight");
  gpt2 f;
  model_shape longer = two;
  longer.context = 9;
  gpt2::model_type model(longer, {1});
  CHECK(has(sentence_of([&] { load_hugging_face(f.write(), model); }), "\"n_positions\" is 8, but this model has 9 as context"));
  f.at("transformer.wpe.weight").shape[0] = 7, f.at("transformer.wpe.weight").bytes.resize(7 * 8 * 4);
  f.is_refused({"of another shape: transformer.wpe.weight (7, 8) instead of (8, 8)"});
  model_shape shorter = two;
  shorter.context = 3;
  gpt2::model_type small(shorter, {1});
  CHECK(has(sentence_of([&] { load_hugging_face(f.write(), small); }), "transformer.wpe.weight (7, 8) instead of (8, 8)"));
}

TEST_CASE("Neurons that 16 does not divide get the largest group that does") {
  for (const auto& [neurons, group] : {std::pair{600, 15}, {64, 16}, {17, 1}, {12, 12}, {1000, 10}, {7, 7}}) {
    bert f;
    f.config["intermediate_size"] = neurons;
    CHECK(hugging_face_shape(f.write()).neuron_group == group);
    CHECK(default_neuron_group(neurons) == group);
  }
  bert f;
  f.config["intermediate_size"] = 600;
  CHECK(has(sentence_of([&] { (void)hugging_face_shape(f.write(), 16); }), "neuron_group is 16, which does not divide 600 neurons: take 15 or 20"));
}

TEST_CASE("An index and its files must agree") {
  gpt2 f;
  const auto map = [](json& index) -> json& { return index["weight_map"]; };
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i)[wte] = "../model.safetensors"; }),
               {wte, "not the name of a safetensors file in the folder of the index"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i)[wte] = "weights.bin"; }),
               {wte, "not the name of a safetensors file in the folder of the index"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i)[wte] = 2; }), {wte, "expected the name of a file, got 2"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i)[wte] = "model-00003-of-00002.safetensors"; }), {"model-00003-of-00002", "cannot open"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i)["more"] = map(i)[wte]; }), {"tensor more: ", "does not contain it"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i).erase(wte); }), {wte, "the index does not list it under"});
  f.is_refused(f.write_shards(2, [&](json&, auto& files) { files[1].push_back(files[0][0]); }), {"the index does not list it under"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { i.erase("weight_map"); }), {"weight_map"});
  f.is_refused(f.write_shards(2, [&](json& i, auto&) { map(i) = 5; }), {"weight_map", "got 5"});
  const auto folder = f.write();
  std::filesystem::remove(folder / "model.safetensors");
  f.is_refused(folder, {"has neither model.safetensors nor model.safetensors.index.json"});
  overwrite(folder / "pytorch_model.bin", "x");
  f.is_refused(folder, {"pytorch_model.bin is not a safetensors file"});
}

TEST_CASE("Another architecture, and members of config.json that would change the network, are refused by name and value") {
  const auto refused = [](auto f, const char* member, const json& value, const std::string& supported) {
    f.config[member] = value;
    f.is_refused({"config.json: \"" + std::string(member) + "\" is " + value.dump() + "; supported: " + supported});
  };
  const auto differs = [](auto f, const char* member, const json& value, const std::string& ours) {
    f.config[member] = value;
    f.is_refused({"config.json: \"" + std::string(member) + "\" is " + value.dump() + ours});
  };
  for (const char* type : {"mistral", "t5", "roberta", "gpt_neo", "raptr"}) {
    gpt2 f;
    f.config["model_type"] = type;
    f.is_refused({"config.json is of a " + std::string(type) + ", but this model is a gpt2"});
    const std::string said = sentence_of<file_error>([&] { (void)hugging_face_shape(f.write()); });
    CHECK(has(said, "config.json: \"model_type\" is \"" + std::string(type) + "\"; supported: \"gpt2\" or \"bert\" or \"llama\""));
  }
  for (const char* name : {"gelu", "silu", "relu"})
    differs(gpt2(), "activation_function", name, "; the block of this model has \"gelu_new\" or \"gelu_pytorch_tanh\"");
  const std::string fix = ": create it with the shape of hugging_face_shape(folder)";
  differs(gpt2(), "layer_norm_epsilon", 1e-6, ", but that of this model is 1e-05" + fix);
  differs(gpt2(), "scale_attn_weights", false, ", but that of this model is true" + fix);
  differs(gpt2(), "scale_attn_by_inverse_layer_idx", true, ", but that of this model is false" + fix);
  refused(gpt2(), "add_cross_attention", true, "false");
  refused(gpt2(), "pruned_heads", {{"0", {1}}}, "{} or null");
  refused(gpt2(), "quantization_config", {{"bits", 4}}, "null");
  for (const char* name : {"gelu_new", "silu"}) differs(bert(), "hidden_act", name, "; the block of this model has \"gelu\" or \"gelu_python\"");
  differs(bert(), "layer_norm_eps", 1e-5, ", but that of this model is 1e-12" + fix);
  refused(bert(), "position_embedding_type", "relative_key", "\"absolute\"");
  differs(bert(), "type_vocab_size", 1, ", but this model has 2 as token-types" + fix);
  refused(bert(), "is_decoder", true, "false");
  differs(bert(), "tie_word_embeddings", false, "; the block of this model has true");
}

TEST_CASE("Sizes of config.json that cannot be, or are not those of the model, are refused by name") {
  const auto refused = [](auto f, const char* member, const json& value, std::initializer_list<std::string_view> parts) {
    f.config[member] = value;
    f.is_refused(parts);
  };
  refused(gpt2(), "n_layer", 0, {"\"n_layer\": expected 1 or more, got 0"});
  refused(gpt2(), "n_embd", "8", {"\"n_embd\": expected", "got \"8\""});
  refused(gpt2(), "n_head", 3, {"config.json", "3 heads"});
  refused(gpt2(), "n_layer", 3, {"\"n_layer\" is 3, but this model has 2 as layers"});
  refused(gpt2(), "n_positions", 4, {"\"n_positions\" is 4, but this model has 8 as context"});
  refused(gpt2(), "n_positions", 16, {"of another shape: transformer.wpe.weight (8, 8) instead of (16, 8)"});
  refused(gpt2(), "n_inner", nullptr, {"\"n_inner\" is 32, but this model has 16 as neurons"});
  refused(bert(), "num_hidden_layers", -1, {"\"num_hidden_layers\": expected 1 or more, got -1"});
  refused(bert(), "intermediate_size", nullptr, {"\"intermediate_size\": expected"});
  refused(bert(), "vocab_size", 41, {"\"vocab_size\" is 41, but this model has 40 as vocab"});
  gpt2 f;
  f.config.erase("model_type");
  f.is_refused({"\"model_type\": expected"});

  bert b;
  f.config["model_type"] = "gpt2";
  transformer<gpt2_block, causal_lm, host_device> gpt(two, {1});
  CHECK(has(sentence_of([&] { load_hugging_face(b.write(), gpt); }), "is of a bert, but this model is a gpt2"));
  transformer<block<gpt2_block, rms_norm>, causal_lm, host_device> other(two, {1});
  CHECK(has(sentence_of([&] { load_hugging_face(f.write(), other); }),
            "is of a gpt2, but this model is of a block or shape that no family's files hold"));
  CHECK(has(sentence_of([&] { (void)hugging_face_shape(f.scratch / "nowhere"); }), "nowhere"));
}

namespace {
/// What a member of config.json changes is loaded into the block that has it, computed and written back.
template <class Block, class Objective> void keeps_members(const json& changes) {
  folder_of_a_model<Block, Objective> f;
  for (const auto& [member, value] : changes.items()) f.config[member] = value;
  const auto folder = f.write();
  transformer<Block, Objective, host_device> model(hugging_face_shape(folder, 4), {1});
  load_hugging_face(folder, model);
  CHECK(model.get_weights() == f.weights);
  trainer training(std::move(model), full_network{}, adamw{});
  save_checkpoint(f.scratch / "again", training, ids);
  const json written = read_json(f.scratch / "again" / "config.json");
  for (const auto& given : f.config.items()) {
    const std::string member = given.key();  // no binding, which clang 14 does not capture
    CAPTURE(member);
    CHECK(written.value(member, json()) == given.value());
  }
  model_shape shape = training.model().shape();
  shape.kv_heads = shape.head_groups();
  CHECK(shape_from_json(written, "config.json") == shape);
}
}  // namespace

TEST_CASE("Numbers of config.json become those of the shape, choices those of the block, and a checkpoint keeps both") {
  keeps_members<gpt2_block, causal_lm>({{"layer_norm_epsilon", 1e-6}, {"scale_attn_weights", false}, {"scale_attn_by_inverse_layer_idx", true}});
  keeps_members<block<gpt2_block, gelu_erf_mlp, untied_head>, causal_lm>({{"activation_function", "gelu"}, {"tie_word_embeddings", false}});
  keeps_members<bert_block, masked_lm>({{"layer_norm_eps", 1e-5}});
  keeps_members<block<bert_block, token_types<16>>, masked_lm>({{"type_vocab_size", 16}});
  using tanh_bert = block<bert_block, gelu_mlp, lm_head<false, head_transform<gelu_tanh>>, token_types<1>>;
  keeps_members<tanh_bert, masked_lm>({{"hidden_act", "gelu_new"}, {"type_vocab_size", 1}, {"tie_word_embeddings", false}});

  CHECK(names_of<block<bert_block, gelu_mlp>>(two).family == "raptr");  // the functions of mlp and head differ
  CHECK(names_of<block<gpt2_block, no_biases>>(two).family == "raptr");
  CHECK(names_of<block<gpt2_block, no_positions>>(two).family == "raptr");
  CHECK(names_of<block<gpt2_block, bert_head>>(two).family == "raptr");
  CHECK(names_of<block<gpt2_block, swiglu_mlp>>(two).family == "raptr");
  model_shape odd = two;
  odd.attention_scale = 0.3;
  CHECK(names_of<gpt2_block>(odd).family == "raptr");
  CHECK(names_of<bert_block>(odd).family == "raptr");
}

TEST_CASE("A checkpoint of another block or other numbers, whose tensors have the same names, is refused") {
  const auto refused = [](auto saved, auto model, std::string_view part) {
    const std::string said = sentence_of([&] { load_weights(saved.scratch / "saved", model); });
    CAPTURE(said);
    CHECK(has(said, part));
    CHECK_FALSE(model.initialised());
  };
  model_shape eps = two, by_depth = two;
  eps.norm_eps = 1e-3, by_depth.scale_by_depth = true;
  using erf = block<gpt2_block, gelu_erf_mlp>;
  refused(gpt2(), transformer<erf, causal_lm, host_device>(two, {1}),
          "\"activation_function\" is \"gelu_new\"; the block of this model has \"gelu\"");
  refused(gpt2(), transformer<gpt2_block, causal_lm, host_device>(eps, {1}), "\"layer_norm_epsilon\" is 1e-05, but that of this model is 0.001");
  using own = block<gpt2_block, no_biases>;
  refused(folder_of_a_model<own, causal_lm>(), transformer<own, causal_lm, host_device>(eps, {1}),
          "\"norm_eps\" is 1e-05, but that of this model is 0.001");
  refused(folder_of_a_model<own, causal_lm>(), transformer<own, causal_lm, host_device>(by_depth, {1}), "\"scale_by_depth\" is false");
  model_shape heads = two;
  heads.heads = 4;
  refused(folder_of_a_model<own, causal_lm>(), transformer<own, causal_lm, host_device>(heads, {1}), "\"heads\" is 2, but that of this model is 4");
}

TEST_CASE("A head that is not tied is a weight of its own, and a folder without it lacks a tensor") {
  folder_of_a_model<block<gpt2_block, untied_head>, causal_lm> f;
  CHECK(f.at("lm_head.weight").shape == std::vector<std::int64_t>{40, 8});
  f.loads();
  f.config.erase("tie_word_embeddings");
  f.is_refused({"\"tie_word_embeddings\" is true by default; the block of this model has false"});
  f.config["tie_word_embeddings"] = false;
  f.erase("lm_head.weight");
  f.is_refused({"missing: lm_head.weight"});
}

TEST_CASE("The bias of an untied BERT is the decoder's; the other name counts where that is missing, as transformers 4 saved it") {
  using untied_bert = folder_of_a_model<block<bert_block, lm_head<false, head_transform<gelu_erf>>>, masked_lm>;
  untied_bert f;
  f.loads();
  f.add("cls.predictions.bias", {40});  // a parameter that nothing reads
  f.loads();
  untied_bert old;
  old.copy("cls.predictions.decoder.bias", "cls.predictions.bias"), old.erase("cls.predictions.decoder.bias");
  old.loads();
  old.erase("cls.predictions.bias");
  old.is_refused({"missing: cls.predictions.decoder.bias"});
}

}  // namespace hugging_face_tests
