// SPDX-License-Identifier: Apache-2.0
// The headers compile after the macros of other libraries: they use none of those names, except the few that base/config.hpp refuses
// with a sentence and docs/building.md lists. two_units/three.cpp compiles all headers after the macros.
#include "levels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string>

#include <raptr/io/file.hpp>

namespace {

namespace fs = std::filesystem;
using names = std::set<std::string>;

const fs::path root = fs::path(RAPTR_TESTS_DIR).parent_path();

bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// The identifiers that a preprocessor may expand: those outside of directives, comments and literals.
names identifiers_of(const std::string& text) {
  names found;
  const auto end_of = [&](const std::string& mark, std::size_t from) { return std::min(text.size(), text.find(mark, from)); };
  bool line_is_empty = true;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (text.compare(at, 2, "//") == 0) {
      at = end_of("\n", at);
    } else if (text.compare(at, 2, "/*") == 0) {
      at = end_of("*/", at + 2) + 2;
    } else if (c == '#' && line_is_empty) {
      while ((at = end_of("\n", at)) < text.size() && text[at - 1] == '\\') ++at;
    } else if (text.compare(at, 3, "R\"(") == 0) {
      at = end_of(")\"", at + 3) + 2;
    } else if (c == '"' || c == '\'') {
      for (++at; at < text.size() && text[at] != c; ++at) at += text[at] == '\\';
      ++at;
    } else if (in_name(c)) {
      std::size_t end = at;  // a number keeps its separators: 1'000
      while (end < text.size() && (in_name(text[end]) || (text[end] == '\'' && std::isdigit(static_cast<unsigned char>(c))))) ++end;
      if (!std::isdigit(static_cast<unsigned char>(c))) found.insert(text.substr(at, end - at));
      at = end;
    } else {
      ++at;
    }
    if (at > 0 && at <= text.size()) line_is_empty = text[at - 1] == '\n' || (line_is_empty && (c == ' ' || c == '\t' || c == '\n'));
  }
  return found;
}
/// The words after each `before` of a text.
names words_after(const std::string& text, const std::string& before) {
  names found;
  for (auto at = text.find(before); at != text.npos; at = text.find(before, at + 1)) {
    std::size_t end = at + before.size();
    while (end < text.size() && in_name(text[end])) ++end;
    found.insert(text.substr(at + before.size(), end - at - before.size()));
  }
  return found;
}
/// The lines of config.hpp that refuse macros.
names refused_macros() {
  const std::string text = raptr::read_file(root / "include/raptr/base/config.hpp");
  names found;
  for (const std::string& name : words_after(text, "defined("))
    if (name.size() == 1 || name == "min" || name == "max") found.insert(name);
  return found;
}
/// The names in the list of docs/building.md.
names listed_macros() {
  const std::string page = raptr::read_file(root / "docs/building.md"), mark = "must not be macros: ";
  const auto at = page.find(mark);
  REQUIRE(at != page.npos);
  const std::string list = page.substr(at, page.find('.', at) - at);
  names found;
  for (std::size_t open = list.find('`'); open != list.npos;) {
    const auto close = list.find('`', open + 1);
    found.insert(list.substr(open + 1, close - open - 1));
    open = list.find('`', close + 1);
  }
  return found;
}

TEST_CASE("no header uses the name of a well-known macro, except those that are refused and listed") {
  names known = words_after(raptr::read_file(root / "tests/packaging/two_units/macros.hpp"), "#define "), used;
  CHECK(known.size() > 100);
  for (char letter = 'A'; letter <= 'Z'; ++letter) known.insert(std::string(1, letter));
  known.insert({"min", "max"});
  int headers = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / "include")) {
    if (entry.path().extension() != ".hpp" && entry.path().extension() != ".cuh") continue;
    ++headers;
    for (const std::string& name : identifiers_of(raptr::read_file(entry.path()))) {
      if (!known.contains(name)) continue;
      used.insert(name);
      INFO("header: ", entry.path().string(), ", name: ", name);
      CHECK(refused_macros().contains(name));
    }
  }
  CHECK(headers > 150);
  const auto tree = levels::read_headers(root / "include/raptr");
  for (const auto& [name, self] : tree) {
    const names all = identifiers_of(raptr::read_file(root / "include/raptr" / name));
    const bool uses = std::ranges::any_of(refused_macros(), [&](const std::string& one) { return one.size() == 1 && all.contains(one); });
    CHECK_MESSAGE((!uses || levels::reached(tree, name).contains("base/config.hpp")), name, " includes no base/config.hpp, which refuses macros");
  }
  CHECK(used == refused_macros());
}

TEST_CASE("docs/building.md lists the macros that are refused") { CHECK(listed_macros() == refused_macros()); }

TEST_CASE("an identifier is found in code, and not in comments, literals and directives") {
  CHECK(identifiers_of("template <class T> T near(int n);") == names{"template", "class", "T", "near", "int", "n"});
  CHECK(identifiers_of("// near\n/* far\n small */ a").size() == 1);
  CHECK(identifiers_of("f(\"a \\\" near\", 'N', 1'000, 0xA) + R\"(I am\n\"in\")\"") == names{"f"});
  CHECK(identifiers_of("#define C \\\n  D\nx  #E\n  # if I\ny") == names{"x", "E", "y"});
}

}  // namespace
