// SPDX-License-Identifier: Apache-2.0
// A small checkpoint cut at every length and changed at every byte, file by file: each damage is found, the message names
// file, byte and, inside the data of a safetensors file, the tensor; the newest good checkpoint is the one before; and a
// load that fails leaves every bit of the trainer.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/checkpoint/retention.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

namespace corrupt_checkpoint_tests {
using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr model_shape smallest{.layers = 1, .width = 4, .heads = 1, .neurons = 4, .neuron_group = 4, .vocab = 40, .context = 4};
const std::vector<std::string> files{"model.safetensors", "optimizer.safetensors", "config.json", "state.json", "manifest.json"};
const token_list text(60);

/// Checkpoints of steps 2 and 3, and a trainer at step 4 that a failed load must not touch.
class fixture {
 public:
  fixture() {
    run_options options{.steps = 4, .batch = 1, .save_every = 1};
    options.save = [&] {
      const std::int64_t step = run_.trainer.done().step;
      if (step == 2 || step == 3) save_checkpoint(folder_ / step_name(step), run_.trainer, text.vocabulary());
    };
    run_.trainer.run(text, options);
    state_ = run_.state();
  }
  std::filesystem::path damaged() const { return folder_ / "step-000003"; }
  std::filesystem::path good() const { return folder_ / "step-000002"; }

  /// Puts `bytes` in the place of a file and loads. Answers what is wrong with what happens; "" if nothing is.
  ///   told   everything that the message must have
  std::string wrong_with(const std::string& file, std::string_view bytes, const std::vector<std::string>& told) {
    overwrite(damaged() / file, bytes);
    const std::string said = sentence_of([&] { load_checkpoint(damaged(), run_.trainer); });
    std::string wrong;
    for (const std::string& part : told)
      if (!has(said, part)) wrong += " \"" + part + "\" is missing in: " + said + ";";
    if (run_.state() != state_ || run_.trainer.done().step != 4) wrong += " the trainer has changed;";
    if (tried_++ % 11 == 0) {
      std::string reason;
      const auto newest = newest_good(folder_.path(), [&](const step_folder& torn, const std::string& why) {
        if (torn.step == 3) reason = why;
      });
      if (!newest || newest->step != 2) wrong += " another one than the checkpoint before is the newest good one;";
      if (reason != said) wrong += " passed over for another reason: " + reason + ";";
    }
    return wrong;
  }
  /// All is well again: the damaged one loads, and the one before.
  void check_both_load() {
    load_checkpoint(damaged(), run_.trainer);
    CHECK(run_.trainer.done().step == 3);
    CHECK(run_.state() != state_);
    load_checkpoint(good(), run_.trainer);
    CHECK(run_.trainer.done().step == 2);
    CHECK(newest_good(folder_.path(), [](const step_folder&, const std::string&) {})->step == 3);
  }
  int tried() const { return tried_; }

 private:
  scratch_folder folder_;
  small_run<host_device> run_{"full", dropped_update::frozen, {.lr = 1e-2}, smallest};
  std::vector<double> state_;
  int tried_ = 0;
};

/// Which tensor a byte belongs to; "" for the header and for other files.
class tensor_map {
 public:
  explicit tensor_map(const std::filesystem::path& file) {
    if (file.extension() != ".safetensors") return;
    const safetensors_reader reader(file);
    tensors_.assign(reader.tensors().begin(), reader.tensors().end());
    data_ = tensors_.front().first;
  }
  std::string of(std::size_t byte) const {
    for (const tensor_entry& one : tensors_)
      if (byte >= one.first && byte < one.end()) return one.name;
    return "";
  }
  /// Bytes of the header, its length included.
  std::size_t header() const { return static_cast<std::size_t>(data_); }

 private:
  std::vector<tensor_entry> tensors_;
  std::uint64_t data_ = 0;
};

/// Calls damage(file, its bytes, its tensors) for each file, which is mended afterwards. damage answers what is wrong.
void each_file(const std::string& what, int least,
               const std::function<void(fixture&, const std::string&, const std::string&, const tensor_map&)>& damage) {
  fixture at;
  for (const std::string& file : files) {
    const std::string bytes = read_file(at.damaged() / file);
    const tensor_map tensors(at.damaged() / file);
    const int before = at.tried();
    damage(at, file, bytes, tensors);
    overwrite(at.damaged() / file, bytes);
    MESSAGE(file << ": " << at.tried() - before << " " << what << ", all found");
  }
  CHECK(at.tried() > least);
  at.check_both_load();
}

}  // namespace

TEST_CASE("A checkpoint that is cut at any length is found out: file, byte, tensor") {
  each_file("truncations", 9000, [](fixture& at, const std::string& file, const std::string& bytes, const tensor_map& tensors) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      std::vector<std::string> told{file + ", byte "};
      if (file != "manifest.json") told = {file + ", byte " + std::to_string(length) + ": expected " + std::to_string(bytes.size())};
      if (const std::string tensor = tensors.of(length); !tensor.empty()) told.push_back("cut in tensor " + tensor);
      const std::string wrong = at.wrong_with(file, std::string_view(bytes).substr(0, length), told);
      REQUIRE_MESSAGE(wrong.empty(), length << ":" << wrong);
    }
  });
}

TEST_CASE("A byte that is changed anywhere in a checkpoint is found out: file, byte, tensor") {
  int in_headers = 0, in_data = 0;
  each_file("changed bytes", 12000, [&](fixture& at, const std::string& file, const std::string& bytes, const tensor_map& tensors) {
    std::string bad = bytes;
    for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
      const bool in_header = byte < tensors.header();
      const std::string tensor = tensors.of(byte);
      std::vector<std::string> told{file};
      if (file != "manifest.json") told = {file + ", bytes 0 to ", "it is byte " + std::to_string(byte)};
      if (!tensor.empty()) told.back() += ", in tensor " + tensor;
      std::vector<int> changes{1 << byte % 8};
      if (in_header) changes.push_back(255);
      for (const int change : changes) {
        bad[byte] = static_cast<char>(bytes[byte] ^ change);
        const std::string wrong = at.wrong_with(file, bad, told);
        REQUIRE_MESSAGE(wrong.empty(), byte << " changed by " << change << ":" << wrong);
        (in_header ? in_headers : in_data) += 1;
      }
      bad[byte] = bytes[byte];
    }
  });
  MESSAGE(in_headers << " changes in headers of safetensors files, " << in_data << " elsewhere");
  CHECK(in_headers > 8000);
}

TEST_CASE("A lost sector, a longer file, an empty one, one that is gone, and one of another checkpoint are found out") {
  each_file("damages", 40, [](fixture& at, const std::string& file, const std::string& bytes, const tensor_map& tensors) {
    const auto expect = [&](const std::string& bad, const std::vector<std::string>& told) {
      const std::string wrong = at.wrong_with(file, bad, told);
      CHECK_MESSAGE(wrong.empty(), wrong);
    };
    for (std::size_t first = 0; first < bytes.size(); first += 512) {
      std::string bad = bytes;
      for (std::size_t k = first; k < bytes.size() && k < first + 512; ++k) bad[k] = '\0';
      if (bad == bytes) continue;
      expect(bad, {file, first >= tensors.header() && tensors.header() > 0 ? ", in the tensors from " : file});
    }
    expect(bytes + bytes, {file, file == "manifest.json" ? "byte" : std::to_string(2 * bytes.size())});
    expect(bytes + '\0', {file});
    expect("", {file});
    if (const std::string other = read_file(at.good() / file); other != bytes) expect(other, {file == "manifest.json" ? "step-000003" : file});
    std::filesystem::remove(at.damaged() / file);
    const std::string said = sentence_of([&] { verify_folder(at.damaged()); });
    CHECK_MESSAGE(has(said, file), said);
  });
}

}  // namespace corrupt_checkpoint_tests
