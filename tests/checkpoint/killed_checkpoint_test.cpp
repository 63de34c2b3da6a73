// SPDX-License-Identifier: Apache-2.0
// save_checkpoint() of a trainer, with the removal of old checkpoints behind it: killed at each of its system calls and in
// the middle of each write; an error of each call on files; writes that take half. Whatever happens, load_checkpoint()
// finds the new state or the one before, bit for bit, and the next process saves as if nothing had been.
#include <doctest/doctest.h>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/checkpoint/retention.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"
#include "system_call_faults.hpp"

#if defined(__linux__) && defined(__x86_64__)

namespace killed_checkpoint_tests {
using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr model_shape smallest{.layers = 1, .width = 4, .heads = 1, .neurons = 4, .neuron_group = 4, .vocab = 40, .context = 4};
const token_list text(60);

/// Two checkpoints on the disk, and a trainer that is one step ahead of them.
class fixture {
 public:
  fixture() {
    std::filesystem::create_directory(before());
    run_options options{.steps = 3, .batch = 1, .save_every = 1};
    options.save = [&] {
      states_.push_back(run_.state());
      if (run_.trainer.done().step < 3) save_checkpoint(before() / step_name(run_.trainer.done().step), run_.trainer, text.vocabulary());
    };
    run_.trainer.run(text, options);
  }
  /// Runs the save of the state of step 3 as step `step`, 2 or 3, with the fault, and checks all that is promised.
  traced_run save_with(int chosen, const fault_plan& plan, std::int64_t step) {
    std::filesystem::remove_all(now());
    std::filesystem::copy(before(), now(), std::filesystem::copy_options::recursive);
    const traced_run ended = with_fault(chosen, plan, [&] { return save(step); });
    if (!ended.traced) return ended;
    CAPTURE(chosen);
    const auto loaded = load();
    const bool killed = plan.what == fault::killed || plan.what == fault::killed_in_write;
    REQUIRE((ended.code == 0 || ended.code == 3 || (killed && ended.code == -1)));
    const bool is_new = loaded == std::pair(step, states_[2]), is_old = loaded == std::pair(std::int64_t{2}, states_[1]);
    REQUIRE((is_new || is_old));
    if (ended.code == 0) {  // claimed only for what is on the disk, and for no flush that failed
      REQUIRE(is_new);
      REQUIRE(fault_of_order(ended.calls) == "");
    }
    (is_new ? new_ : old_) += 1;
    if (ended.code == 3) ++told_;
    // The next process goes on.
    remove_partials(now());
    REQUIRE(save(3) == 0);
    REQUIRE(load() == std::pair(std::int64_t{3}, states_[2]));
    REQUIRE(steps() == std::vector<std::int64_t>{3, 2});
    return ended;
  }
  /// Each call in turn. Answers how many there were.
  int each_call(const fault_plan& plan, std::int64_t step) {
    old_ = new_ = told_ = 0;
    for (int n = 1;; ++n) {
      const traced_run ended = save_with(n, plan, step);
      if (!ended.traced) {
        MESSAGE("processes cannot be traced here: nothing was tested");
        return -1;
      }
      if (!ended.reached) return n - 1;
    }
  }
  std::filesystem::path before() const { return folder_ / "before"; }
  std::filesystem::path now() const { return folder_ / "now"; }
  int with_new() const { return new_; }
  int with_old() const { return old_; }
  int told() const { return told_; }

 private:
  int save(std::int64_t step) {
    try {
      save_checkpoint(now() / step_name(step), run_.trainer, text.vocabulary());
      remove_old_steps(now(), step, {.last = 2});
      return 0;
    } catch (const file_error&) {
      return 3;
    }
  }
  std::pair<std::int64_t, std::vector<double>> load() {
    bool torn = false;
    const auto newest = newest_good(now(), [&](const step_folder&, const std::string&) { torn = true; });
    REQUIRE(newest);
    REQUIRE_FALSE(torn);
    load_checkpoint(newest->path, loaded_.trainer);
    return {newest->step, loaded_.state()};
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> found;
    for (const auto& entry : std::filesystem::directory_iterator(now())) found.push_back(step_of_name(entry.path().filename().native()).value_or(-1));
    std::ranges::sort(found, std::greater{});
    return found;
  }

  scratch_folder folder_;
  small_run<host_device> run_{"full", dropped_update::frozen, {.lr = 1e-2}, smallest},
      loaded_{"full", dropped_update::frozen, {.lr = 1e-2}, smallest};
  std::vector<std::vector<double>> states_;
  int old_ = 0, new_ = 0, told_ = 0;
};

}  // namespace

TEST_CASE("A trainer's checkpoint is on the disk before it has its name, its name before an old one goes") {
  fixture at;
  for (const std::int64_t step : {3, 2}) {
    const traced_run ended = at.save_with(no_call, {}, step);
    if (!ended.traced) return;
    CHECK(ended.code == 0);
    CHECK(fault_of_order(ended.calls) == "");
    CHECK(std::ranges::count(ended.calls, SYS_write, &system_call::number) > 50);
  }
}

TEST_CASE("Killed at any system call, a trainer's save leaves the new state or the one before") {
  fixture at;
  for (const std::int64_t step : {3, 2}) {
    const int calls = at.each_call({}, step);
    if (calls < 0) return;
    MESSAGE(calls << " kill points, step " << step << ": " << at.with_old() << " with the old state, " << at.with_new() << " with the new one");
    CHECK(calls > 120);
    CHECK(at.with_old() > 70);  // up to the rename
    CHECK(at.with_new() > 30);
  }
}

TEST_CASE("Killed in the middle of any write, a trainer's save leaves the state before") {
  fixture at;
  const int calls = at.each_call({.what = fault::killed_in_write}, 3);
  if (calls < 0) return;
  MESSAGE(calls << " kill points");
  CHECK(calls > 50);
  CHECK(at.with_new() == 1);  // when no write was left to be chosen
}

TEST_CASE("An I/O error or a full disk at any call is told, or does no harm") {
  fixture at;
  for (const int code : {EIO, ENOSPC})
    for (const std::int64_t step : {3, 2}) {
      const int calls = at.each_call({fault::error, code, code == EIO ? file_calls : growing_calls}, step);
      if (calls < 0) return;
      MESSAGE(calls << " calls that fail, step " << step << ": " << at.told() << " told");
      CHECK(calls > 70);
      CHECK(at.told() > 60);
    }
}

TEST_CASE("A write that takes half of its bytes is continued, and so are all of them") {
  fixture at;
  const int calls = at.each_call({.what = fault::half_write}, 3);
  if (calls < 0) return;
  MESSAGE(calls << " short writes");
  CHECK(calls > 50);
  CHECK(at.with_old() == 0);
  CHECK(at.told() == 0);
  const traced_run ended = at.save_with(every_call, {.what = fault::half_write}, 3);
  CHECK(ended.code == 0);
  CHECK(std::ranges::count(ended.calls, SYS_write, &system_call::number) > 300);
}

TEST_CASE("A call that a signal interrupts is made again") {
  fixture at;
  int interrupted = 0;
  for (const long call : {SYS_write, SYS_fsync, SYS_close, SYS_pread64, SYS_read}) {
    const int calls = at.each_call({fault::error, EINTR, {call}}, 3);
    if (calls < 0) return;
    interrupted += calls;
    CHECK(at.told() == 0);
    CHECK(at.with_old() == 0);
  }
  MESSAGE(interrupted << " interrupted calls");
  CHECK(interrupted > 80);
}

#endif

}  // namespace killed_checkpoint_tests
