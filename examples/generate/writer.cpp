// SPDX-License-Identifier: Apache-2.0
#include "writer.hpp"

#include <raptr/backend/cpu.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/text/byte_tokenizer.hpp>
#include <raptr/train/checkpoint.hpp>

namespace program {

namespace errors {
[[noreturn]] static void model_does_not_continue(const std::filesystem::path& folder, const std::string& objective) {
  raptr::fail(raptr::shown(folder) + " holds a model of the objective " + raptr::shown(objective) +
              ", which fills gaps and cannot continue a text: give one that was trained with --objective causal_lm");
}
[[noreturn]] static void model_has_another_vocabulary(const std::filesystem::path& folder, int rows, int size) {
  raptr::fail(raptr::shown(folder) + " holds a model with " + std::to_string(rows) + " rows of embedding, but bytes need " + std::to_string(size) +
              ": it was trained with another tokenizer");
}
}  // namespace errors

namespace {

class byte_writer final : public writer {
 public:
  byte_writer(const raptr::model_shape& shape, int threads)
      : model_(shape, {.threads = threads}), full_(raptr::step_plan::full(model_.plan_layout())) {}
  void load(const std::filesystem::path& folder) {
    raptr::load_weights(folder, model_);
    model_.begin(full_, false);
  }

  int context() const override { return model_.shape().context; }
  void begin(std::string_view text) override {
    ids_.clear();
    raptr::byte_tokenizer::encode(text, ids_);
    if (ids_.empty()) ids_.push_back(tokens.end_of_text);
  }
  std::optional<std::string> next(const std::function<int(std::span<const float>)>& choose) override {
    const auto seen = std::span(ids_).last((std::min)(ids_.size(), std::size_t(context())));
    raptr::batch data;
    data.add_segment(int(seen.size()), 0);
    data.ids.assign(seen.begin(), seen.end());
    data.targets.push_back({int(seen.size()) - 1, 0, 1.0f});  // the row whose logits are wanted
    std::vector<float> logits = model_.predict(full_, data);
    logits.resize(std::size_t(tokens.size));
    for (const int never : {tokens.mask, tokens.pad}) logits[std::size_t(never)] = -std::numeric_limits<float>::infinity();
    const int id = choose(logits);
    if (id == tokens.end_of_text) return std::nullopt;
    ids_.push_back(id);
    return raptr::byte_tokenizer::decode(std::span(&ids_.back(), 1));
  }

 private:
  static constexpr raptr::vocabulary tokens = raptr::byte_tokenizer::vocabulary();

  raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model_;
  raptr::step_plan full_;
  std::vector<std::int32_t> ids_;
};

}  // namespace

std::unique_ptr<writer> make_writer(const std::filesystem::path& checkpoint, int threads) {
  raptr::verify_folder(checkpoint);
  const auto file = checkpoint / "config.json";
  const raptr::json config = raptr::read_json(file);
  const auto shape = raptr::shape_from_json(config, file);
  const auto objective = raptr::json_member<std::string>(config["raptr"], "objective", file);
  if (objective != raptr::causal_lm::name) errors::model_does_not_continue(checkpoint, objective);
  if (const int size = raptr::byte_tokenizer::vocabulary().size; shape.vocab < size)
    errors::model_has_another_vocabulary(checkpoint, shape.vocab, size);
  auto model = std::make_unique<byte_writer>(shape, threads);
  model->load(checkpoint);
  return model;
}

}  // namespace program
