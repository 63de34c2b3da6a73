// SPDX-License-Identifier: Apache-2.0
// A writer that is killed at each of its system calls in turn, and one for which each call on files fails in turn.
#include <doctest/doctest.h>

#include <raptr/io/steps.hpp>

#include "scratch_folder.hpp"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace {

constexpr std::array file_calls{SYS_openat, SYS_write, SYS_fsync,   SYS_close,      SYS_rename,   SYS_renameat2, SYS_mkdir,  SYS_flock,
                                SYS_fstat,  SYS_read,  SYS_pread64, SYS_newfstatat, SYS_unlinkat, SYS_rmdir,     SYS_unlink, SYS_getdents64};

enum class fault { killed, io_error };
struct outcome {
  bool reached = false;  // the chosen call was made
  int code = -1;         // the exit code; -1 when killed
  bool traced = true;
  std::vector<long> calls = {};
};

/// Runs `work` in a child process; its `chosen`-th system call, from 1 on and of file_calls only for io_error, meets `what`.
outcome with_fault(int chosen, fault what, const std::function<int()>& work) {
  outcome result;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(77);
    ::raise(SIGSTOP);
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) {
    result.traced = false;
    return result;
  }
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, reinterpret_cast<void*>(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
  int count = 0;
  bool entering = true, failing = false;
  for (int signal = 0;;) {
    if (::ptrace(PTRACE_SYSCALL, child, nullptr, reinterpret_cast<void*>(static_cast<std::intptr_t>(signal))) != 0)
      signal = 0;  // killed already: wait for its end
    if (::waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) break;
    signal = WSTOPSIG(status);
    if (signal != (SIGTRAP | 0x80)) continue;
    signal = 0;
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
    if (entering) {
      const auto number = static_cast<long>(registers.orig_rax);
      result.calls.push_back(number);
      const bool counts = what == fault::killed || std::ranges::find(file_calls, number) != file_calls.end();
      if (counts && ++count == chosen) {
        result.reached = true;
        if (what == fault::killed) {
          ::kill(child, SIGKILL);
        } else {
          registers.orig_rax = ~0ULL;  // no call at all
          ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
          failing = true;
        }
      }
    } else if (failing) {
      registers.rax = static_cast<unsigned long long>(-EIO);
      ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      failing = false;
    }
    entering = !entering;
  }
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

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

/// For every n: makes steps 1 and 2, then saves `step` while call n meets `what`; a good checkpoint is there always.
void every_call(std::int64_t step, fault what) {
  int told = 0, n = 1;
  for (; n < 2000; ++n) {
    const scratch_folder in;
    for (const std::int64_t before : {1, 2}) save(in.path(), before, "old");
    const auto ended = with_fault(n, what, [&] { return save(in.path(), step, "new"); });
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
    if (ended.code == 0) REQUIRE_MESSAGE((newest->step == step && text == "new"), "success was claimed at call " << n);
    REQUIRE((ended.code == 0 || ended.code == 3 || (what == fault::killed && ended.code == -1)));
    told += ended.code == 3 ? 1 : 0;
    raptr::remove_partial_folders(in.path());
    for (const auto& entry : std::filesystem::directory_iterator(in.path())) REQUIRE(raptr::step_of_name(entry.path().filename().native()));
    if (!ended.reached) break;
  }
  CHECK(n > 20);
  CHECK(n < 2000);
  if (what == fault::io_error) CHECK(told > 10);
}

}  // namespace

TEST_CASE("all is flushed to disk before the name appears, and the name itself after it") {
  const scratch_folder in;
  const auto ended = with_fault(0, fault::killed, [&] {
    raptr::atomic_folder to(in / "step");
    for (const char* name : {"a", "b", "c"}) to.write(name, "text");
    to.commit();
    return 0;
  });
  if (!ended.traced) return;
  REQUIRE(ended.code == 0);
  const auto& calls = ended.calls;
  const auto renamed = std::ranges::find(calls, SYS_rename);
  REQUIRE(renamed != calls.end());
  CHECK(std::count(calls.begin(), renamed, SYS_write) == 4);
  CHECK(std::count(calls.begin(), renamed, SYS_fsync) == 5);  // three files, the manifest, the folder
  CHECK(std::count(renamed, calls.end(), SYS_fsync) == 1);    // the folder above
  CHECK(std::count(renamed, calls.end(), SYS_write) == 0);
  const auto last_write = std::find(std::make_reverse_iterator(renamed), calls.rend(), SYS_write).base();
  CHECK(std::count(last_write, renamed, SYS_fsync) == 2);
}

TEST_CASE("killed at any system call, a writer leaves a good checkpoint") { every_call(3, fault::killed); }
TEST_CASE("killed at any system call while it replaces a checkpoint, a writer leaves a good one") { every_call(2, fault::killed); }
TEST_CASE("an I/O error of any call is told, or does no harm") { every_call(3, fault::io_error); }
TEST_CASE("an I/O error of any call is told while a checkpoint is replaced, or does no harm") { every_call(2, fault::io_error); }

#endif
