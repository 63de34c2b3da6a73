// SPDX-License-Identifier: Apache-2.0
// Checkpoints: names and shapes as in Hugging Face files, the same bits after a round trip, and a trainer that stays as it is
// when a load fails.
#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

namespace checkpoint_tests {
using namespace raptr;
using namespace raptr::testing;

namespace {
using shapes = std::map<std::string, std::vector<std::int64_t>>;
const token_list text(200);

shapes tensors_of(const std::filesystem::path& file) {
  shapes found;
  const safetensors_reader reader(file);
  for (const tensor_entry& t : reader.tensors()) found[t.name] = t.shape;
  return found;
}
constexpr model_shape two{.layers = 2, .width = 8, .heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 40, .context = 8};

void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}
/// Writes a folder anew, with one file changed and a manifest that fits.
template <class Change> void rewrite(const std::filesystem::path& from, const std::filesystem::path& to, Change change) {
  atomic_folder folder(to);
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "config.json", "state.json"}) {
    std::string bytes = read_file(from / name);
    change(std::string(name), bytes);
    folder.write(name, bytes);
  }
  folder.commit();
}

template <class Run> void comes_back_with_its_bits() {
  scratch_folder folder;
  Run first("constant:2", dropped_update::zero_gradient, {.lr = 1e-2}, two), second("constant:2", dropped_update::zero_gradient, {.lr = 1e-2}, two);
  first.trainer.run(text, {.steps = 7, .batch = 2});
  save_checkpoint(folder / "seven", first.trainer, text.vocabulary());
  load_checkpoint(folder / "seven", second.trainer);
  CHECK(second.state() == first.state());
  CHECK(second.trainer.done().step == 7);
  auto model = typename Run::model_type(two, {1});
  load_weights(folder / "seven", model);
  CHECK(model.get_weights() == first.trainer.model().get_weights());
  first.trainer.set_done({7, 3});
  save_checkpoint(folder / "seven", first.trainer, text.vocabulary());  // in place of the old one
  load_checkpoint(folder / "seven", second.trainer);
  CHECK(second.trainer.done().nonfinite_in_a_row == 3);
}
}  // namespace

TEST_CASE("A GPT-2 has the tensors of a Hugging Face file, by name and shape") {
  scratch_folder folder;
  small_run<host_device> run("constant:2", dropped_update::frozen, {}, two);
  run.trainer.run(text, {.steps = 1, .batch = 1});
  save_checkpoint(folder / "one", run.trainer, text.vocabulary());
  shapes expected{
      {"transformer.wte.weight", {40, 8}}, {"transformer.wpe.weight", {8, 8}}, {"transformer.ln_f.weight", {8}}, {"transformer.ln_f.bias", {8}}};
  for (const std::string h : {"transformer.h.0.", "transformer.h.1."})
    expected.merge(shapes{{h + "ln_1.weight", {8}},
                          {h + "ln_1.bias", {8}},
                          {h + "ln_2.weight", {8}},
                          {h + "ln_2.bias", {8}},
                          {h + "attn.c_attn.weight", {8, 24}},
                          {h + "attn.c_attn.bias", {24}},
                          {h + "attn.c_proj.weight", {8, 8}},
                          {h + "attn.c_proj.bias", {8}},
                          {h + "mlp.c_fc.weight", {8, 12}},
                          {h + "mlp.c_fc.bias", {12}},
                          {h + "mlp.c_proj.weight", {12, 8}},
                          {h + "mlp.c_proj.bias", {8}}});
  CHECK(tensors_of(folder / "one" / "model.safetensors") == expected);
  const shapes moments = tensors_of(folder / "one" / "optimizer.safetensors");
  CHECK(moments.at("transformer.h.1.attn.c_attn.weight.exp_avg") == std::vector<std::int64_t>{8, 24});
  CHECK(moments.at("transformer.wte.weight.exp_avg_sq") == std::vector<std::int64_t>{40, 8});
  CHECK(moments.at("blocks.1.attention.unit_steps") == std::vector<std::int64_t>{2});
  CHECK(moments.at("blocks.1.attention.steps") == std::vector<std::int64_t>{1});
  CHECK(moments.at("blocks.0.mlp.unit_steps") == std::vector<std::int64_t>{3});
  CHECK(moments.at("model.steps") == std::vector<std::int64_t>{1});
  CHECK(moments.size() == 2 * expected.size() + 1 + 2 * 4);
  const json config = read_json(folder / "one" / "config.json");
  CHECK(config["model_type"] == "gpt2");
  CHECK(config["n_head"] == 2);
  CHECK(config["n_inner"] == 12);
  CHECK(config["activation_function"] == "gelu_new");
  CHECK(config["raptr"]["kv_heads"] == 2);
  CHECK(config["raptr"]["neuron_group"] == 4);
  model_shape written = two;
  written.kv_heads = 2;  // named, where the model left it open
  CHECK(shape_from_json(config, "config.json") == written);
}

TEST_CASE("A BERT has the tensors of a Hugging Face file, by name and shape") {
  scratch_folder folder;
  small_run<host_device, bert_block, masked_lm> run("constant:2", dropped_update::frozen, {}, two);
  run.trainer.run(text, {.steps = 1, .batch = 1});
  save_checkpoint(folder / "one", run.trainer, text.vocabulary());
  shapes expected{{"bert.embeddings.word_embeddings.weight", {40, 8}},
                  {"bert.embeddings.position_embeddings.weight", {8, 8}},
                  {"bert.embeddings.token_type_embeddings.weight", {2, 8}},
                  {"bert.embeddings.LayerNorm.weight", {8}},
                  {"bert.embeddings.LayerNorm.bias", {8}},
                  {"cls.predictions.transform.dense.weight", {8, 8}},
                  {"cls.predictions.transform.dense.bias", {8}},
                  {"cls.predictions.transform.LayerNorm.weight", {8}},
                  {"cls.predictions.transform.LayerNorm.bias", {8}},
                  {"cls.predictions.bias", {40}}};
  for (const std::string l : {"bert.encoder.layer.0.", "bert.encoder.layer.1."}) {
    for (const char* name : {"query", "key", "value"})
      expected[l + "attention.self." + name + ".weight"] = {8, 8}, expected[l + "attention.self." + name + ".bias"] = {8};
    expected.merge(shapes{{l + "attention.output.dense.weight", {8, 8}},
                          {l + "attention.output.dense.bias", {8}},
                          {l + "attention.output.LayerNorm.weight", {8}},
                          {l + "attention.output.LayerNorm.bias", {8}},
                          {l + "intermediate.dense.weight", {12, 8}},
                          {l + "intermediate.dense.bias", {12}},
                          {l + "output.dense.weight", {8, 12}},
                          {l + "output.dense.bias", {8}},
                          {l + "output.LayerNorm.weight", {8}},
                          {l + "output.LayerNorm.bias", {8}}});
  }
  CHECK(tensors_of(folder / "one" / "model.safetensors") == expected);
  const json config = read_json(folder / "one" / "config.json");
  CHECK(config["model_type"] == "bert");
  CHECK(config["layer_norm_eps"] == 1e-12);
}

TEST_CASE("The columns of c_attn are q, k and v, each with its heads side by side") {
  const weight_layout layout = network<gpt2_block, counting_ops<float, float>>::layout(two);
  const auto tensors = file_tensors(layout, names_of<gpt2_block>({}));
  const placed_weight& qkv = layout.all()[layout.of(1, 0) + 2];
  REQUIRE(qkv.full_name() == "block 1 attention qkv");
  for (const file_tensor& t : tensors) {
    if (t.name != "transformer.h.1.attn.c_attn.weight") continue;
    int seen = 0;
    t.each([&](std::size_t ours, std::size_t theirs) {
      // Ours: a head has its 4 rows of q, then of k, then of v; theirs: input row, column 8 * (q, k, v) + 4 * head + i.
      const auto at = static_cast<std::int64_t>(ours) - qkv.first, input = at % 8, row = at / 8, head = row / 12, which = row % 12 / 4, i = row % 4;
      CHECK(static_cast<std::int64_t>(theirs) == input * 24 + 8 * which + 4 * head + i);
      ++seen;
    });
    CHECK(seen == 192);
  }
  for (const file_tensor& t : file_tensors(network<bert_block, counting_ops<float, float>>::layout(two), names_of<bert_block>({})))
    if (t.name == "bert.encoder.layer.0.attention.self.key.weight") {
      CHECK(t.strips.size() == 2);
      CHECK(t.strips[0].rows == 4);
      CHECK_FALSE(t.transposed);
    }
}

TEST_CASE("A saved c_attn has the values of its columns: x c_attn + bias is q, k and v") {
  scratch_folder folder;
  constexpr model_shape one{.layers = 1, .width = 2, .heads = 1, .neurons = 2, .neuron_group = 2, .vocab = 40, .context = 8};
  small_run<host_device> run("full", dropped_update::frozen, {}, one);
  auto& model = run.trainer.model();
  model.initialise(1);
  auto w = model.get_weights();
  const auto first = static_cast<std::size_t>(model.layout().all()[model.layout().of(0, 0) + 2].first);
  for (std::size_t i = 0; i < 12; ++i) w[first + i] = float(i);  // rows q0 q1 k0 k1 v0 v1 of two inputs each
  model.set_weights(w);
  save_checkpoint(folder / "one", run.trainer, text.vocabulary());
  const safetensors_reader file(folder / "one" / "model.safetensors");
  std::vector<float> values(12);
  file.read("transformer.h.0.attn.c_attn.weight", std::span<float>(values));
  CHECK(values == std::vector<float>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
}

TEST_CASE("A checkpoint comes back with its bits: GPT-2, BERT, and a block with names of its own") {
  comes_back_with_its_bits<small_run<host_device>>();
  comes_back_with_its_bits<small_run<host_device, bert_block, masked_lm>>();
  comes_back_with_its_bits<small_run<host_device, block<bert_block, rms_norm, swiglu_mlp>, masked_lm>>();
}

TEST_CASE("Blocks that were never drawn have counts and moments of 0 in a file, and load") {
  scratch_folder folder;
  small_run<host_device> run("2-full"), next("2-full");
  std::stop_source stop;
  stop.request_stop();
  run.trainer.run(text, {.steps = 20, .batch = 1, .stop = stop.get_token()});
  save_checkpoint(folder / "one", run.trainer, text.vocabulary());
  const safetensors_reader file(folder / "one" / "optimizer.safetensors");
  std::vector<int> count(1, 7);
  for (const auto& [name, expected] :
       {std::pair{"blocks.0.mlp.steps", 1}, {"blocks.1.mlp.steps", 0}, {"blocks.3.attention.steps", 1}, {"model.steps", 1}}) {
    file.read(name, std::span<int>(count));
    CHECK(count[0] == expected);
  }
  load_checkpoint(folder / "one", next.trainer);
  CHECK(next.state() == run.state());
}

TEST_CASE("What does not fit is named, and the trainer stays as it is") {
  scratch_folder folder;
  small_run<host_device> run("constant:2", dropped_update::frozen, {}, two);
  run.trainer.run(text, {.steps = 3, .batch = 1});
  save_checkpoint(folder / "good", run.trainer, text.vocabulary());
  run.trainer.run(text, {.steps = 5, .batch = 1});
  const auto before = run.state();
  const auto refused = [&](const std::filesystem::path& place, const std::string& what, auto& into) {
    const std::string said = sentence_of<file_error>([&] { load_checkpoint(place, into.trainer); });
    CAPTURE(said);
    CHECK(has(said, what));
    CHECK(has(said, place.native()));
  };
  const auto unchanged = [&] {
    CHECK(run.state() == before);
    CHECK(run.trainer.done().step == 5);
  };

  const auto replaced = [&](const char* file, std::string from, std::string to, const std::string& what) {
    REQUIRE(from.size() == to.size());
    rewrite(folder / "good", folder / "bad", [&](const std::string& name, std::string& bytes) {
      if (name != file) return;
      const auto at = bytes.find(from);
      REQUIRE(at != bytes.npos);
      bytes.replace(at, from.size(), to);
    });
    refused(folder / "bad", what, run), unchanged();
  };
  replaced("model.safetensors", "transformer.h.1.ln_1.weight", "transformer.h.1.ln_9.weight",
           "lacks tensors of this model: transformer.h.1.ln_1.weight");
  replaced("optimizer.safetensors", "wte.weight.exp_avg\"", "wtx.weight.exp_avg\"", "lacks tensors of this model: transformer.wte.weight.exp_avg");
  replaced("optimizer.safetensors", "blocks.1.mlp.unit_steps", "blocks.9.mlp.unit_steps", "blocks.1.mlp.unit_steps");
  replaced("model.safetensors", "[8,24]", "[24,8]", "shape (24, 8) where this model has (8, 24)");
  replaced("model.safetensors", "[40,8]", "[8,40]", "transformer.wte.weight");
  replaced("state.json", "\"format\": 1", "\"format\": 2", "format");
  replaced("state.json", "\"step\"", "\"stop\"", "step");
  replaced("state.json", "existing_blocks", "existing_blocls", "existing_blocks");
  replaced("state.json", "    1\n", "    2\n", "expected a list of numbers from 0 to 1, got 2");
  rewrite(folder / "good", folder / "bad", [](const std::string& name, std::string& bytes) {
    if (name == "state.json") bytes = "{\"format\": 1, \"nonfinite_in_a_row\": 0, \"step\": \"3\"}";
  });
  refused(folder / "bad", "step", run), unchanged();

  model_shape large = two;
  large.layers = 3;
  small_run<host_device> deeper("constant:3", dropped_update::frozen, {}, large);
  refused(folder / "good", "lacks tensors of this model: transformer.h.2.", deeper);
  CHECK_FALSE(deeper.trainer.model().initialised());
  large.layers = 1;
  small_run<host_device> shallow("constant:1", dropped_update::frozen, {}, large);
  refused(folder / "good", "contains tensors that are not part of this model: transformer.h.1.", shallow);
  refused(folder / "nowhere", "nowhere", run), unchanged();
}

TEST_CASE("A flipped byte in any file of a checkpoint is found and named, and the trainer stays as it is") {
  scratch_folder folder;
  small_run<host_device> run("constant:2", dropped_update::frozen, {}, two);
  run.trainer.run(text, {.steps = 3, .batch = 1});
  save_checkpoint(folder / "good", run.trainer, text.vocabulary());
  run.trainer.run(text, {.steps = 4, .batch = 1});
  const auto before = run.state();
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "config.json", "state.json", "manifest.json"})
    for (const double place : {0.0, 0.3, 0.6, 0.99}) {
      copy_folder(folder / "good", folder / "bad");
      std::string bytes = read_file(folder / "bad" / name);
      bytes[static_cast<std::size_t>(place * double(bytes.size()))] ^= 1;
      std::ofstream(folder / "bad" / name, std::ios::binary) << bytes;
      const std::string said = sentence_of<file_error>([&] { load_checkpoint(folder / "bad", run.trainer); });
      CAPTURE(said);
      CHECK(has(said, name));
      CHECK(run.state() == before);
      CHECK(run.trainer.done().step == 4);
    }
  load_checkpoint(folder / "good", run.trainer);
  CHECK(run.trainer.done().step == 3);
}

TEST_CASE("A model without weights has nothing to save, and says so") {
  scratch_folder folder;
  small_run<host_device> run;
  CHECK(has(sentence_of<input_error>([&] { save_checkpoint(folder / "none", run.trainer, text.vocabulary()); }), "initialise"));
  CHECK_FALSE(std::filesystem::exists(folder / "none"));
}

TEST_CASE("A checkpoint of a network that still grows has the blocks that exist and no others, and resumes with its bits") {
  scratch_folder folder;
  model_shape four = two;
  four.layers = 4;
  const auto grow = [&]<class Run>(const Run&, const char* schedule, std::vector<int> existing, std::int64_t step) {
    CAPTURE(schedule);
    const run_options of_nine{.steps = 9, .batch = 2};
    const auto make = [&] { return Run(schedule, dropped_update::zero_gradient, adamw{.lr = 1e-2}, four); };
    auto run = make(), next = make();
    run_options saving = of_nine;
    double loss = 0;
    saving.save_every = 1, saving.save = [&] {
      if (run.trainer.done().step != step) return;
      save_checkpoint(folder / "young", run.trainer, text.vocabulary());
      loss = run.trainer.evaluate(text, 4);
    };
    run.trainer.run(text, saving);
    const int blocks = int(existing.size());
    const json config = read_json(folder / "young/config.json");
    CHECK(config["raptr"]["existing_blocks"] == json(existing));
    CHECK(config["raptr"]["grows_to"] == 4);
    model_shape young = shape_from_json(config, "config.json");
    CHECK(young.layers == blocks);
    Run alone("full", dropped_update::frozen, {}, young);
    load_weights(folder / "young", alone.trainer.model());
    CHECK(alone.trainer.evaluate(text, 4) == loss);

    load_checkpoint(folder / "young", next.trainer);
    CHECK(next.trainer.done().existing.size() == blocks);
    CHECK(next.trainer.evaluate(text, 4) == loss);
    next.trainer.run(text, of_nine);
    CHECK(next.state() == run.state());
    return config;
  };
  const json gpt2 = grow(small_run<host_device>("full"), "stack:1-2-4", {0}, 3);
  CHECK(gpt2["n_layer"] == 1);
  CHECK(hugging_face_shape(folder / "young", 4).layers == 1);
  for (const auto& [name, shape] : tensors_of(folder / "young/model.safetensors")) CHECK_FALSE(has(name, "h.1."));
  CHECK(grow(small_run<host_device>("full"), "stack:1-2-4", {0, 1}, 5)["n_layer"] == 2);
  CHECK(grow(small_run<host_device, bert_block, masked_lm>("full"), "stack:2-4", {0, 1}, 2)["num_hidden_layers"] == 2);
  CHECK_FALSE(
      grow(small_run<host_device, block<bert_block, rms_norm, swiglu_mlp>, masked_lm>("full"), "stack:2-4", {0, 1}, 2).contains("num_hidden_layers"));

  small_run<host_device> old("stack:1-2-4", dropped_update::frozen, {}, four), whole("stack:1-2-4", dropped_update::frozen, {}, four);
  old.trainer.run(text, {.steps = 2, .batch = 1});  // as earlier versions wrote it: all blocks in the file
  auto done = old.trainer.done();
  done.existing = unit_set::first(4);
  old.trainer.set_done(done);
  save_checkpoint(folder / "all", old.trainer, text.vocabulary());
  rewrite(folder / "all", folder / "old", [](const std::string& name, std::string& bytes) {
    json state = name == "state.json" ? parse_json(bytes, name) : json();
    if (state.is_object()) state["existing_blocks"] = json::array({0}), bytes = json_text(state);
  });
  load_checkpoint(folder / "old", whole.trainer);
  CHECK(whole.state() == old.state());
  CHECK(whole.trainer.done().existing == unit_set{0});
}

TEST_CASE("A checkpoint names its run in manifest and state, and its weights do not depend on it") {
  scratch_folder folder;
  small_run<host_device> run("full", dropped_update::frozen, {}, two);
  run.trainer.run(text, {.steps = 3, .batch = 1});
  save_checkpoint(folder / "step-000003", run.trainer, text.vocabulary(), {.run = "0123456789abcdef"});
  CHECK(read_json(folder / "step-000003/state.json")["run"] == "0123456789abcdef");
  CHECK(read_manifest(folder / "step-000003").run == "0123456789abcdef");
  load_checkpoint(folder / "step-000003", run.trainer);
  const auto model = read_file(folder / "step-000003/model.safetensors");
  save_checkpoint(folder / "step-000003", run.trainer, text.vocabulary());
  CHECK_FALSE(read_json(folder / "step-000003/state.json").contains("run"));
  CHECK(read_manifest(folder / "step-000003").run.empty());
  CHECK((read_file(folder / "step-000003/model.safetensors") == model));
}

}  // namespace checkpoint_tests
