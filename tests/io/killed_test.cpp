// SPDX-License-Identifier: Apache-2.0
// A writer that is killed at each of its system calls in turn, and one for which each call on files fails in turn.
#include <doctest/doctest.h>

#include <raptr/checkpoint/retention.hpp>

#include "scratch_folder.hpp"
#include "system_call_faults.hpp"

#if defined(__linux__) && defined(__x86_64__)

using namespace raptr::testing;

namespace {

const fault_plan io_error{fault::error, EIO, file_calls};

int save(const std::filesystem::path& parent, std::int64_t step, const std::string& text) {
  try {
    raptr::atomic_folder to(parent / raptr::step_name(step));
    to.write("state.json", text);
    to.write("more", std::string(5000, 'x'));
    to.commit();
    raptr::remove_old_steps(parent, step, {.last = 2});
    return 0;
  } catch (const raptr::file_error&) {
    return 3;
  }
}

/// For every n: makes steps 1 and 2, then saves `step` while call n meets the fault; a good checkpoint is there always.
void survives(std::int64_t step, const fault_plan& plan) {
  int told = 0, n = 1;
  for (; n < 2000; ++n) {
    const scratch_folder in;
    for (const std::int64_t before : {1, 2}) save(in.path(), before, "old");
    const auto ended = with_fault(n, plan, [&] { return save(in.path(), step, "new"); });
    if (!ended.traced) {
      MESSAGE("processes cannot be traced here: nothing was tested");
      return;
    }
    bool torn = false;
    const auto newest = raptr::newest_good(in.path(), [&](const raptr::step_folder&, const std::string&) { torn = true; });
    REQUIRE_MESSAGE(newest, "no checkpoint after call " << n);
    REQUIRE_MESSAGE(newest->step >= 2, "an interval more was lost at call " << n);
    REQUIRE_MESSAGE(!torn, "a torn checkpoint had a name after call " << n);
    const auto text = raptr::read_file(newest->path / "state.json");
    REQUIRE((text == "new" || text == "old"));
    if (ended.code == 0)
      REQUIRE_MESSAGE((newest->step == step && text == "new" && fault_of_order(ended.calls).empty()), "success was claimed at call " << n);
    REQUIRE((ended.code == 0 || ended.code == 3 || (plan.what == fault::killed && ended.code == -1)));
    told += ended.code == 3 ? 1 : 0;
    raptr::remove_partials(in.path());
    for (const auto& entry : std::filesystem::directory_iterator(in.path())) REQUIRE(raptr::step_of_name(entry.path().filename().native()));
    if (!ended.reached) break;
  }
  CHECK(n > 20);
  CHECK(n < 2000);
  if (plan.what == fault::error) CHECK(told > 10);
}

}  // namespace

TEST_CASE("all is flushed to disk before the name appears, and the name itself after it") {
  const scratch_folder in;
  const auto ended = with_fault(no_call, {}, [&] {
    raptr::atomic_folder to(in / "step");
    for (const char* name : {"a", "b", "c"}) to.write(name, "text");
    to.commit();
    return 0;
  });
  if (!ended.traced) return;
  REQUIRE(ended.code == 0);
  auto calls = ended.calls;
  CHECK(fault_of_order(calls) == "");
  const auto count = [&](long number) { return std::ranges::count(calls, number, &system_call::number); };
  CHECK(count(SYS_write) == 4);
  CHECK(count(SYS_fsync) == 6);  // three files, the manifest, the folder, the folder above
  CHECK(count(SYS_rename) == 1);
  // Without any one of the flushes the order would be wrong.
  for (std::size_t k = 0; k < calls.size(); ++k) {
    if (calls[k].number != SYS_fsync) continue;
    calls[k].number = SYS_getpid;
    CHECK(fault_of_order(calls) != "");
    calls[k].number = SYS_fsync;
  }
}

TEST_CASE("killed at any system call, a writer leaves a good checkpoint") { survives(3, {}); }
TEST_CASE("killed at any system call while it replaces a checkpoint, a writer leaves a good one") { survives(2, {}); }
TEST_CASE("an I/O error of any call is told, or does no harm") { survives(3, io_error); }
TEST_CASE("an I/O error of any call is told while a checkpoint is replaced, or does no harm") { survives(2, io_error); }

TEST_CASE("a file that ends before its size while it is read is an error") {
  const scratch_folder in;
  raptr::write_file(in / "a", std::string(5000, 'x'));
  const fault_plan end_of_file{fault::error, 0, {SYS_read}};
  const auto code = [&](int chosen) {
    return with_fault(chosen, end_of_file, [&] {
      const auto said = sentence_of([&] { (void)raptr::read_file(in / "a"); });
      return said == "nothing was thrown" ? 0 : has(said, "/a became shorter while it was read: it had 5000 bytes, and ends after 0") ? 3 : 1;
    });
  };
  const auto cut = code(1), whole = code(no_call);
  if (!cut.traced) {
    MESSAGE("processes cannot be traced here: nothing was tested");
    return;
  }
  CHECK(cut.reached);
  CHECK(cut.code == 3);
  CHECK(whole.code == 0);
}

#endif
