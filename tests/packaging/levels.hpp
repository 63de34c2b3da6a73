// SPDX-License-Identifier: Apache-2.0
// Reads the headers as text and lists every breach of their order. A header includes its own folder and lower levels only, so two
// folders of one level never meet; there are no cycles, and nothing but a backend includes a backend. It takes any tree, so that a
// test can give it a broken one.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace levels {

namespace fs = std::filesystem;

inline const std::map<std::string, int> level_of_folder = {
    {"base", 0},  {"tensor", 1}, {"subnet", 1}, {"io", 1},         {"schedule", 2}, {"backend", 2}, {"tokenizers", 2}, {"nn", 3}, {"models", 4},
    {"optim", 4}, {"data", 4},   {"comm", 4},   {"checkpoint", 5}, {"train", 6},    {"run", 7},     {"interop", 7},    {"", 8}};
inline constexpr int most_lines = 300;

struct header {
  std::string folder;              // "subnet"; "" for raptr.hpp
  std::string backend;             // "cpu" for backend/cpu.hpp and backend/cpu/x.hpp, "eigen" and "cuda" likewise; "" for other headers
  std::vector<std::string> lines;  // as they are
  std::vector<std::string> ours;   // "subnet/key.hpp", from <raptr/...> and "..."
  std::set<std::string> others;    // "nlohmann/json.hpp"
};

inline std::string text_between(const std::string& line, std::size_t open) {
  if (open == std::string::npos || open + 1 >= line.size()) return {};
  const auto close = line.find(line[open] == '<' ? '>' : '"', open + 1);
  return close == std::string::npos ? std::string{} : line.substr(open + 1, close - open - 1);
}

inline header read_header(const fs::path& root, const fs::path& name) {
  header read;
  const auto folder = name.parent_path();
  read.folder = folder.empty() ? "" : folder.begin()->string();
  for (const char* backend : {"cpu", "eigen", "cuda"})
    if (const auto place = "backend/" + std::string(backend); folder == place || name.parent_path() / name.stem() == place) read.backend = backend;
  std::ifstream file(root / name);
  for (std::string line; std::getline(file, line);) {
    read.lines.push_back(line);
    const auto hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const auto word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const auto open = line.find_first_of("<\"", word);
    const auto included = text_between(line, open);
    if (included.starts_with("raptr/")) {
      read.ours.push_back(included.substr(6));
    } else if (open != std::string::npos && line[open] == '"') {
      read.ours.push_back((folder / included).lexically_normal().generic_string());
    } else {
      read.others.insert(included);
    }
  }
  return read;
}

/// All headers below `root` (the folder include/raptr), by their name below it.
inline std::map<std::string, header> read_headers(const fs::path& root) {
  std::map<std::string, header> headers;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto name = entry.path().lexically_relative(root);
    if (name.extension() == ".hpp" || name.extension() == ".cuh") headers[name.generic_string()] = read_header(root, name);
  }
  return headers;
}

/// `from` and everything that it includes, directly or not.
inline std::set<std::string> reached(const std::map<std::string, header>& headers, const std::string& from) {
  std::set<std::string> seen;
  std::vector<std::string> open = {from};
  while (!open.empty()) {
    const auto name = open.back();
    open.pop_back();
    if (!seen.insert(name).second || !headers.contains(name)) continue;
    for (const auto& next : headers.at(name).ours) open.push_back(next);
  }
  return seen;
}

inline bool is_in(const std::string& name, const std::string& folder) { return name.starts_with(folder + "/"); }

inline bool is_table(const std::string& name) { return name.find("/tables/") != std::string::npos; }
/// Headers for their own top folder only.
inline bool is_internal(const std::string& name) { return name.find("/detail/") != std::string::npos || is_table(name); }

inline void check_header(const std::map<std::string, header>& headers, const std::string& name, std::vector<std::string>& wrong) {
  const auto& self = headers.at(name);
  if (!level_of_folder.contains(self.folder)) {
    wrong.push_back(name + ": the folder " + self.folder + "/ has no level");
    return;
  }
  if (self.lines.empty() || self.lines.front() != "// SPDX-License-Identifier: Apache-2.0") wrong.push_back(name + ": line 1 is not the SPDX line");
  if (std::find(self.lines.begin(), self.lines.end(), "#pragma once") == self.lines.end()) wrong.push_back(name + ": no #pragma once");
  if (self.lines.size() > most_lines)
    wrong.push_back(name + ": " + std::to_string(self.lines.size()) + " lines, at most " + std::to_string(most_lines));
  for (const auto& other : self.others) {
    if (other.starts_with("nlohmann/") && self.folder != "io") wrong.push_back(name + ": includes " + other + " outside io/");
    if (other.starts_with("Eigen/") && self.folder != "interop" && self.backend != "eigen")
      wrong.push_back(name + ": includes " + other + " outside interop/ and the backend eigen");
  }
  for (const char* engine : {"mpi", "nccl"})
    if (self.others.contains(std::string(engine) + ".h") && !name.starts_with(std::string("comm/") + engine))
      wrong.push_back(name + ": includes " + engine + ".h outside comm/" + engine + "*");
  for (const auto& included : self.ours) {
    const auto found = headers.find(included);
    if (found == headers.end()) {
      wrong.push_back(name + ": includes " + included + ", which does not exist");
      continue;
    }
    const auto& next = found->second;
    if (!level_of_folder.contains(next.folder)) continue;
    const int mine = level_of_folder.at(self.folder), theirs = level_of_folder.at(next.folder);
    if (theirs > mine || (theirs == mine && next.folder != self.folder)) {
      wrong.push_back(name + " (level " + std::to_string(mine) + ") includes " + included + " (level " + std::to_string(theirs) + ")");
    }
    if (next.folder != self.folder && is_internal(included)) wrong.push_back(name + ": includes the internal header " + included);
    const bool builds_on = (self.backend == "eigen" && next.backend == "cpu") ||  // threads, ranges and row kernels are those of the CPU
                           (self.folder == "interop" && included == "backend/eigen/core.hpp") ||
                           (name.starts_with("comm/nccl") && next.backend == "cuda");  // streams, events, memory
    if (!next.backend.empty() && next.backend != self.backend && !builds_on) wrong.push_back(name + ": includes the backend header " + included);
    if (reached(headers, included).contains(name)) wrong.push_back(name + ": includes itself through " + included);
  }
  // The parts of a network do not know the network.
  if (is_in(name, "nn/layers") || is_in(name, "nn/objectives") || is_in(name, "nn/policies"))
    for (const auto& below : reached(headers, name))
      for (const char* whole : {"nn/network.hpp", "nn/stack.hpp", "nn/token_head.hpp", "nn/transformer.hpp"})
        if (below == whole) wrong.push_back(name + ": leads to " + below);
}

/// A communicator on an engine of its own, with its own CMake component: comm/mpi.hpp, comm/nccl.cuh and what they are made of.
inline bool is_engine(const std::string& name) { return name.starts_with("comm/mpi") || name.starts_with("comm/nccl"); }

/// raptr.hpp leads to every public header, except the backends, the engines of comm/, what reads files, what needs tables of characters, run/ and interop/,
/// and to none of these or of nlohmann-json.
inline void check_list_of_all(const std::map<std::string, header>& headers, std::vector<std::string>& wrong) {
  const auto all = reached(headers, "raptr.hpp");
  for (const auto& [name, self] : headers) {
    const auto below = reached(headers, name);
    const bool reads_files = std::any_of(below.begin(), below.end(), [](const auto& one) { return is_in(one, "io"); });
    const bool reads_tables = std::any_of(below.begin(), below.end(), is_table);
    const bool needs_json = std::any_of(self.others.begin(), self.others.end(), [](const auto& one) { return one.starts_with("nlohmann/"); });
    if (!all.contains(name) && self.backend.empty() && !reads_files && !reads_tables && !is_internal(name) && self.folder != "run" &&
        self.folder != "interop" && !is_engine(name))
      wrong.push_back("raptr.hpp: misses " + name);
    if (all.contains(name) && is_table(name)) wrong.push_back("raptr.hpp: leads to the table " + name);
    if (all.contains(name) && is_engine(name)) wrong.push_back("raptr.hpp: leads to " + name);
    if (all.contains(name) && self.folder == "interop") wrong.push_back("raptr.hpp: leads to " + name);
    if (all.contains(name) && needs_json) wrong.push_back("raptr.hpp: leads to " + name + ", which needs nlohmann-json");
  }
}

/// Every breach below `root` as one line; empty when all is well.
inline std::vector<std::string> breaches(const fs::path& root) {
  const auto headers = read_headers(root);
  std::vector<std::string> wrong;
  for (const auto& [name, self] : headers) check_header(headers, name, wrong);
  if (headers.contains("raptr.hpp")) {
    check_list_of_all(headers, wrong);
  } else {
    wrong.push_back("raptr.hpp: missing");
  }
  return wrong;
}

}  // namespace levels
