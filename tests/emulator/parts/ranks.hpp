// SPDX-License-Identifier: Apache-2.0
// Ranks as forked processes and the memory that they share. A rank puts a copy of what it sends there, and the others take it out.
#pragma once
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <new>

#include "streams.hpp"

namespace emulator::inside {

inline constexpr int most_ranks = 8, most_groups = 8;
inline constexpr std::size_t largest_array = std::size_t{4} << 20, longest_answer = std::size_t{1} << 16;

/// A collective as one rank calls it, or a message.
struct shared_call {
  char kind[16];
  std::uint64_t number, count;
  int type;
};

/// What the ranks of one ncclUniqueId share.
struct shared_group {
  std::atomic<int> ranks{0}, joined{0};
  std::atomic<std::uint64_t> seed{0};
  std::atomic<int> gone[most_ranks]{};  // aborted, or the process has ended
  char bus[most_ranks][16]{};
  std::atomic<std::uint64_t> posted[most_ranks]{}, taken[most_ranks]{};  // collectives
  shared_call calls[most_ranks]{};
  std::atomic<std::uint64_t> sent[most_ranks][most_ranks]{}, received[most_ranks][most_ranks]{};  // messages, from and to
  shared_call messages[most_ranks][most_ranks]{};
};
struct shared_memory_of_ranks {
  std::atomic<int> groups{0};
  shared_group group[most_groups];
  char answers[most_ranks][longest_answer];
  std::atomic<std::size_t> answer_bytes[most_ranks]{};
};

inline shared_memory_of_ranks* shared = nullptr;
inline char* shared_arrays = nullptr;  // of collectives, of each group and rank, and then of messages
inline int current_rank = 0, current_ranks = 1;

template <class T> T* map_shared(std::size_t bytes) {
  void* const made = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made == MAP_FAILED) throw fault("there is no memory to share between ranks");
  return static_cast<T*>(made);
}
inline constexpr std::size_t arrays_of_group = most_ranks * (most_ranks + 1);
inline void share_memory() {
  if (shared) munmap(shared, sizeof *shared), munmap(shared_arrays, largest_array * arrays_of_group * most_groups);
  shared = new (map_shared<void>(sizeof *shared)) shared_memory_of_ranks;
  shared_arrays = map_shared<char>(largest_array * arrays_of_group * most_groups);
}
inline char* array_of(const shared_group& group, int rank) {
  const auto index = static_cast<std::size_t>(&group - shared->group) * arrays_of_group + static_cast<std::size_t>(rank);
  return shared_arrays + index * largest_array;
}
inline char* message_of(const shared_group& group, int from, int to) { return array_of(group, most_ranks + from * most_ranks + to); }

inline std::string bus_of(int device) {
  const int first = current_options.bus < 0 ? current_rank : current_options.bus;
  return text("0000:%02x:00.0", static_cast<unsigned>(first + 16 * device) & 0xffu);
}

[[noreturn]] inline void be_rank(int rank, int ranks, const std::function<std::string(int)>& f) {
  current_rank = rank, current_ranks = ranks;
  prctl(PR_SET_PDEATHSIG, SIGKILL);                                                                   // a test that is stopped leaves no rank behind
  alarm(300);                                                                                         // nor one that hangs
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGTERM}) std::signal(signal, SIG_DFL);  // those of the test's framework
  std::string answer;
  try {
    answer = f(rank);
  } catch (const std::exception& e) {
    answer = std::string("threw: ") + e.what();
  }
  answer.resize(std::min(answer.size(), longest_answer));
  std::memcpy(shared->answers[rank], answer.data(), answer.size());
  shared->answer_bytes[rank] = answer.size();
  std::_Exit(0);
}

}  // namespace emulator::inside

namespace emulator {

std::vector<std::string> run_ranks(int ranks, const std::function<std::string(int)>& f) {
  using namespace inside;
  if (ranks < 1 || ranks > most_ranks) throw fault(text("there are 1 to %d ranks, not %d", most_ranks, ranks));
  share_memory();
  std::fflush(nullptr);
  std::vector<pid_t> processes;
  for (int rank = 0; rank < ranks; ++rank) {
    const pid_t process = fork();
    if (process == 0) be_rank(rank, ranks, f);
    processes.push_back(process);
  }
  std::vector<std::string> answers(static_cast<std::size_t>(ranks));
  for (int left = ranks; left > 0; --left) {
    int status = 0;
    const pid_t ended = wait(&status);
    for (std::size_t rank = 0; rank < processes.size(); ++rank) {
      if (processes[rank] != ended) continue;
      answers[rank] = WIFSIGNALED(status) ? text("signal %d", WTERMSIG(status)) : std::string(shared->answers[rank], shared->answer_bytes[rank]);
      for (shared_group& group : shared->group) group.gone[rank] = 1;
    }
  }
  return answers;
}

}  // namespace emulator
