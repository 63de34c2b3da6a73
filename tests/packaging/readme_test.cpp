// SPDX-License-Identifier: Apache-2.0
// The README shows a program that compiles and runs, and points at files that exist. Pages name tests that exist.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
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

/// The pages of the reference, and those for contributors.
std::vector<std::filesystem::path> pages() {
  std::vector<std::filesystem::path> all{root / "CONTRIBUTING.md", root / "tests/README.md"};
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") all.push_back(entry.path());
  return all;
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

TEST_CASE("the code blocks of the README are the program examples/readme.cpp and the run of examples/train_gpt.cpp") {
  const std::string shown = between(raptr::read_file(root / "README.md"), "```cpp\n", "```\n");
  const std::string compiled = between(raptr::read_file(root / "examples/readme.cpp"), "// [README]\n", "// [/README]\n");
  CHECK(shown == compiled);
  const std::string own_trainer = between(raptr::read_file(root / "examples/train_gpt.cpp"), "// [run]\n", "// [/run]\n");
  CHECK(raptr::read_file(root / "README.md").find("```cpp\n" + own_trainer + "```\n") != std::string::npos);
}

/// The number of code blocks of a page, all of which are parts of these files.
static int compiled_blocks(const char* name, std::initializer_list<const char*> files) {
  const std::string page = raptr::read_file(root / name);
  std::string compiled;
  for (const char* file : files) compiled += raptr::read_file(root / file);
  int blocks = 0;
  for (auto at = page.find("```cpp\n"); at != page.npos; at = page.find("```cpp\n", at + 1)) {
    const std::string block = between(page.substr(at), "```cpp\n", "```\n");
    if (block.find("in a file that nvcc compiles") != block.npos) continue;  // two lines of use
    INFO("block: ", block);
    CHECK(compiled.find(block) != compiled.npos);
    ++blocks;
  }
  return blocks;
}
TEST_CASE("the code blocks of backends.md, eigen.md and families.md are those of programs that are compiled and tested") {
  CHECK(compiled_blocks("docs/backends.md", {"examples/custom_backend.cpp", "tests/cuda/two_files/training.hpp", "tests/cuda/units_test.cpp"}) >= 8);
  CHECK(compiled_blocks("docs/eigen.md", {"examples/with_eigen.cpp"}) == 5);
  CHECK(compiled_blocks("docs/families.md", {"examples/custom_family.cpp"}) == 3);
}

TEST_CASE("every link to a file of the repository leads to a file") {
  std::vector<std::filesystem::path> with_links = pages();
  with_links.insert(with_links.end(), {root / "README.md", root / "CHANGELOG.md"});
  int links = 0;
  for (const std::filesystem::path& page : with_links) {
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

TEST_CASE("every path below tests/ that a page names exists") {
  const std::regex path("(^|[^/\\w])(tests/[\\w./*]+)"), placeholder("\\*|FOLDER|NAME|folder|name_test");
  int paths = 0;
  for (const std::filesystem::path& page : pages()) {
    const std::string text = raptr::read_file(page);
    for (std::sregex_iterator at(text.begin(), text.end(), path), end; at != end; ++at, ++paths) {
      std::string name = (*at)[2];
      if (std::smatch first; std::regex_search(name, first, placeholder)) name = name.substr(0, name.rfind('/', std::size_t(first.position())));
      while (name.ends_with('.')) name.pop_back();
      INFO("page: ", page.string(), ", path: ", name);
      CHECK(std::filesystem::exists(root / name));
    }
  }
  CHECK(paths >= 30);
}

TEST_CASE("the tests that field_cases.md names exist, with these titles") {
  // In the last cell of a row: folder/name "title", "title"; folder/name
  const std::regex name_or_title("([\\w]+(?:/[\\w.]+)+)|\"([^\"]+)\"");
  std::istringstream lines(raptr::read_file(root / "docs/field_cases.md"));
  int names = 0, titles = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("| id |")) continue;
    line.resize(line.rfind('|'));
    const std::string cell = line.substr(line.rfind('|') + 1);
    std::string source;  // of the name before the title
    for (std::sregex_iterator at(cell.begin(), cell.end(), name_or_title), end; at != end; ++at) {
      INFO("tests: ", cell, ", name or title: ", at->str());
      if (const std::string name = (*at)[1]; !name.empty()) {
        const std::filesystem::path file = root / "tests" / name, test = file.string() + "_test.cpp";
        CHECK((std::filesystem::exists(file) || std::filesystem::exists(test) || std::filesystem::exists(file.string() + "_test.sh")));
        source = std::filesystem::exists(test) ? raptr::read_file(test) : "";
        ++names;
      } else {
        const std::string title = "(\"" + (*at)[2].str() + "\"";
        CHECK(source.find(title) != source.npos);
        ++titles;
      }
    }
  }
  CHECK(names >= 80);
  CHECK(titles >= 30);
}

}  // namespace
