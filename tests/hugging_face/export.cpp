// SPDX-License-Identifier: Apache-2.0
// Our side of compare.py. Every command ends with one line of JSON: seconds, and the largest resident memory so far in MiB.
//   raptr_export save gpt2|llama|llama-tied|bert FOLDER   a checkpoint with random weights; beside it expected.safetensors (ids, logits)
//   raptr_export load FOLDER INTO        the folder of another tool, with batch.safetensors (ids; rows and targets) in it. INTO:
//                                        expected.safetensors, a checkpoint as loaded, one after a step of AdamW, step.json
//   raptr_export logits FOLDER INTO      expected.safetensors only, of a folder whose config.json asks for another block
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <raptr/backend/cpu.hpp>
#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/raptr.hpp>

namespace {

using namespace raptr;
using path = std::filesystem::path;
using clock = std::chrono::steady_clock;

constexpr vocabulary ids_of_text{.size = 128, .end_of_text = 0, .mask = 1, .pad = 2};
constexpr adamw rule{.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-6, .weight_decay = 0.1};
constexpr double clip = 1.0;

class stopwatch {
 public:
  void mark(const char* what) {
    const auto now = clock::now();
    said_[what] = {{"seconds", std::chrono::duration<double>(now - last_).count()}, {"MiB", largest_memory()}};
    last_ = now;
  }
  ~stopwatch() { std::cout << said_.dump() << "\n"; }

 private:
  /// Not getrusage(), which counts the memory of the process that started this one too.
  static std::int64_t largest_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) / 1024;
    return 0;
  }

  json said_;
  clock::time_point last_ = clock::now();
};

std::vector<std::int64_t> read_list(const safetensors_reader& file, const char* name) {
  const tensor_entry* entry = file.find(name);
  std::vector<std::int64_t> list(entry ? entry->bytes / 8 : 0);
  if (entry) file.read(name, std::span<std::int64_t>(list));
  return list;
}
template <class Objective>
batch batch_of(const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& to) {
  const int length = static_cast<int>(ids.size());
  batch b;
  b.add_segment(length, Objective::looks_back_only ? 0 : length);
  b.ids.assign(ids.begin(), ids.end());
  for (std::size_t k = 0; k < rows.size(); ++k) b.targets.push_back({static_cast<int>(rows[k]), static_cast<int>(to[k]), 1.0f});
  b.normaliser = b.target_weight();
  return b;
}
/// Logits of all rows.
template <class Model> void write_logits(const path& folder, Model& model, const std::vector<std::int64_t>& ids) {
  std::vector<std::int64_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0);
  const step_plan full = step_plan::full(model.plan_layout());
  model.begin(full, false);
  const auto logits = model.predict(full, batch_of<typename Model::objective_type>(ids, rows, ids));
  auto out = open_file::writing(folder / "expected.safetensors");
  const auto n = static_cast<std::int64_t>(ids.size());
  safetensors_writer file(out, {{"ids", "I64", {n}}, {"logits", "F32", {n, model.shape().vocab}}});
  file.write("ids", std::span<const std::int64_t>(ids));
  file.write("logits", std::span<const float>(logits));
  file.finish();
}

template <class Block, class Objective> void save(const path& folder, const model_shape& shape, bool pooler) {
  stopwatch time;
  transformer<Block, Objective, cpu> model(shape, {.threads = 2});
  model.initialise(1);
  {
    auto weights = model.get_weights();
    const auto draw = random_key{2}.stream("every bias and gain counts");
    for (const placed_weight& w : model.layout().all())
      for (std::int64_t i = 0; i < w.size(); ++i) {
        const auto k = static_cast<std::size_t>(w.first + i);
        weights[k] += static_cast<float>((w.what.width == 1 ? 0.1 : 0.01) * draw.normal(k));
      }
    model.set_weights(weights);
  }
  if (pooler) {
    auto layers = untrained_tensors<float>(names_of<bert_block>({}), shape.width, [](const std::string&) { return true; });
    for (auto& t : layers) {
      t.values.resize(static_cast<std::size_t>(t.shape[0] * (t.shape.size() > 1 ? t.shape[1] : 1)));
      const auto draw = random_key{3}.stream(t.name.c_str());
      for (std::size_t k = 0; k < t.values.size(); ++k) t.values[k] = static_cast<float>(0.02 * draw.normal(k));
    }
    model.set_untrained(std::move(layers));
  }
  trainer training(std::move(model), full_network{}, rule);
  time.mark("initialise");
  save_checkpoint(folder, training, ids_of_text);
  time.mark("save");
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 48; ++i) ids.push_back((i * i * 523 + 11 * i + 3) % shape.vocab);
  write_logits(folder, training.model(), ids);
  time.mark("logits");
}

template <class Block, class Objective> void load(const path& folder, const path& into) {
  stopwatch time;
  model_shape shape = hugging_face_shape(folder);
  shape.dropout = {};  // the step is compared with one of a model in eval()
  transformer<Block, Objective, cpu> model(shape, {.threads = 2});
  load_hugging_face(folder, model);
  time.mark("load");
  trainer training(std::move(model), full_network{}, rule);
  save_checkpoint(into / "loaded", training, ids_of_text);
  time.mark("save");
  const safetensors_reader asked(folder / "batch.safetensors");
  const auto ids = read_list(asked, "ids");
  write_logits(into, training.model(), ids);
  time.mark("logits");
  const batch b = batch_of<Objective>(ids, read_list(asked, "rows"), read_list(asked, "targets"));
  if (b.targets.empty()) return;
  const step_plan full = step_plan::full(training.model().plan_layout());
  training.model().begin(full);
  training.model().accumulate(full, b);
  training.optimizer().step(training.model(), rule.lr, clip);
  const auto results = download(training.model().ops(), static_cast<const double*>(training.model().results_data()), 2);
  time.mark("step");
  save_checkpoint(into / "stepped", training, ids_of_text);
  write_file(into / "step.json", json_text({{"loss", results[0]},
                                            {"norm", std::sqrt(results[1])},
                                            {"clip", clip},
                                            {"lr", rule.lr},
                                            {"betas", {rule.beta1, rule.beta2}},
                                            {"eps", rule.eps},
                                            {"weight_decay", rule.weight_decay}}));
}

/// Calls f.operator()<Block>() with the first of the blocks that config.json of the folder fits.
template <class... Blocks, class F> void with_fitting_block(const path& folder, F f) {
  std::string refused;
  const auto attempt = [&]<class Block>() {
    try {
      (void)hugging_face_config_of<family_of<Block>, Block>(folder, 16, true);
    } catch (const file_error& e) {
      refused.append("\n").append(e.what());
      return false;
    }
    f.template operator()<Block>();
    return true;
  };
  if (!(attempt.template operator()<Blocks>() || ...)) fail("no block fits:" + refused);
}
template <class Objective, class... Blocks> void logits(const path& folder, const path& into) {
  stopwatch time;
  with_fitting_block<Blocks...>(folder, [&]<class Block>() {
    transformer<Block, Objective, cpu> model(hugging_face_shape(folder), {.threads = 2});
    load_hugging_face(folder, model);
    write_logits(into, model, read_list(safetensors_reader(folder / "batch.safetensors"), "ids"));
    time.mark("logits");
  });
}
using tied_llama = block<llama_block, tied_head>;
template <class Function, bool Tied> using bert_with = block<bert_block, mlp<Function>, lm_head<Tied, head_transform<Function>>>;

int run(int argc, char** argv) {
  const auto is = [&](int k, const char* word) { return std::strcmp(argv[k], word) == 0; };
  if (argc == 4 && is(1, "save") && is(2, "gpt2")) return save<gpt2_block, causal_lm>(argv[3], gpt2_small, false), 0;
  model_shape grouped = llama_134m;
  grouped.kv_heads = 4;
  if (argc == 4 && is(1, "save") && is(2, "llama")) return save<llama_block, causal_lm>(argv[3], grouped, false), 0;
  if (argc == 4 && is(1, "save") && is(2, "llama-tied")) return save<tied_llama, causal_lm>(argv[3], grouped, false), 0;
  if (argc == 4 && is(1, "save") && is(2, "bert"))
    return save<bert_block, masked_lm>(argv[3], {.layers = 4, .width = 512, .heads = 8, .vocab = 30522, .context = 512}, true), 0;
  if (argc != 4 || !(is(1, "load") || is(1, "logits")))
    return std::cerr << "usage: " << argv[0] << " save gpt2|llama|llama-tied|bert FOLDER, load FOLDER INTO, or logits FOLDER INTO\n", 2;
  std::filesystem::create_directories(argv[3]);
  const std::string_view family = hugging_face_config(argv[2]).family;
  const bool only_logits = is(1, "logits");
  if (only_logits && family == gpt2_family::name)
    logits<causal_lm, gpt2_block, block<gpt2_block, gelu_erf_mlp>, block<gpt2_block, untied_head>>(argv[2], argv[3]);
  else if (only_logits && family == llama_family::name)
    logits<causal_lm, llama_block, tied_llama>(argv[2], argv[3]);
  else if (only_logits)
    logits<masked_lm, bert_block, bert_with<gelu_tanh, true>, bert_with<gelu_erf, false>>(argv[2], argv[3]);
  else if (family == gpt2_family::name)
    load<gpt2_block, causal_lm>(argv[2], argv[3]);
  else if (family == llama_family::name)
    with_fitting_block<llama_block, tied_llama>(argv[2], [&]<class Block>() { load<Block, causal_lm>(argv[2], argv[3]); });
  else
    load<bert_block, masked_lm>(argv[2], argv[3]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const raptr::error& e) {
    return std::cerr << e.what() << "\n", 1;
  }
}
