// SPDX-License-Identifier: Apache-2.0
// A canonical copy is the tensor that a checkpoint has under its name, and setting one is its inverse.
#include <doctest/doctest.h>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen.hpp>
#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/interop/eigen.hpp>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

template <class Run> void equals_its_checkpoint(Run& run) {
  using master = typename Run::master;
  run.trainer.run(text, {.steps = 3, .batch = 2});
  const scratch_folder folder;
  save_checkpoint(folder / "saved", run.trainer, text.vocabulary());
  const auto& model = run.trainer.model();
  const safetensors_reader weights(folder / "saved/model.safetensors"), moments(folder / "saved/optimizer.safetensors");
  int compared = 0;
  for (const std::string& name : canonical_names(model)) {
    const auto equal = [&](const safetensors_reader& file, const std::string& stored, const auto& copy) {
      const tensor_entry* entry = file.find(stored);
      REQUIRE(entry);
      std::vector<std::int64_t> shape{copy.rows()};
      if (entry->shape.size() > 1) shape.push_back(copy.cols());
      CHECK(shape == entry->shape);
      std::vector<master> values(std::size_t(copy.size()));
      file.read(stored, std::span<master>(values));
      CHECK(std::equal(values.begin(), values.end(), copy.data()));
    };
    equal(weights, name, canonical(model, name));
    equal(moments, name + ".exp_avg", canonical_moment(run.trainer, "exp_avg", name));
    equal(moments, name + ".exp_avg_sq", canonical_moment(run.trainer, "exp_avg_sq", name));
    ++compared;
  }
  CHECK(compared > 30);
}

}  // namespace

TEST_CASE_TEMPLATE("A canonical copy is the tensor of a checkpoint: GPT-2's, BERT's and those of a block without a family", Device, cpu, eigen) {
  small_run<Device> gpt("full");
  equals_its_checkpoint(gpt);
  CHECK(canonical(gpt.trainer.model(), "transformer.h.3.attn.c_attn.weight").rows() == 8);
  CHECK(canonical(gpt.trainer.model(), "transformer.h.3.attn.c_attn.weight").cols() == 24);
  small_run<Device, bert_block, masked_lm> bert("full");
  equals_its_checkpoint(bert);
  small_run<Device, block<gpt2_block, rms_norm, swiglu_mlp>> own("full");
  equals_its_checkpoint(own);
}

TEST_CASE_TEMPLATE("Setting every tensor by its canonical copy gives the same model, on any device", Device, cpu, eigen, reference) {
  transformer<gpt2_block, causal_lm, cpu> from(tiny);
  transformer<gpt2_block, causal_lm, Device> to(tiny);
  from.initialise(1), to.initialise(2);
  for (const std::string& name : canonical_names(from)) {
    const Eigen::MatrixXd columns = canonical(from, name).template cast<double>();
    set_canonical(to, name, columns);
  }
  const auto a = from.get_weights(), b = to.get_weights();
  for (const placed_weight& w : from.layout().all()) CHECK(std::equal(a.begin() + w.first, a.begin() + w.first + w.size(), b.begin() + w.first));
}

TEST_CASE("The rows of a head are together in a view, and apart in a file") {
  transformer<gpt2_block, causal_lm, eigen> model(tiny);  // 2 heads of width 4
  model.initialise(1);
  const auto view = weight_view(model, "block 0 attention qkv");  // head by head: query, key, value
  const auto file = canonical(model, "transformer.h.0.attn.c_attn.weight");
  for (int head = 0; head < 2; ++head)
    for (int part = 0; part < 3; ++part) CHECK(view.middleRows(head * 12 + part * 4, 4) == file.middleCols(part * 8 + head * 4, 4).transpose());
}
