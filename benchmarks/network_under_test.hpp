// SPDX-License-Identifier: Apache-2.0
// The network that step_bench trains, on any device. Each device is compiled by itself, and one of them in a library of its own, so the
// program sees an interface alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/tokenizers/vocabulary.hpp>
#include <raptr/train/step_cost.hpp>

#include "share_variants.hpp"

namespace raptr::benchmarks {

/// The state shared by the variants of a shape: they must run on the same memory.
class network_under_test {
 public:
  virtual ~network_under_test() = default;
  virtual void train(const variant& what) = 0;
  virtual const step_plan& plan() const = 0;
  virtual std::size_t activation_peak() const = 0;
  virtual pass_needs needs() = 0;
};
struct bench_device {
  std::string suffix;  // of the name of a shape
  std::unique_ptr<network_under_test> (*make)(const bench_shape&, int threads);
};
/// Another device to time. In the program itself, for all libraries.
[[gnu::visibility("default")]] void add_device(const bench_device& device);

template <class Device> class network_on : public network_under_test {
 public:
  network_on(const bench_shape& of, int threads)
      : model_(of.shape, {.threads = threads}), rule_(model_, adamw{}), plan_(model_.plan_layout(of.sequences)) {
    const auto draw = random_key{1}.stream("benchmark");
    std::vector<std::int32_t> window(static_cast<std::size_t>(causal_lm::window(of.shape.context)));
    for (int s = 0; s < of.sequences; ++s) {
      for (std::size_t i = 0; i < window.size(); ++i)
        window[i] =
            static_cast<std::int32_t>(draw.below(static_cast<std::uint64_t>(of.shape.vocab), static_cast<std::uint64_t>(s) * window.size() + i));
      model_.objective().add(data_, window, vocabulary{.size = of.shape.vocab}, 1, s);
    }
    data_.normaliser = data_.target_weight();
    model_.initialise(1);
  }
  void train(const variant& what) override {
    what.write(plan_, step_++);
    model_.begin(plan_);
    model_.accumulate(plan_, data_);
    rule_.step(model_, 1e-4, 1.0);
  }
  const step_plan& plan() const override { return plan_; }
  std::size_t activation_peak() const override { return model_.activation_peak(); }
  pass_needs needs() override { return model_.needs(plan_, data_); }

 private:
  transformer<gpt2_block, causal_lm, Device> model_;
  optimizer<adamw, transformer<gpt2_block, causal_lm, Device>> rule_;
  batch data_;
  step_plan plan_;
  std::uint64_t step_ = 0;
};
template <class Device> std::unique_ptr<network_under_test> make_network_on(const bench_shape& shape, int threads) {
  return std::make_unique<network_on<Device>>(shape, threads);
}

}  // namespace raptr::benchmarks
