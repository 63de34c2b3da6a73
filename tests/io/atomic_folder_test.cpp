// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <sys/resource.h>

#include <csignal>
#include <string>
#include <vector>

#include <raptr/io/atomic_folder.hpp>
#include <raptr/io/safetensors.hpp>

#include "scratch_folder.hpp"

namespace {

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// A small checkpoint: a text and two tensors.
void fill(raptr::atomic_folder& to, float value = 1) {
  to.write("state.json", raptr::json_text({{"step", 120}}));
  to.write("model.safetensors", [&](raptr::recorded_file& out) {
    raptr::safetensors_writer file(out, {{"first", "F32", {4}}, {"second", "F32", {4}}});
    const std::vector<float> data(4, value);
    file.write<float>("first", data);
    file.write<float>("second", data);
    file.finish();
  });
}
void make(const std::filesystem::path& path, float value = 1) {
  raptr::atomic_folder to(path);
  fill(to, value);
  to.commit();
}
std::string verdict(const std::filesystem::path& folder, raptr::verification depth = raptr::verification::contents) {
  return sentence_of([&] { raptr::verify_folder(folder, depth); });
}
constexpr auto good = "nothing was thrown";

float first_value(const std::filesystem::path& folder) {
  std::vector<float> data(4);
  raptr::safetensors_reader(folder / "model.safetensors").read<float>("first", data);
  return data[0];
}

}  // namespace

TEST_CASE("a folder appears with commit(), whole, and nothing else stays") {
  const scratch_folder in;
  {
    raptr::atomic_folder to(in / "step");
    fill(to);
    CHECK_FALSE(std::filesystem::exists(in / "step"));
    CHECK(std::filesystem::exists(to.partial_path()));
    to.commit();
  }
  CHECK(verdict(in / "step") == good);
  CHECK(entries(in.path()) == 1);
  CHECK(entries(in / "step") == 3);
}

TEST_CASE("without commit(), or when something throws, no trace stays") {
  const scratch_folder in;
  {
    raptr::atomic_folder to(in / "step");
    fill(to);
  }
  CHECK(entries(in.path()) == 0);
  CHECK_THROWS_AS(
      [&] {
        raptr::atomic_folder to(in / "step");
        to.write("a", [](raptr::recorded_file&) { throw std::runtime_error("no"); });
      }(),
      std::runtime_error);
  CHECK(entries(in.path()) == 0);
}

TEST_CASE("a folder of the same name is replaced, torn or not") {
  const scratch_folder in;
  make(in / "step", 1);
  make(in / "step", 2);
  CHECK(first_value(in / "step") == 2);
  std::filesystem::remove(in / "step/manifest.json");
  make(in / "step/", 3);
  CHECK(first_value(in / "step") == 3);
  CHECK(verdict(in / "step") == good);
  CHECK(entries(in.path()) == 1);
  raptr::write_file(in / "plain", "x");
  CHECK(has(sentence_of([&] { make(in / "plain"); }), "Not a directory"));
  CHECK(raptr::read_file(in / "plain") == "x");
}

TEST_CASE("two equal checkpoints have equal bytes") {
  const scratch_folder in;
  make(in / "a");
  make(in / "b");
  for (const char* name : {"manifest.json", "state.json", "model.safetensors"})
    CHECK(raptr::read_file(in / "a" / name) == raptr::read_file(in / "b" / name));
}

TEST_CASE("names that could leave the folder or meet the manifest are refused") {
  const scratch_folder in;
  raptr::atomic_folder to(in / "step");
  to.write("twice", "x");
  for (const std::string name : {"", "../x", "a/b", ".hidden", "manifest.json", "\xff", "twice"})
    CHECK_MESSAGE(has(sentence_of([&] { to.write(name, "x"); }), "is not a valid file name in a checkpoint"), name);
}

TEST_CASE("a process killed before commit() leaves no checkpoint, and what it leaves is removed") {
  const scratch_folder in;
  make(in / "step-000001");
  CHECK(in_child([&] {
          auto* to = new raptr::atomic_folder(in / "step-000002");
          fill(*to);
          ::_exit(0);
          return true;
        }) == 0);
  CHECK_FALSE(std::filesystem::exists(in / "step-000002"));
  CHECK(entries(in.path()) == 2);
  CHECK(raptr::remove_partials(in.path()) == 1);
  CHECK(entries(in.path()) == 1);
  CHECK(verdict(in / "step-000001") == good);
}

TEST_CASE("what a living process writes is left alone, and a second writer is told") {
  const scratch_folder in;
  raptr::atomic_folder to(in / "step");
  fill(to);
  CHECK(raptr::remove_partials(in.path()) == 0);
  CHECK(has(sentence_of([&] { raptr::atomic_folder again(in / "step"); }), "is already being written"));
  to.commit();
  CHECK(verdict(in / "step") == good);
}

TEST_CASE("leavings of a dead process that had our number are written over") {
  const scratch_folder in;
  const auto partial = raptr::partial_name(in / "step");
  std::filesystem::create_directory(partial);
  raptr::write_file(partial / "old", "x");
  make(in / "step");
  CHECK_FALSE(std::filesystem::exists(in / "step/old"));
  CHECK(verdict(in / "step") == good);
}

TEST_CASE("only names of the form .NAME.partial-DIGITS are removed") {
  CHECK(raptr::is_partial_name(".step-000120.partial-77"));
  for (const char* name : {"step-000120", "step.partial-7", ".partial-7", ".a.partial-", ".a.partial-7x", ".a.partial-7.txt"})
    CHECK_FALSE(raptr::is_partial_name(name));
  const scratch_folder in;
  raptr::write_file(in / ".a.partial-7", "left by replace_file()");
  raptr::write_file(in / "keep.partial-7", "x");
  CHECK(raptr::remove_partials(in.path()) == 1);
  CHECK(entries(in.path()) == 1);
  CHECK(has(sentence_of([&] { raptr::remove_partials(in / "none"); }), "cannot list the folder"));
}

TEST_CASE("a full disk in the middle of a checkpoint is told and keeps the old one") {
  const scratch_folder in;
  make(in / "step", 1);
  CHECK(in_child([&] {
          std::signal(SIGXFSZ, SIG_IGN);
          const rlimit limit{100, 100};
          ::setrlimit(RLIMIT_FSIZE, &limit);
          return has(sentence_of([&] { make(in / "step", 2); }), "model.safetensors: File too large");
        }) == 0);
  CHECK(entries(in.path()) == 1);
  CHECK(verdict(in / "step") == good);
  CHECK(first_value(in / "step") == 1);
}

TEST_CASE("a missing parent folder is told") {
  const scratch_folder in;
  CHECK(has(sentence_of([&] { raptr::atomic_folder to(in / "none/step"); }), "cannot make the folder"));
}

TEST_CASE("a changed byte anywhere in a checkpoint is detected, and file and byte are named") {
  const scratch_folder in;
  make(in / "step");
  for (const std::string name : {"manifest.json", "state.json", "model.safetensors"}) {
    const auto path = in / "step" / name;
    const auto text = raptr::read_file(path);
    for (std::size_t at = 0; at < text.size(); ++at)
      for (const int change : {0x01, 0x20, 0x80}) {
        auto bad = text;
        bad[at] = static_cast<char>(bad[at] ^ change);
        overwrite(path, bad);
        const auto said = verdict(in / "step");
        REQUIRE_MESSAGE(has(said, name), said);
        if (name != "manifest.json") REQUIRE_MESSAGE(has(said, "it is byte " + std::to_string(at)), said);
      }
    overwrite(path, text);
  }
  CHECK(verdict(in / "step") == good);
}

TEST_CASE("every truncation and every longer file is detected, with both sizes") {
  const scratch_folder in;
  make(in / "step");
  for (const std::string name : {"manifest.json", "state.json", "model.safetensors"}) {
    const auto path = in / "step" / name;
    const auto text = raptr::read_file(path);
    for (std::size_t length = 0; length <= text.size(); ++length) {
      overwrite(path, length == text.size() ? text + "\n" : text.substr(0, length));
      const auto said = verdict(in / "step", raptr::verification::sizes);
      REQUIRE_MESSAGE(has(said, name + ", byte "), said);
      if (name != "manifest.json") REQUIRE_MESSAGE(has(said, "expected " + std::to_string(text.size()) + " bytes in all"), said);
    }
    overwrite(path, text);
  }
}

TEST_CASE("damage in a safetensors file names the tensor, also far behind the first block") {
  const scratch_folder in;
  constexpr std::size_t half = raptr::checksum_block / sizeof(float) * 3 / 4;
  {
    raptr::atomic_folder to(in / "step");
    to.write("m.safetensors", [&](raptr::recorded_file& out) {
      raptr::safetensors_writer file(out, {{"a", "F32", {half}}, {"b", "F32", {half}}, {"c", "F32", {half}}});
      for (const char* name : {"a", "b", "c"}) file.write<float>(name, std::vector<float>(half, 1));
      file.finish();
    });
    to.commit();
  }
  const auto path = in / "step/m.safetensors";
  const auto text = raptr::read_file(path);
  auto bad = text;
  bad[2'000'000] = 'x';
  overwrite(path, bad);
  CHECK(has(verdict(in / "step"), "m.safetensors, bytes 1048576 to 2097151: expected CRC-32C "));
  CHECK(has(verdict(in / "step"), ", in the tensors from b to c; if one byte was changed, it is byte 2000000, in tensor c"));
  bad[1'900'000] = 'x';
  overwrite(path, bad);
  CHECK(has(verdict(in / "step"), ", in the tensors from b to c"));
  CHECK_FALSE(has(verdict(in / "step"), "if one byte"));
  bad = text;
  bad[8] = 'x';
  overwrite(path, bad);
  CHECK(has(verdict(in / "step"), "bytes 0 to 1048575: "));
  CHECK(has(verdict(in / "step"), "in a file whose header is unreadable; if one byte was changed, it is byte 8"));
  overwrite(path, std::string_view(text).substr(0, 1'000'000));
  CHECK(has(verdict(in / "step"), "m.safetensors, byte 1000000: expected 2359"));
  CHECK(has(verdict(in / "step"), "got 1000000, cut in tensor b"));
}

TEST_CASE("what is no checkpoint is told apart from what is damaged") {
  const scratch_folder in;
  CHECK(has(verdict(in / "none"), "No such file or directory"));
  std::filesystem::create_directory(in / "empty");
  CHECK(has(verdict(in / "empty"), "has no manifest.json: it is incomplete or not a checkpoint"));
  make(in / "step");
  raptr::write_file(in / "step/notes.txt", "mine");
  CHECK(verdict(in / "step") == good);
  std::filesystem::remove(in / "step/state.json");
  CHECK(has(verdict(in / "step"), "cannot open " + (in / "step/state.json").native() + ": No such file"));
}

TEST_CASE("a manifest with a right sum and wrong contents is refused") {
  const auto sealed = [](std::string text) {
    text.resize(text.rfind("\n}"));
    text += ",\n";
    return text + "  \"manifest_crc32c\": \"" + raptr::crc_text(raptr::crc32c(raptr::bytes_of(text))) + "\"\n}\n";
  };
  const auto said = [&](const raptr::json& value) {
    return sentence_of([&] { raptr::parse_manifest(sealed(raptr::json_text(value)), "s/manifest.json"); });
  };
  const raptr::json right = {{"format", "raptr checkpoint manifest"},
                             {"version", 1},
                             {"checksum", "crc32c"},
                             {"block_bytes", 1 << 20},
                             {"files", {{{"name", "a"}, {"bytes", 5}, {"blocks", {"01234567"}}}}}};
  CHECK(said(right) == good);
  const auto with = [&](const char* place, raptr::json value) {
    auto changed = right;
    changed[raptr::json::json_pointer(place)] = std::move(value);
    return said(changed);
  };
  CHECK(has(with("/format", "x"), "\"format\": expected"));
  CHECK(has(with("/version", 2), "\"version\": expected 1, the only supported version, got 2"));
  CHECK(has(with("/checksum", "md5"), "\"checksum\": expected \"crc32c\", got \"md5\""));
  CHECK(has(with("/block_bytes", 0), "\"block_bytes\": expected 1048576, got 0"));
  CHECK(has(with("/files/0/name", "../../x"), "is not a valid file name"));
  CHECK(has(with("/files/0/bytes", -1), "\"bytes\": expected a whole number"));
  CHECK(has(with("/files/0/bytes", 1 << 21), "expected 2 sums for the 2097152 bytes of a, got 1"));
  CHECK(has(with("/files/0/blocks", {"0123456X"}), "eight digits"));
  CHECK(has(with("/files/0/blocks", {"0123456"}), "eight digits"));
  CHECK(has(with("/files/0/blocks", {1}), "eight digits"));
  CHECK(has(with("/files", {1}), "\"name\": expected"));
}

TEST_CASE("a removed folder first loses its name") {
  const scratch_folder in;
  make(in / "step");
  raptr::remove_folder(in / "step");
  CHECK(entries(in.path()) == 0);
  CHECK(has(sentence_of([&] { raptr::remove_folder(in / "step"); }), "No such file"));
}
