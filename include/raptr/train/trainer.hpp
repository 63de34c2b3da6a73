// SPDX-License-Identifier: Apache-2.0
// The training loop: draw a plan, run its micro-batches, update the weights, report. All inputs of a step are functions of its
// number, so a resumed run needs only weights, moments, counts and that number. Results are asynchronous: the report of a step
// is delivered while the next one runs, or before validation, a checkpoint or the end of the run. Ranks divide the sequences of every
// micro-batch and add up their gradients, those of a block while the backward pass goes on.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <raptr/data/windows.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/schedule/check.hpp>
#include <raptr/schedule/check_growth.hpp>
#include <raptr/train/agreement.hpp>
#include <raptr/train/drawn_plans.hpp>
#include <raptr/train/inspection.hpp>
#include <raptr/train/loss_of.hpp>
#include <raptr/train/run_facts.hpp>
#include <raptr/train/step_batches.hpp>
#include <raptr/train/step_cost.hpp>
#include <raptr/train/step_outcome.hpp>
#include <raptr/train/trainable_model.hpp>
#include <raptr/train/trainer_policies.hpp>

namespace raptr {

/// Policies: an optimizer, and optionally a learning-rate rule, update_options and a communicator, in any order.
template <class Model, class Schedule, class... Policies> class trainer {
  static_assert(trainable_model<Model>,
                "raptr: the first argument of trainer is a model, moved into it: "
                "raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu>");
  static_assert(subnet_schedule<Schedule>,
                "raptr: the second argument of trainer is a schedule: raptr::schedule<...>{}, raptr::any_schedule(text), or your own "
                "type with at(raptr::run_position)");
  using policies = policies_of_trainer<Policies...>;  // has its own messages
  using Optimizer = typename policies::optimizer;
  using Rate = typename policies::rate;
  using Comm = typename policies::communicator;
  using block = typename Model::block;
  using objective_type = typename Model::objective_type;
  static_assert(std::is_empty_v<require_fitting_scales<Schedule, block::residual::norm_first>>);  // has its own message
  static_assert(std::is_empty_v<require_stages_of_growth<Schedule>>);

 public:
  /// A communicator is referred to: it must outlive the trainer.
  template <class... Given>
  requires(policy_among<Given, Policies...>&&...) trainer(Model model, Schedule schedule, Given&&... given_policies)
      : model_(std::move(model)),
        schedule_(std::move(schedule)),
        rate_(given<Rate>(given_policies...)),
        updates_(given<update_options>(given_policies...)),
        optimizer_(model_, given<Optimizer>(given_policies...), updates_.dropped, owner_in(updates_, *given_communicator<Comm>(given_policies...))),
        comm_(given_communicator<Comm>(given_policies...)) {
    set_done({});
  }

  Model& model() { return model_; }
  const Model& model() const { return model_; }
  const Schedule& schedule() const { return schedule_; }
  raptr::optimizer<Optimizer, Model>& optimizer() { return optimizer_; }
  const raptr::optimizer<Optimizer, Model>& optimizer() const { return optimizer_; }
  /// That of a step: the optimizer's, times the factor of the rule. For weights of blocks if now.depth_share is above 0.
  double learning_rate(const run_position& now) const { return optimizer_.rule().lr * rate_(now); }
  /// Steps done, and how many of the last ones were skipped as not finite. Together with weights, moments and counts, the complete
  /// state of a run.
  struct progress {
    std::int64_t step = 0;
    int nonfinite_in_a_row = 0;
    unit_set existing{};       // blocks, at the last of these steps; all before the first step
    bool stage_begun = false;  // the copies and resets at the border before the next step are done, for a step that was abandoned
  };
  const progress& done() const { return done_; }
  void set_done(const progress& p) {
    done_ = p;
    if (p.existing.empty()) done_.existing = unit_set::first(model_.shape().layers);
  }

  /// Trains from the current state up to options.steps. Every observer is called with each step_report, in order. A model without
  /// weights is initialised from the seed. Returns whether the run reached its end. On a stop request validation ends, and the report has
  /// no validation loss.
  ///
  /// Throws input_error before the first step if options, schedule, text and model do not fit; training_error after
  /// options.max_nonfinite skipped steps in a row.
  template <class Tokens, class... Observers> bool run(const Tokens& tokens, const run_options& options, Observers&&... observers) {
    static_assert(token_source<Tokens>,
                  "raptr: the first argument of run() is a raptr::token_source, such as a raptr::token_stream: "
                  "it needs size(), read(first, span) and vocabulary()");
    static_assert((std::invocable<Observers&, const step_report&> && ...),
                  "raptr: an observer is called with a raptr::step_report: [](const raptr::step_report& now) { ... }");
    try {
      return run_steps(tokens, options, observers...);
    } catch (const std::exception& e) {
      comm_->end_all(e.what());
      throw;
    }
  }
  /// The hook of every step, called after its backward pass and before its update; see inspection. An empty function removes it.
  void inspect(std::function<void(const inspection<Model>&)> look) { look_ = std::move(look); }

  /// Mean loss of the full network (of the existing blocks, if it grows) over the first `most` windows (0: all) of a text, in its
  /// order. Masks are drawn from `seed`, the same at every call. Call it only between two steps, and on every rank. Throws stopped on a request.
  template <class Tokens>
  mean_loss evaluate(const Tokens& tokens, int batch_size, std::int64_t most = 0, std::uint64_t seed = 0, const std::stop_token& stop = {}) {
    return loss_of(model_, *comm_, step_plan::of_blocks(model_.plan_layout(), done_.existing), tokens, batch_size, most, seed, stop);
  }
  /// The same of the subnetwork of a plan, with its factors: step_plan::of_blocks(model().plan_layout(), unit_set::first(6)) for the
  /// first six blocks. Throws input_error if the plan is not valid for this network, has a block that does not exist yet, or drops
  /// sequences.
  template <class Tokens> mean_loss evaluate(const Tokens& tokens, const step_plan& plan, int batch_size, std::int64_t most = 0,
                                             std::uint64_t seed = 0, const std::stop_token& stop = {}) {
    check_blocks_exist(plan, done_.existing, done_.step);
    return loss_of(model_, *comm_, plan, tokens, batch_size, most, seed, stop);
  }

 private:
  using clock = std::chrono::steady_clock;
  struct pending_step {
    step_report report;
    ticket wait = 0;  // 0: the results have arrived
    clock::time_point end{};
    std::size_t slot = 0;
  };

  template <class Tokens, class... Observers> bool run_steps(const Tokens& tokens, const run_options& options, Observers&... observers) {
    options.check();
    check_rates(optimizer_.rule());
    if (options.batch < comm_->ranks()) errors::batch_has_fewer_sequences_than_ranks(options.batch, comm_->ranks());
    if (done_.step > options.steps) errors::run_is_over(done_.step, options.steps);
    const network_layout layout = model_.plan_layout(options.batch * options.accumulate);
    check_schedule(schedule_, layout, options.steps, block::residual::norm_first);
    check_growth(schedule_, layout, options.steps, options.seed, options.allow_shrinking);
    if (options.rank_plans != plans_of_ranks::shared) check_equal_parts(schedule_, layout, options.steps);
    if (tokens.vocabulary().size > model_.shape().vocab)
      errors::tokenizer_is_larger_than_the_vocabulary(tokens.vocabulary().size, model_.shape().vocab);
    windows<Tokens, objective_type> cut(tokens, model_.objective(), model_.shape().context);
    sample_order order(cut.count(), options.seed);
    if (!model_.initialised()) model_.initialise(options.seed);

    drawn_plans plans(layout, options.rank_plans, comm_->rank(), comm_->ranks());
    step_batches batches(options.accumulate);
    check_ranks(*comm_, model_, optimizer_, tokens, options, done_.step, at("comparison of the ranks"));
    std::optional<pending_step> before;
    clock::time_point last_end = clock::now();
    const auto deliver = [&](pending_step& p) {
      if (p.wait) model_.ops().wait(p.wait), p.end = clock::now();
      if constexpr (requires { comm_->check(); }) comm_->check();  // results after a sum that has failed are void
      p.report.seconds = std::chrono::duration<double>(p.end - last_end).count();
      last_end = p.end;
      read(p, options.clip);
    };
    const auto notify = [&](const step_report& report) {
      (observers(report), ...);
      if (done_.nonfinite_in_a_row >= options.max_nonfinite)
        errors::too_many_nonfinite_steps(report.step + 1, done_.nonfinite_in_a_row, report.nonfinite);
    };

    while (done_.step < options.steps) {
      if (before && done_.nonfinite_in_a_row + 1 >= options.max_nonfinite) {  // the next step must not run if this one ends the run
        deliver(*before), notify(before->report);
        before.reset();
      }
      std::optional<pending_step> now = enqueue(cut, order, options, plans, batches);
      done_.step += now.has_value();
      if (before) deliver(*before), notify(before->report);
      before = std::move(now);
      if (!before) {  // abandoned
        if (options.save) save(options);
        return false;
      }

      const bool last = done_.step == options.steps;
      const bool validates = options.validate && due(options.validate_every, last && options.validate_every > 0);
      const bool saves = options.save && (due(options.save_every, last) || due(options.also_save_every, false));
      if (!validates && !saves && !last && !stops(options)) continue;
      deliver(*before);
      const bool measured = !validates || validated(options, before->report);
      notify(before->report);
      before.reset();
      if (saves) save(options);
      last_end = clock::now(), slow_ = true;
      if (!stops(options) || (last && measured)) continue;
      if (options.save && !saves) save(options);
      return false;
    }
    return true;
  }
  static bool validated(const run_options& options, step_report& report) {
    try {
      mean_loss measured = options.validate();
      report.validation_loss = measured.loss, report.validation_losses = std::move(measured.groups);
      return true;
    } catch (const stopped&) {
      return false;
    }
  }
  // Several ranks must end at the same step: total_of_ranks() hears requests.
  bool stops(const run_options& options) const { return comm_->ranks() == 1 && options.stop.stop_requested(); }
  comm_operation at(std::string_view what) const { return {.name = what, .step = done_.step, .may_be_slow = slow_}; }
  /// Rank 0 saves, and the others wait.
  void save(const run_options& options) {
    const comm_operation at{.name = "checkpoint", .step = done_.step, .may_be_slow = true};
    optimizer_.gather_moments(model_, *comm_, at);
    if (comm_->rank() == 0) options.save();
    if (comm_->ranks() > 1) summed_over_ranks(*comm_, {0}, at);
  }
  /// nullopt: a stop request has abandoned the step, which then has changed nothing but what begin_stage() does.
  template <class Windows>
  std::optional<pending_step> enqueue(Windows& cut, sample_order& order, const run_options& options, drawn_plans& plans, step_batches& batches) {
    pending_step p;
    step_report& r = p.report;
    static_cast<run_position&>(r) = position_at(schedule_, done_.step, options.steps, model_.shape());
    plans.draw(schedule_, draw_key{options.seed, static_cast<std::uint64_t>(done_.step)}, options.steps);
    const step_plan& plan = plans.own();
    begin_stage(r);
    plans.check_exist(done_.existing, r.step);
    r.losses = empty_groups(groups_of(model_.objective()));
    const std::uint64_t sent = comm_->bytes_sent();
    double weight = batches.fill(cut, order, options, r, comm_->rank(), comm_->ranks());
    const bool passes = weight > 0;  // on this rank
    if (comm_->ranks() > 1) {
      const auto weights = weights_of_ranks(*comm_, plans.fingerprint(), r, weight, options.stop.stop_requested(), at("start"));
      if (!weights) return std::nullopt;
      weight = plans.merge(*weights);
    }
    const clock::time_point start = clock::now();
    const auto seconds = [&](std::ptrdiff_t done) {  // of the whole step, by its first micro-batches
      return std::chrono::duration<double>(clock::now() - start).count() * double(options.accumulate) / double(done);
    };
    plans.begin(model_);
    for (batch& b : batches.list()) {
      const std::ptrdiff_t done = &b - batches.list().data();
      if (done > 0 && stops(options) && seconds(done) > options.finish_within) return std::nullopt;
      b.normaliser = weight;
      if (done + 1 == options.accumulate && comm_->ranks() > 1 && weight > 0)
        accumulate_over_ranks(model_, optimizer_, *comm_, plan, b, at({}));
      else if (!b.targets.empty())
        model_.accumulate(plan, b);
    }
    slow_ = done_.stage_begun = false;
    set_rates(r, plan.layout());
    r.active = active_shares(plan), r.active_blocks = plan.size();
    if (look_) look_({model_, r, plan, passes});
    if (weight > 0) {
      if (!usable_rate(r.learning_rate) || !usable_rate(r.block_learning_rate)) r.nonfinite = "learning rate";
      optimizer_.step(model_, rates_of_step{r.learning_rate, r.block_learning_rate}, options.clip, *comm_, at({}));
    }
    r.bytes_sent = comm_->bytes_sent() - sent;
    const step_size size{r.tokens, r.targets, Model::head::flops_per_target(model_.shape()), double(model_.active().size), Optimizer::flops};
    const step_cost cost = cost_of(block_flops_of(plan), size, model_.shape());
    r.block_flops = cost.blocks, r.total_flops = cost.total;
    p.slot = static_cast<std::size_t>(done_.step % 2);
    results_[p.slot].resize(model_.results_size());
    p.wait = model_.ops().fetch(results_[p.slot].data(), static_cast<const double*>(model_.results_data()), model_.results_size());
    p.end = clock::now();
    return p;
  }
  /// At a stage boundary: applies updates_.at_borders and copies blocks. Depends on the step alone, so a run resumed at a boundary
  /// does the same.
  void begin_stage(const run_position& now) {
    done_.existing = check_inside_stage(schedule_, now);
    if (now.step != now.first || now.stage == 0 || std::exchange(done_.stage_begun, true)) return;
    if (updates_.at_borders == border_state::reset) optimizer_.reset(model_);
    const std::vector<block_copy> copies = growth_of(schedule_, now);
    if (copies.empty()) return;
    model_.copy_blocks(copies);
    optimizer_.copy_blocks(model_, copies, updates_.grown);
  }
  void set_rates(step_report& r, const network_layout& layout) const {
    run_position of_blocks = r;
    of_blocks.depth_share = depth_share(schedule_.at(r), layout);
    r.learning_rate = learning_rate(r), r.block_learning_rate = learning_rate(of_blocks);
  }
  void read(pending_step& p, double clip) {
    const bool usable = read_results(model_, results_[p.slot], clip, p.report);
    done_.nonfinite_in_a_row = usable ? 0 : done_.nonfinite_in_a_row + 1;
  }
  bool due(std::int64_t every, bool last) const { return last || (every > 0 && done_.step % every == 0); }

  Model model_;
  Schedule schedule_;
  Rate rate_;
  update_options updates_;
  raptr::optimizer<Optimizer, Model> optimizer_;
  progress done_;
  Comm* comm_;
  bool slow_ = true;  // the next call to other ranks may take long: before it something else was done than a step
  std::array<std::vector<double>, 2> results_;
  std::function<void(const inspection<Model>&)> look_;
};

template <class Model, class Schedule, class... Policies>
trainer(Model, Schedule, Policies&&...) -> trainer<Model, Schedule, std::remove_cvref_t<Policies>...>;

}  // namespace raptr
