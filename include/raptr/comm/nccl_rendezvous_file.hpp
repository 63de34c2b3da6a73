// SPDX-License-Identifier: Apache-2.0
// A rendezvous in a folder that all ranks share. It cannot be stale: the folder has the name of the run, each rank creates its file there
// and fails if it exists, and rank 0 cannot be reached by what an earlier run wrote, because that run's own rank 0 is needed to answer.
#pragma once

#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include <raptr/comm/nccl_rendezvous.hpp>
#include <raptr/io/file.hpp>

namespace raptr {

/// Used by one thread, but for ended(). The files are removed once all have met; what is left of a run that was killed makes the next run
/// with its name fail, by a sentence.
class rendezvous_file {
 public:
  /// folder: on a file system that all ranks share. run: a name that no earlier run has had, the same on all ranks, such as the number
  /// of the job and of its attempt. Throws input_error.
  rendezvous_file(const std::filesystem::path& folder, const std::string& run, int rank, int ranks, const comm_limits& limits = {})
      : folder_(folder / ("ranks-" + run)), rank_(rank), ranks_(ranks), limits_(limits) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (run.empty() || run.size() > 100 || run.find_first_not_of(allowed) != std::string::npos) errors::run_name_is_invalid(run);
    if (ranks < 1) errors::rank_count_is_out_of_range(ranks);
    if (rank < 0 || rank >= ranks) errors::rank_is_out_of_range(rank, ranks);
    make_folders(folder_);
  }
  rendezvous_file(const rendezvous_file&) = delete;
  rendezvous_file& operator=(const rendezvous_file&) = delete;
  /// The last rank removes the folder, unless it has the words of one that ended.
  ~rendezvous_file() {
    std::error_code ignored;
    std::filesystem::remove(folder_, ignored);
  }

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }

  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) {
    create(file_of(rank_), mine);
    const auto begin = std::chrono::steady_clock::now();
    for (int other = 0; other < ranks_; ++other) {
      while (true) {
        const auto gone = ended();  // before the look at the file: who has met the others may end before this rank has read it
        if (read(other, all.subspan(static_cast<std::size_t>(other) * mine.size(), mine.size()))) break;
        if (gone) errors::rank_has_ended(at, rank_, gone->rank, gone->why);
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
        if (passed.count() > limits_.of(at)) errors::rendezvous_failed(at, rank_, other, file_of(other), limits_.of(at));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    ++gathers_;
  }
  void finished() {
    std::error_code ignored;
    for (; gathers_ > 0; --gathers_) std::filesystem::remove(file_of(rank_, gathers_ - 1), ignored);
  }
  /// The first to call it is the one that the others name.
  void end_all(std::string_view why) noexcept {
    try {
      create(folder_ / "ended", std::as_bytes(std::span(why)));
    } catch (const error&) {
    }
  }
  std::optional<ended_rank> ended() const {
    const auto file = folder_ / "ended";
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return std::nullopt;
    const std::string text = read_file(file, 1 << 20);
    const heading head = heading_of(text);
    if (text.size() < sizeof head || head.rank == rank_) return std::nullopt;
    return ended_rank{head.rank, text.substr(sizeof head) + " (" + file.string() + ")"};
  }

 private:
  struct heading {
    char kind[12] = {'r', 'a', 'p', 't', 'r', ' ', 'r', 'a', 'n', 'k', '\n', 0};
    int rank = 0, ranks = 0;
    std::uint64_t bytes = 0;
    bool operator==(const heading&) const = default;
  };
  static heading heading_of(const std::string& text) {
    heading head;
    std::memcpy(&head, text.data(), std::min(text.size(), sizeof head));
    return head;
  }
  std::filesystem::path file_of(int rank, int round) const { return folder_ / (std::to_string(rank) + "." + std::to_string(round)); }
  std::filesystem::path file_of(int rank) const { return file_of(rank, gathers_); }

  /// Whole or not at all, and never over another file, on NFS too: link() is atomic there, O_EXCL with a later write is not.
  void create(const std::filesystem::path& file, std::span<const std::byte> bytes) {
    heading head;
    head.rank = rank_, head.ranks = ranks_, head.bytes = bytes.size();
    std::string text(reinterpret_cast<const char*>(&head), sizeof head);
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto partial = folder_ / ("." + file.filename().string() + ".partial-" + std::to_string(rank_));
    write_file(partial, text);
    const int status = ::link(partial.c_str(), file.c_str()), problem = errno;
    ::unlink(partial.c_str());
    if (status != 0 && problem == EEXIST) errors::rendezvous_is_stale(file, rank_);
    if (status != 0) errors::system_refused("create", file, problem);
  }
  /// Whether the file is there.
  bool read(int other, std::span<std::byte> to) const {
    const auto file = file_of(other);
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return false;
    const std::string text = read_file(file, 1 << 20);
    heading expected;
    expected.rank = other, expected.ranks = ranks_, expected.bytes = to.size();
    if (text.size() != sizeof expected + to.size() || heading_of(text) != expected) errors::rendezvous_is_of_another_run(file, rank_, other);
    std::memcpy(to.data(), text.data() + sizeof expected, to.size());
    return true;
  }

  std::filesystem::path folder_;
  int rank_, ranks_, gathers_ = 0;
  comm_limits limits_;
};
static_assert(rendezvous<rendezvous_file>);

}  // namespace raptr
