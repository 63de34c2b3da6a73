// SPDX-License-Identifier: Apache-2.0
// The README shows a program that compiles and runs, and points at files that exist.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <raptr/io/file.hpp>

namespace {

const std::filesystem::path root = std::filesystem::path(RAPTR_TESTS_DIR).parent_path();

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const auto first = text.find(from), begin = first + from.size(), end = text.find(to, begin);
  REQUIRE(first != text.npos);
  REQUIRE(end != text.npos);
  return text.substr(begin, end - begin);
}

/// A page without its blocks of code, in which "](" may be a lambda.
std::string prose(const std::string& page) {
  std::string text;
  bool code = false;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```"))
      code = !code;
    else if (!code)
      text += line + "\n";
  }
  return text;
}

TEST_CASE("the code block of the README is the program examples/readme.cpp") {
  const std::string shown = between(raptr::read_file(root / "README.md"), "```cpp\n", "```\n");
  const std::string compiled = between(raptr::read_file(root / "examples/readme.cpp"), "// [README]\n", "// [/README]\n");
  CHECK(shown == compiled);
}

TEST_CASE("the code blocks of backends.md are those of programs that are compiled and tested") {
  const std::string page = raptr::read_file(root / "docs/backends.md");
  std::string compiled;
  for (const char* file : {"examples/custom_backend.cpp", "tests/cuda/two_files/training.hpp", "tests/cuda/units_test.cpp"})
    compiled += raptr::read_file(root / file);
  int blocks = 0;
  for (auto at = page.find("```cpp\n"); at != page.npos; at = page.find("```cpp\n", at + 1)) {
    const std::string block = between(page.substr(at), "```cpp\n", "```\n");
    if (block.find("in a file that nvcc compiles") != block.npos) continue;  // two lines of use
    INFO("block: ", block);
    CHECK(compiled.find(block) != compiled.npos);
    ++blocks;
  }
  CHECK(blocks >= 8);
}

TEST_CASE("every link to a file of the repository leads to a file") {
  std::vector<std::filesystem::path> pages{root / "README.md", root / "CHANGELOG.md", root / "CONTRIBUTING.md", root / "tests/README.md"};
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  int links = 0;
  for (const std::filesystem::path& page : pages) {
    const std::string text = prose(raptr::read_file(page));
    for (auto at = text.find("]("); at != text.npos; at = text.find("](", at + 2)) {
      std::string target = text.substr(at + 2, text.find(')', at) - at - 2);
      target.resize(std::min(target.size(), target.find('#')));
      if (target.empty() || target.starts_with("http")) continue;
      INFO("page: ", page.string(), ", link: ", target);
      CHECK(std::filesystem::exists(page.parent_path() / target));
      ++links;
    }
  }
  CHECK(links >= 10);
}

}  // namespace
