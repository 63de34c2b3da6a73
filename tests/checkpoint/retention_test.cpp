// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <raptr/checkpoint/retention.hpp>

#include "scratch_folder.hpp"

namespace retention_tests {
namespace {

void make(const scratch_folder& in, std::int64_t step, const std::string& run = "") {
  raptr::atomic_folder to(in / raptr::step_name(step), run);
  to.write("state.json", std::to_string(step));
  to.commit();
}
std::vector<std::int64_t> steps(const scratch_folder& in) {
  std::vector<std::int64_t> found;
  for (const auto& one : raptr::step_folders(in.path())) found.push_back(one.step);
  return found;
}
using list = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("names of steps have six digits or more, and back") {
  CHECK(raptr::step_name(0) == "step-000000");
  CHECK(raptr::step_name(120) == "step-000120");
  CHECK(raptr::step_name(1'080'000) == "step-1080000");
  for (const std::int64_t step : {0LL, 7LL, 999'999LL, 1'000'000LL, 9'223'372'036'854'775'807LL})
    CHECK(raptr::step_of_name(raptr::step_name(step)) == step);
  for (const char* name :
       {"step-", "step-12", "step-0000120", "step--00012", "step-+00012", "step-000120x", "xstep-000120", "step-9223372036854775808", "step-000 12"})
    CHECK_MESSAGE(!raptr::step_of_name(name), name);
}

TEST_CASE("steps are ordered by number, not as text") {
  const scratch_folder in;
  for (const std::int64_t step : {960'000, 1'080'000, 9, 12, 100'000}) make(in, step);
  std::filesystem::create_directory(in / "step-0000013");
  std::filesystem::create_directory(in / "other");
  CHECK(steps(in) == list{1'080'000, 960'000, 100'000, 12, 9});
  CHECK(raptr::step_folders(in / "none").empty());
}

TEST_CASE("the newest good step is found, and each torn one is told on the way") {
  const scratch_folder in;
  std::vector<std::string> told;
  const auto newest = [&] {
    told.clear();
    return raptr::newest_good(
        in.path(), [&](const raptr::step_folder& one, const std::string& reason) { told.push_back(std::to_string(one.step) + ": " + reason); });
  };
  CHECK_FALSE(newest());
  for (const std::int64_t step : {9, 10, 11, 12}) make(in, step);
  CHECK(newest()->step == 12);
  CHECK(told.empty());
  raptr::write_file(in / "step-000012/state.json", "21");
  std::filesystem::remove(in / "step-000011/manifest.json");
  CHECK(newest()->step == 10);
  REQUIRE(told.size() == 2);
  CHECK(has(told[0], "12: raptr: "));
  CHECK(has(told[0], "state.json, bytes 0 to 1: expected CRC-32C"));
  CHECK(has(told[1], "11: raptr: "));
  CHECK(has(told[1], "is incomplete or not a checkpoint"));
}

TEST_CASE("the last steps and every k-th stay, older ones go") {
  const scratch_folder in;
  for (std::int64_t step = 1; step <= 12; ++step) {
    make(in, step);
    raptr::remove_old_steps(in.path(), step, {.last = 2, .every = 5});
    CHECK(steps(in).front() == step);
  }
  CHECK(steps(in) == list{12, 11, 10, 5});
  CHECK(raptr::remove_old_steps(in.path(), 12, {.last = 1}) == list{11, 10, 5});
  CHECK(steps(in) == list{12});
}

TEST_CASE("nothing is removed unless the new step is whole") {
  const scratch_folder in;
  for (const std::int64_t step : {1, 2, 3}) make(in, step);
  std::filesystem::remove(in / "step-000003/manifest.json");
  CHECK(has(sentence_of([&] { raptr::remove_old_steps(in.path(), 3, {.last = 1}); }), "is incomplete or not a checkpoint"));
  CHECK(has(sentence_of([&] { raptr::remove_old_steps(in.path(), 4, {.last = 1}); }), "step-000004"));
  CHECK(steps(in) == list{3, 2, 1});
}

TEST_CASE("torn steps do not count among the last, and they and steps after the new one are left alone") {
  const scratch_folder in;
  for (const std::int64_t step : {1, 2, 3, 4, 9}) make(in, step);
  std::filesystem::remove(in / "step-000003/manifest.json");
  CHECK(raptr::remove_old_steps(in.path(), 4, {.last = 2}) == list{1});
  CHECK(steps(in) == list{9, 4, 3, 2});
}

TEST_CASE("steps of another run do not count among the last and are left alone, and irregular ones of the same run go") {
  const scratch_folder in;
  for (const std::int64_t step : {2, 4, 5, 6, 8}) make(in, step, "ours");
  for (const std::int64_t step : {1, 7}) make(in, step, "theirs");
  make(in, 3);
  CHECK(raptr::remove_old_steps(in.path(), 8, {.last = 2}, [](std::int64_t step) { return step % 2 == 0; }) == list{5, 4, 2});
  CHECK(steps(in) == list{8, 7, 6, 3, 1});
  CHECK(raptr::remove_old_steps(in.path(), 8, {.last = 1, .every = 3}) == list{});
  CHECK(steps(in) == list{8, 7, 6, 3, 1});
}

TEST_CASE("a whole step that is not wanted is passed over with the reason") {
  const scratch_folder in;
  make(in, 1, "ours"), make(in, 2, "ours"), make(in, 3, "theirs");
  std::string told;
  const auto newest = raptr::newest_good(
      in.path(), [&](const raptr::step_folder&, const std::string& reason) { told += reason; },
      [](const raptr::step_folder& one, const raptr::folder_manifest& manifest) {
        if (manifest.run != "ours") raptr::errors::unfinished_folder(one.path);
      });
  CHECK(newest->step == 2);
  CHECK(has(told, "step-000003"));
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(raptr::verify_folder(in / "step-000001", raptr::verification::contents, stop.get_token()), raptr::stopped);
}

TEST_CASE("a rule that would keep nothing is refused") {
  const scratch_folder in;
  make(in, 1);
  CHECK(has(sentence_of<raptr::input_error>([&] { raptr::remove_old_steps(in.path(), 1, {.last = 0}); }), "the last 0 and every 0"));
  CHECK(has(sentence_of<raptr::input_error>([&] { raptr::remove_old_steps(in.path(), 1, {.last = 1, .every = -5}); }), "every -5"));
}

}  // namespace retention_tests
