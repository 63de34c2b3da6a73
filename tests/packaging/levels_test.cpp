// SPDX-License-Identifier: Apache-2.0
// The order of the levels, on the real tree and on small trees with one breach each.
#include "levels.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

// A tree of headers in a temporary folder. It starts without a breach.
class small_tree {
 public:
  small_tree() : root_(fs::temp_directory_path() / ("raptr_levels_" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    add("base/error.hpp", "#include <string>");
    add("subnet/plan.hpp", "#include <raptr/base/error.hpp>");
    add("io/json.hpp", "#include <nlohmann/json.hpp>\n#include <raptr/base/error.hpp>");
    add("backend/ops.hpp", "");
    add("backend/cpu.hpp", "#include <raptr/backend/cpu/matmul.hpp>");
    add("backend/cpu/matmul.hpp", "#include \"../ops.hpp\"");
    add("backend/cuda.cuh", "#include <raptr/backend/ops.hpp>");
    add("train/trainer.hpp", "#include <raptr/subnet/plan.hpp>");
    add("train/metrics.hpp", "#include <raptr/io/json.hpp>\n#include <raptr/train/trainer.hpp>");
    add("raptr.hpp", "#include <raptr/backend/ops.hpp>\n#include <raptr/train/trainer.hpp>");
  }
  small_tree(const small_tree&) = delete;
  small_tree& operator=(const small_tree&) = delete;
  ~small_tree() { fs::remove_all(root_); }

  void add(const std::string& name, const std::string& body, const std::string& head = "// SPDX-License-Identifier: Apache-2.0\n#pragma once") {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << head << '\n' << body << '\n';
  }
  void remove(const std::string& name) { fs::remove(root_ / name); }
  std::string breaches() const { return joined(levels::breaches(root_)); }

 private:
  fs::path root_;
};

// The first parts of the names of all files that git knows; none outside a git checkout.
std::set<std::string> top_level_names() {
  std::string text;
  if (FILE* pipe = popen("git -C '" RAPTR_TESTS_DIR "/..' ls-files 2>/dev/null | cut -d/ -f1", "r")) {
    char part[4096];
    while (const auto count = std::fread(part, 1, sizeof part, pipe)) text.append(part, count);
    pclose(pipe);
  }
  std::set<std::string> names;
  std::istringstream lines(text);
  for (std::string name; std::getline(lines, name);) names.insert(name);
  return names;
}

TEST_CASE("the headers keep the order of the levels") { CHECK(joined(levels::breaches(fs::path(RAPTR_TESTS_DIR) / "../include/raptr")) == ""); }

TEST_CASE("a tree in order has no breach") { CHECK(small_tree().breaches() == ""); }

TEST_CASE("each breach of the order is found, and nothing else") {
  small_tree tree;
  std::string expected;
  SUBCASE("an include goes up a level") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/error.hpp>\n#include <raptr/backend/ops.hpp>");
    expected = "subnet/plan.hpp (level 1) includes backend/ops.hpp (level 2)\n";
  }
  SUBCASE("an include with spaces and quotes goes up a level") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/error.hpp>\n  #  include \"../backend/ops.hpp\"");
    expected = "subnet/plan.hpp (level 1) includes backend/ops.hpp (level 2)\n";
  }
  SUBCASE("a folder includes another one of its own level") {
    tree.add("io/json.hpp", "#include <raptr/subnet/plan.hpp>");
    expected = "io/json.hpp (level 1) includes subnet/plan.hpp (level 1)\n";
  }
  SUBCASE("raptr.hpp includes an internal header") {
    tree.add("subnet/detail/table.hpp", "");
    tree.add("raptr.hpp", "#include <raptr/backend/ops.hpp>\n#include <raptr/subnet/detail/table.hpp>\n#include <raptr/train/trainer.hpp>");
    expected = "raptr.hpp: includes the internal header subnet/detail/table.hpp\n";
  }
  SUBCASE("a folder includes an internal header of another one") {
    tree.add("subnet/tables/primes.hpp", "");
    tree.add("train/trainer.hpp", "#include <raptr/subnet/plan.hpp>\n#include <raptr/subnet/tables/primes.hpp>");
    expected = "train/trainer.hpp: includes the internal header subnet/tables/primes.hpp\nraptr.hpp: leads to the table subnet/tables/primes.hpp\n";
  }
  SUBCASE("two headers include each other") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/error.hpp>\n#include \"axis.hpp\"");
    tree.add("subnet/axis.hpp", "#include <raptr/subnet/plan.hpp>");
    expected = "subnet/axis.hpp: includes itself through subnet/plan.hpp\nsubnet/plan.hpp: includes itself through subnet/axis.hpp\n";
  }
  SUBCASE("raptr.hpp leads to tables of characters") {
    tree.add("tokenizers/tables/letters.hpp", "");
    tree.add("tokenizers/split.hpp", "#include <raptr/tokenizers/tables/letters.hpp>");
    tree.add("raptr.hpp", "#include <raptr/backend/ops.hpp>\n#include <raptr/tokenizers/split.hpp>\n#include <raptr/train/trainer.hpp>");
    expected = "raptr.hpp: leads to the table tokenizers/tables/letters.hpp\n";
  }
  SUBCASE("raptr.hpp misses a header") {
    tree.add("nn/block.hpp", "");
    expected = "raptr.hpp: misses nn/block.hpp\n";
  }
  SUBCASE("raptr.hpp leads to a header that needs nlohmann-json") {
    tree.add("raptr.hpp", "#include <raptr/backend/ops.hpp>\n#include <raptr/train/metrics.hpp>");
    expected = "raptr.hpp: leads to io/json.hpp, which needs nlohmann-json\n";
  }
  SUBCASE("raptr.hpp includes a backend") {
    tree.add("raptr.hpp", "#include <raptr/backend/cuda.cuh>\n#include <raptr/train/trainer.hpp>");
    expected = "raptr.hpp: includes the backend header backend/cuda.cuh\n";
  }
  SUBCASE("raptr.hpp is missing") {
    tree.remove("raptr.hpp");
    expected = "raptr.hpp: missing\n";
  }
  SUBCASE("a header has no licence line") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/error.hpp>", "#pragma once");
    expected = "subnet/plan.hpp: line 1 is not the SPDX line\n";
  }
  SUBCASE("a header has no guard") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/error.hpp>", "// SPDX-License-Identifier: Apache-2.0");
    expected = "subnet/plan.hpp: no #pragma once\n";
  }
  SUBCASE("a header is too long") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/error.hpp>" + std::string(298, '\n'));
    expected = "subnet/plan.hpp: 301 lines, at most 300\n";
  }
  SUBCASE("nlohmann-json is used outside io/") {
    tree.add("train/metrics.hpp", "#include <nlohmann/json.hpp>\n#include <raptr/io/json.hpp>");
    expected = "train/metrics.hpp: includes nlohmann/json.hpp outside io/\n";
  }
  SUBCASE("Eigen is used outside interop/ and its backend") {
    tree.add("backend/eigen.hpp", "#include <Eigen/Core>\n#include <raptr/backend/cpu.hpp>");
    tree.add("backend/eigen/core.hpp", "#include <Eigen/Core>");
    tree.add("interop/eigen.hpp", "#include <Eigen/Core>\n#include <raptr/backend/eigen/core.hpp>\n#include <raptr/train/trainer.hpp>");
    tree.add("subnet/plan.hpp", "#include <Eigen/Core>\n#include <raptr/base/error.hpp>");
    expected = "subnet/plan.hpp: includes Eigen/Core outside interop/ and the backend eigen\n";
  }
  SUBCASE("raptr.hpp leads to interop/") {
    tree.add("interop/eigen.hpp", "#include <raptr/train/trainer.hpp>");
    tree.add("raptr.hpp", "#include <raptr/backend/ops.hpp>\n#include <raptr/interop/eigen.hpp>");
    expected = "raptr.hpp: leads to interop/eigen.hpp\n";
  }
  SUBCASE("the CPU backend includes that of Eigen") {
    tree.add("backend/eigen.hpp", "");
    tree.add("backend/cpu.hpp", "#include <raptr/backend/cpu/matmul.hpp>\n#include <raptr/backend/eigen.hpp>");
    expected = "backend/cpu.hpp: includes the backend header backend/eigen.hpp\n";
  }
  SUBCASE("one backend includes the other") {
    tree.add("backend/cuda.cuh", "#include <raptr/backend/cpu/matmul.hpp>");
    expected = "backend/cuda.cuh: includes the backend header backend/cpu/matmul.hpp\n";
  }
  SUBCASE("the table of operations includes a backend") {
    tree.add("backend/cpu/matmul.hpp", "");
    tree.add("backend/ops.hpp", "#include <raptr/backend/cpu/matmul.hpp>");
    expected = "backend/ops.hpp: includes the backend header backend/cpu/matmul.hpp\n";
  }
  SUBCASE("a part of a network leads to the network") {
    tree.add("nn/stack.hpp", "");
    tree.add("nn/block.hpp", "#include <raptr/nn/stack.hpp>");
    tree.add("nn/layers/norm.hpp", "#include <raptr/nn/block.hpp>");
    tree.add("train/trainer.hpp", "#include <raptr/nn/layers/norm.hpp>\n#include <raptr/subnet/plan.hpp>");
    expected = "nn/layers/norm.hpp: leads to nn/stack.hpp\n";
  }
  SUBCASE("an included header does not exist") {
    tree.add("subnet/plan.hpp", "#include <raptr/base/errors.hpp>");
    expected = "subnet/plan.hpp: includes base/errors.hpp, which does not exist\nraptr.hpp: misses base/error.hpp\n";
  }
  SUBCASE("a folder has no level") {
    tree.add("misc/tools.hpp", "");
    expected = "misc/tools.hpp: the folder misc/ has no level\nraptr.hpp: misses misc/tools.hpp\n";
  }
  CHECK(tree.breaches() == expected);
}

TEST_CASE("the top level of the repository holds the agreed names and dot-files only") {
  const std::set<std::string> agreed = {"CMakeLists.txt", "CMakePresets.json", "include", "examples",     "tests",           "benchmarks", "docs",
                                        "cmake",          "README.md",         "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "findings"};
  for (const auto& name : top_level_names()) CHECK_MESSAGE((name.starts_with('.') || agreed.contains(name)), name);
}

}  // namespace
