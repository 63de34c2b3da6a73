// SPDX-License-Identifier: Apache-2.0
// Runs code in a traced child process, where one system call, chosen by its number, meets a fault: the process is killed in
// front of it or in the middle of a write, the call is not made and answers an error, or a write takes half of its bytes.
// The calls are recorded, so that a test can also tell what was flushed before what. Only the first thread is traced.
#pragma once

#if defined(__linux__) && defined(__x86_64__)
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace raptr::testing {

/// Calls that touch files, for errors: an error of any other call is none of a disk.
inline const std::vector<long> file_calls{SYS_openat,   SYS_write, SYS_fsync,  SYS_close,     SYS_rename,  SYS_renameat2,
                                          SYS_mkdir,    SYS_flock, SYS_fstat,  SYS_read,      SYS_pread64, SYS_newfstatat,
                                          SYS_unlinkat, SYS_rmdir, SYS_unlink, SYS_getdents64};
/// Those that a disk without room refuses.
inline const std::vector<long> growing_calls{SYS_openat, SYS_write, SYS_fsync, SYS_close, SYS_rename, SYS_renameat2, SYS_mkdir};

enum class fault { killed, killed_in_write, error, half_write };
struct fault_plan {
  fault what = fault::killed;
  int code = EIO;                // errno of `error`
  std::vector<long> among = {};  // only these calls are counted; empty: all
};

struct system_call {
  long number = 0;
  std::uint64_t first = 0, second = 0, third = 0;
  std::int64_t result = 0;  // below 0: an errno; 0 for a call that did not come back
};
struct traced_run {
  bool traced = true;    // false where processes cannot be traced: nothing was tested
  bool reached = false;  // the chosen call was made
  int code = -1;         // the exit code; -1 when killed
  std::vector<system_call> calls = {};
};

inline constexpr int no_call = 0, every_call = -1;

/// Runs `work` in a child process, which ends with its answer. chosen: which of the counted calls meets the fault, from 1
/// on, or no_call, or every_call.
inline traced_run with_fault(int chosen, const fault_plan& plan, const std::function<int()>& work) {
  traced_run result;
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
  const bool in_write = plan.what == fault::killed_in_write || plan.what == fault::half_write;
  const auto counts = [&](const system_call& call) {
    if (in_write) return call.number == SYS_write && call.third > 1;
    return plan.among.empty() || std::ranges::find(plan.among, call.number) != plan.among.end();
  };
  int count = 0;
  bool entering = true, struck = false;
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
      const system_call& call =
          result.calls.emplace_back(system_call{static_cast<long>(registers.orig_rax), registers.rdi, registers.rsi, registers.rdx, 0});
      struck = counts(call) && (++count == chosen || chosen == every_call);
      if (struck) {
        result.reached = true;
        if (plan.what == fault::killed)
          ::kill(child, SIGKILL);
        else if (in_write)
          registers.rdx /= 2;
        else
          registers.orig_rax = ~0ULL;  // no call at all
        ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      }
    } else {
      if (struck && plan.what == fault::killed_in_write) ::kill(child, SIGKILL);
      if (struck && plan.what == fault::error) {
        registers.rax = static_cast<unsigned long long>(-plan.code);
        ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      }
      result.calls.back().result = static_cast<std::int64_t>(registers.rax);
    }
    entering = !entering;
  }
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

/// Answers what was done in the wrong order by a writer of a folder that gets its name by a rename; "" if nothing was:
/// every written file is flushed before the first rename and nothing is written after it, the folder itself is flushed
/// between them, and every rename is followed by the flush of a folder before anything else is renamed or removed. Two
/// renames in a row count as one: what has no exchange of names.
inline std::string fault_of_order(const std::vector<system_call>& calls) {
  struct opened {
    bool written = false, folder = false;
  };
  std::map<std::uint64_t, opened> files;
  const auto is_rename = [](const system_call& call) { return call.number == SYS_rename || call.number == SYS_renameat2; };
  int unflushed = 0;
  bool names_flushed = true, renamed = false;
  const auto place = [&](std::size_t k) { return " at call " + std::to_string(k + 1) + " of " + std::to_string(calls.size()); };
  for (std::size_t k = 0; k < calls.size(); ++k) {
    const system_call& call = calls[k];
    if (call.result < 0) continue;
    switch (call.number) {
      case SYS_openat:
        files[static_cast<std::uint64_t>(call.result)] = {false, (call.third & O_DIRECTORY) != 0};
        if (call.third & O_CREAT) names_flushed = false;
        break;
      case SYS_write:
        if (renamed) return "something is written after the rename" + place(k);
        if (!std::exchange(files[call.first].written, true)) ++unflushed;
        break;
      case SYS_fsync:
        if (std::exchange(files[call.first].written, false)) --unflushed;
        if (files[call.first].folder) names_flushed = true;
        break;
      case SYS_close:
        if (files[call.first].written) return "a file is closed that was not flushed" + place(k);
        break;
      case SYS_rename:
      case SYS_renameat2:
        if (unflushed > 0) return std::to_string(unflushed) + " files are not flushed before the rename" + place(k);
        if (!names_flushed && !(renamed && is_rename(calls[k - 1]))) return "names are not flushed before the rename" + place(k);
        renamed = true, names_flushed = false;
        break;
      case SYS_unlinkat:
      case SYS_unlink:
      case SYS_rmdir:
        if (!names_flushed) return "something is removed before the new names are flushed" + place(k);
        break;
      default:
        break;
    }
  }
  return renamed && names_flushed ? "" : "the last rename is not flushed";
}

}  // namespace raptr::testing
#endif
