// SPDX-License-Identifier: Apache-2.0
// Errors of the communicator over NCCL and of how its ranks find each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <raptr/comm/error.hpp>

namespace raptr::errors {

/// Like "2.28.9" for NCCL's 22809.
inline std::string nccl_version(int number) {
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}
/// "the other rank" or "the other 3 ranks".
inline std::string other_ranks(int ranks) { return ranks == 2 ? "the other rank" : "the other " + std::to_string(ranks - 1) + " ranks"; }

[[noreturn]] inline void nccl_is_older_than_header(int library, int header) {
  fail("the library of NCCL is version " + nccl_version(library) + ", and this program was compiled with the header of " + nccl_version(header) +
       ": it needs that version or a newer one of NCCL " + std::to_string(header / 10000));
}
[[noreturn]] inline void nccl_versions_differ(int rank, int here, int other, int there) {
  fail<comm_error>("rank " + std::to_string(rank) + " has NCCL " + nccl_version(here) + ", rank " + std::to_string(other) + " has " +
                   nccl_version(there) + ": all ranks need the same version");
}
[[noreturn]] inline void ranks_share_gpu(int rank, int other, int device, const std::string& name, const std::string& bus) {
  fail<comm_error>("ranks " + std::to_string(rank) + " and " + std::to_string(other) + " have the same GPU, device " + std::to_string(device) + " (" +
                   name + ", " + bus + "): NCCL needs a GPU for each rank; give every rank of a machine its own device");
}
[[noreturn]] inline void ranks_count_differently(int rank, int ranks, int other, int others) {
  fail<comm_error>("rank " + std::to_string(rank) + " was started as one of " + std::to_string(ranks) + ", rank " + std::to_string(other) +
                   " as one of " + std::to_string(others));
}
[[noreturn]] inline void rank_is_out_of_range(int rank, int ranks) {
  fail("the ranks of a run of " + std::to_string(ranks) + " are 0 to " + std::to_string(ranks - 1) + ", and this one was started as rank " +
       std::to_string(rank));
}
[[noreturn]] inline void model_is_on_another_gpu(const comm_operation& at, int rank, int communicator, int model) {
  fail(text_of(at) + ": the communicator of rank " + std::to_string(rank) + " is on GPU " + std::to_string(communicator) + " and the model on GPU " +
       std::to_string(model) + ": give both the same device");
}
[[noreturn]] inline void nccl_failed(const comm_operation& at, int rank, const std::string& text, const std::string& detail) {
  fail<comm_error>(text_of(at) + ": NCCL failed on rank " + std::to_string(rank) + ": " + text + (detail.empty() ? "" : " (" + detail + ")"));
}
/// NCCL does not tell which of them.
[[noreturn]] inline void some_rank_does_not_answer(const comm_operation& at, int rank, int ranks, double seconds) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " has waited " + decimal_text(seconds) + " s for " + other_ranks(ranks) +
                   (ranks == 2 ? ", which did not come" : ", and not all of them came"));
}

[[noreturn]] inline void run_name_is_invalid(const std::string& name) {
  fail("\"" + name + "\" cannot be the name of a run in a rendezvous: take 1 to 100 letters, digits, dots, - or _, such as the number of the job");
}
[[noreturn]] inline void rendezvous_is_stale(const std::filesystem::path& file, int rank) {
  fail<comm_error>("the rendezvous of rank " + std::to_string(rank) + " exists already (" + file.string() +
                   "): another run has, or a run that was killed had, the same name; give each run its own, or remove the folder");
}
[[noreturn]] inline void rendezvous_is_of_another_run(const std::filesystem::path& file, int rank, int other) {
  fail<comm_error>(file.string() + ", which rank " + std::to_string(rank) + " reads, was not written by rank " + std::to_string(other) +
                   " of this run: it has another number of ranks, size or format");
}
[[noreturn]] inline void rendezvous_failed(const comm_operation& at, int rank, int other, const std::filesystem::path& file, double seconds) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " has waited " + decimal_text(seconds) + " s for rank " + std::to_string(other) +
                   ", whose file " + file.string() + " did not come: all ranks need the same name of the run, and a folder that they share");
}

}  // namespace raptr::errors
