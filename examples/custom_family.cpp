// SPDX-License-Identifier: Apache-2.0
// An architecture of a user's own: GPT-2 with RMS norm and without biases, its own names in files and its own config.json. One
// struct says what files know of it; checkpoints, loading and initial values follow. Nothing in include/ is changed.
#include <cstdio>

#include <raptr/backend/cpu.hpp>
#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>

struct slim_family;
struct slim_block : raptr::block<raptr::gpt2_block, raptr::rms_norm, raptr::no_biases> {
  using family = slim_family;
};

namespace slim_files {
constexpr raptr::tensor_name model[]{{"embed_tokens.weight", "tokens.weight"}, {"embed_positions.weight", "positions.weight"}};
constexpr raptr::tensor_name parts[]{{"attention.norm.weight", "norm_1.weight"}, {"attention.o_proj.weight", "attention.out.weight", true}};
constexpr raptr::stack_names stack[]{{"layers.", parts}};
}  // namespace slim_files

struct slim_family {
  static constexpr std::string_view name = "slim-gpt";  // "model_type" of config.json
  using network = slim_block;
  using objective = raptr::causal_lm;
  static constexpr raptr::tokenizer_kind tokenizer = raptr::tokenizer_kind::byte_bpe;

  /// Files have no number for grouped queries, so a model with them is saved under raptr's own names.
  template <class Network> static constexpr bool holds(const raptr::model_shape& s) { return s.head_groups() == s.heads; }
  template <class Network> static constexpr raptr::tensor_names names() { return {name, slim_files::model, slim_files::stack}; }
  static constexpr std::string_view architecture(bool) { return "SlimGpt"; }
  /// The members of config.json, listed once for reading, writing and checking.
  template <class Network, class Visitor> static void config(Visitor& visit, raptr::model_shape& s) {
    visit.size("layers", "layers", s.layers);
    visit.size("width", "width", s.width);
    visit.size("heads", "heads", s.heads);
    visit.size("neurons", "neurons", s.neurons);
    visit.size("vocab", "vocab", s.vocab);
    visit.size("context", "context", s.context);
    visit.number("eps", s.norm_eps, raptr::rms_norm::eps);
    visit.only("norm", {"rms"});
    visit.id("end_of_text", &raptr::vocabulary::end_of_text);
  }
  static double deviation(raptr::initializer, const raptr::model_shape& s) { return 1 / std::sqrt(5.0 * s.width); }
};

using slim_model = raptr::transformer<slim_block, raptr::causal_lm, raptr::cpu>;

int main() {
  const auto folder = std::filesystem::temp_directory_path() / "raptr-slim-gpt";
  slim_model model({.layers = 4, .width = 32, .heads = 2, .vocab = 259, .context = 16, .norm_eps = 1e-6});
  model.initialise(1);
  raptr::trainer trainer(std::move(model), raptr::any_schedule("2-4"), raptr::adamw{.lr = 1e-2});
  const std::string_view documents[] = {"An architecture is one struct: its block, its objective, its names, its config.json."};
  trainer.run(raptr::token_stream(raptr::byte_tokenizer{}, documents), {.steps = 4, .batch = 2}, [](const raptr::step_report&) {});
  raptr::save_checkpoint(folder, trainer, raptr::byte_tokenizer{}.vocabulary());

  slim_model again(raptr::hugging_face_shape<slim_family>(folder));
  raptr::load_hugging_face(folder, again);
  const bool same = again.get_weights() == trainer.model().get_weights();
  const raptr::json config = raptr::read_json(folder / "config.json");
  std::printf("%s, eps %g; weights read back %s\n", config["model_type"].get<std::string>().c_str(), config["eps"].get<double>(),
              same ? "with the same bits" : "are others");
  const raptr::safetensors_reader file(folder / "model.safetensors");
  for (const raptr::tensor_entry& tensor : file.tensors())
    if (tensor.name.find("layers.") == tensor.name.npos || tensor.name.find("layers.0") == 0) std::printf("  %s\n", tensor.name.c_str());
  return same && again.shape().norm_eps == 1e-6 ? 0 : 1;
}
