// SPDX-License-Identifier: Apache-2.0
#include "writer.hpp"

#include <raptr/backend/cpu.hpp>
#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/nn/transformer.hpp>

#include "../support/tokenizers.hpp"

namespace program {

namespace errors {
[[noreturn]] static void model_does_not_continue(const std::filesystem::path& folder, const std::string& objective) {
  raptr::fail(raptr::shown(folder) + " holds a model of the objective " + raptr::shown(objective) +
              ", which fills gaps and cannot continue a text: give one that was trained with --objective causal_lm");
}
[[noreturn]] static void model_has_another_vocabulary(const std::filesystem::path& folder, int rows, const std::string& tokenizer, int size) {
  raptr::fail(raptr::shown(folder) + " holds a model with " + std::to_string(rows) + " rows of embedding, but the tokenizer " + tokenizer +
              " needs " + std::to_string(size) + ": it was trained with another tokenizer, give --tokenizer FILE or DIR");
}
[[noreturn]] static void model_has_another_end_of_text(const std::filesystem::path& folder, std::int64_t end, const std::string& tokenizer, int id) {
  raptr::fail(raptr::shown(folder) + " holds a model for which the id " + std::to_string(end) + " ends a text, but for the tokenizer " + tokenizer +
              " it is " + std::to_string(id) + ": it was trained with another tokenizer, give --tokenizer FILE or DIR");
}
}  // namespace errors

namespace {

class model_writer final : public writer {
 public:
  model_writer(const raptr::model_shape& shape, raptr::any_tokenizer tokenizer, int threads)
      : tokenizer_(std::move(tokenizer)),
        tokens_(vocabulary_of(tokenizer_)),
        model_(shape, {.threads = threads}),
        full_(raptr::step_plan::full(model_.plan_layout())) {}
  void load(const std::filesystem::path& folder) {
    raptr::load_weights(folder, model_);
    model_.begin(full_, false);
  }

  int context() const override { return model_.shape().context; }
  std::int64_t begin(std::string_view text) override {
    ids_.clear();
    std::visit([&](const auto& t) { t.encode(text, ids_); }, tokenizer_);
    const auto size = std::ssize(ids_);
    if (ids_.empty()) ids_.push_back((std::max)(0, tokens_.end_of_text));
    prompt_ = ids_.size();
    written_ = 0;
    return size;
  }
  std::optional<std::string> next(const std::function<int(std::span<const float>)>& choose) override {
    const auto seen = std::span(ids_).last((std::min)(ids_.size(), std::size_t(context())));
    raptr::batch data;
    data.add_segment(int(seen.size()), 0);
    data.ids.assign(seen.begin(), seen.end());
    data.targets.push_back({int(seen.size()) - 1, 0, 1.0f});  // the row whose logits are needed
    std::vector<float> logits = model_.predict(full_, data);
    logits.resize(std::size_t(tokens_.size));
    for (const int never : {tokens_.mask, tokens_.pad})
      if (never >= 0) logits[std::size_t(never)] = -std::numeric_limits<float>::infinity();
    const int id = choose(logits);
    if (id == tokens_.end_of_text) return std::nullopt;
    ids_.push_back(id);
    // Decodes everything after the prompt, because the text of a token may depend on the token before it.
    const auto text = std::visit([&](const auto& t) { return t.decode(std::span(ids_).subspan(prompt_)); }, tokenizer_);
    return text.substr(std::exchange(written_, text.size()));
  }

 private:
  raptr::any_tokenizer tokenizer_;
  raptr::vocabulary tokens_;
  raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model_;
  raptr::step_plan full_;
  std::vector<std::int32_t> ids_;
  std::size_t prompt_ = 0, written_ = 0;  // ids of the prompt; bytes that next() has returned
};

/// The tokenizer of the run whose folder holds `checkpoint`; "bytes" if there is no such run.
std::string tokenizer_of_run(const std::filesystem::path& checkpoint) {
  const auto file = std::filesystem::absolute(checkpoint).lexically_normal().parent_path().parent_path() / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return "bytes";
  const raptr::json config = raptr::read_json(file);
  if (!config.is_object() || !config.contains("options")) return "bytes";
  return raptr::bytes_from_json(raptr::json_member<raptr::json>(config["options"], "tokenizer", file), file);
}

}  // namespace

std::unique_ptr<writer> make_writer(const std::filesystem::path& checkpoint, std::string tokenizer_name, int threads) {
  raptr::verify_folder(checkpoint);
  const auto file = checkpoint / "config.json";
  const raptr::json config = raptr::read_json(file);
  const auto shape = raptr::shape_from_json(config, file);
  const auto objective = raptr::json_member<std::string>(config["raptr"], "objective", file);
  if (objective != raptr::causal_lm::name) errors::model_does_not_continue(checkpoint, objective);
  if (tokenizer_name.empty()) tokenizer_name = tokenizer_of_run(checkpoint);
  auto tokenizer = tokenizer_named(tokenizer_name);
  const raptr::vocabulary ids = vocabulary_of(tokenizer);
  if (shape.vocab < ids.size) errors::model_has_another_vocabulary(checkpoint, shape.vocab, raptr::shown(tokenizer_name), ids.size);
  if (config.contains("eos_token_id"))
    if (const auto end = raptr::json_member<std::int64_t>(config, "eos_token_id", file); end != ids.end_of_text)
      errors::model_has_another_end_of_text(checkpoint, end, raptr::shown(tokenizer_name), ids.end_of_text);
  auto model = std::make_unique<model_writer>(shape, std::move(tokenizer), threads);
  model->load(checkpoint);
  return model;
}

}  // namespace program
