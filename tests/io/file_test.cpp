// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include <raptr/io/file.hpp>

#include "scratch_folder.hpp"

namespace {

/// In a child process: no file may grow above `bytes`.
void limit_files(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace

TEST_CASE("what is written is read back, with any bytes in text and name") {
  const scratch_folder in;
  for (const std::string name : {"plain", "a b", "\xc3\xbc \xe6\xbc\xa2", "line\nend", "not utf-8 \xff\xfe"}) {
    const std::string text("nul \0 and \xff", 11);
    raptr::write_file(in / name, text);
    CHECK(raptr::read_file(in / name) == text);
    raptr::replace_file(in / name, "new");
    CHECK(raptr::read_file(in / name) == "new");
  }
  CHECK(std::distance(std::filesystem::directory_iterator(in.path()), {}) == 5);  // replace_file() left nothing behind
  raptr::write_file(in / "empty", "");
  CHECK(raptr::read_file(in / "empty").empty());
}

TEST_CASE("reading stops at the limit, with both numbers") {
  const scratch_folder in;
  raptr::write_file(in / "ten", "0123456789");
  CHECK(raptr::read_file(in / "ten", 10).size() == 10);
  const auto said = sentence_of([&] { raptr::read_file(in / "ten", 9); });
  CHECK(has(said, "/ten: expected at most 9 bytes, got at least 10"));
}

TEST_CASE("a sparse file beyond the limit is refused before memory is asked for") {
  const scratch_folder in;
  raptr::write_file(in / "huge", "");
  std::filesystem::resize_file(in / "huge", std::uintmax_t{1} << 42);
  CHECK(has(sentence_of([&] { raptr::read_file(in / "huge"); }), "expected at most 1099511627776 bytes"));
}

TEST_CASE("a pipe is read to its end, and the limit holds there too") {
  const scratch_folder in;
  const auto pipe = in / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::string text(200'000, 'p');
  const auto feed = [&] {
    const int to = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
    for (std::size_t done = 0; done < text.size();) {
      const auto put = ::write(to, text.data() + done, text.size() - done);
      if (put < 0) break;
      done += static_cast<std::size_t>(put);
    }
    ::close(to);
  };
  std::thread writer(feed);
  const auto got = raptr::read_file(pipe);
  writer.join();
  CHECK(got == text);
}

TEST_CASE("errors of the system are told with file and reason") {
  const scratch_folder in;
  raptr::write_file(in / "file", "x");
  CHECK(has(sentence_of([&] { raptr::read_file(in / "none"); }), "cannot open " + (in / "none").native() + ": No such file or directory"));
  CHECK(has(sentence_of([&] { raptr::read_file(in.path()); }), "Is a directory"));
  CHECK(has(sentence_of([&] { raptr::write_file(in / "file/below", "x"); }), "cannot create"));
  CHECK(has(sentence_of([&] { raptr::write_file(in / "file/below", "x"); }), "Not a directory"));
  CHECK(has(sentence_of([&] { raptr::replace_file(in / "file/below", "x"); }), "Not a directory"));
  CHECK(has(sentence_of([&] { raptr::sync_folder(in / "file"); }), "Not a directory"));
  CHECK(has(sentence_of([&] { raptr::make_folders(in / "file/below"); }), "Not a directory"));
  CHECK(has(sentence_of([&] { raptr::make_folders(in / "file"); }), "/file: Not a directory"));
}

TEST_CASE("missing folders are made, also several at once") {
  const scratch_folder in;
  raptr::make_folders(in / "a/b/c");
  CHECK(std::filesystem::is_directory(in / "a/b/c"));
  raptr::make_folders(in / "a/b/c");
  raptr::make_folders(in / "a/d/");
  CHECK(std::filesystem::is_directory(in / "a/d"));
}

TEST_CASE("reading behind the end says where and how many bytes are missing") {
  const scratch_folder in;
  raptr::write_file(in / "ten", "0123456789");
  const auto file = raptr::open_file::reading(in / "ten");
  std::array<std::byte, 4> four{};
  file.read_at(6, four);
  CHECK(four[3] == std::byte('9'));
  CHECK(has(sentence_of([&] { file.read_at(8, four); }), "/ten, byte 10: expected 2 more bytes, got the end of the file"));
}

TEST_CASE("the limit of the file size is an error with path, place and number of bytes") {
  const scratch_folder in;
  CHECK(in_child([&] {
          limit_files(4096);
          auto to = raptr::open_file::writing(in / "part");
          const std::string text(3000, 'x');
          to.write(raptr::bytes_of(text));
          const auto said = sentence_of([&] { to.write(raptr::bytes_of(text)); });
          return has(said, "cannot write 3000 bytes at byte 4096 of " + (in / "part").native() + ": File too large");
        }) == 0);
  CHECK(std::filesystem::file_size(in / "part") == 4096);
}

TEST_CASE("a full device is an error, not a short file") {
  if (std::filesystem::exists("/dev/full"))
    CHECK(has(sentence_of([] { raptr::write_file("/dev/full", "x"); }), "cannot write 1 bytes at byte 0 of /dev/full: No space left on device"));
}

TEST_CASE("replace_file() keeps the old file when the new one cannot be written") {
  const scratch_folder in;
  raptr::write_file(in / "state", "old");
  CHECK(in_child([&] {
          limit_files(1000);
          return has(sentence_of([&] { raptr::replace_file(in / "state", std::string(2000, 'n')); }), "File too large");
        }) == 0);
  CHECK(raptr::read_file(in / "state") == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(in.path()), {}) == 1);
}

TEST_CASE("a moved file is closed once") {
  const scratch_folder in;
  auto one = raptr::open_file::writing(in / "one");
  auto two = std::move(one);
  two.write(raptr::bytes_of("x"));
  one = raptr::open_file::writing(in / "other");
  one.write(raptr::bytes_of("yz"));
  two.close();
  one.close();
  CHECK(raptr::read_file(in / "one") == "x");
  CHECK(raptr::read_file(in / "other") == "yz");
}
