// SPDX-License-Identifier: Apache-2.0
// Lines of figures, printed as a table and written as JSON, one object per line.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace raptr::benchmarks {

inline double median_of(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

class figures {
 public:
  /// json: a file to append to, or null.
  explicit figures(const char* json) : file_(json ? std::fopen(json, "a") : nullptr) {
    if (json && !file_) std::fprintf(stderr, "cannot write %s\n", json), std::exit(1);
  }
  figures(const figures&) = delete;
  figures& operator=(const figures&) = delete;
  ~figures() {
    if (file_) std::fclose(file_);
  }

  void line(const std::string& what, const std::vector<std::pair<std::string, double>>& values) const {
    std::printf("%-34s", what.c_str());
    for (const auto& [name, value] : values) std::printf("  %s %.4g", name.c_str(), value);
    std::printf("\n"), std::fflush(stdout);
    if (!file_) return;
    std::fprintf(file_, "{\"what\": \"%s\"", what.c_str());
    for (const auto& [name, value] : values) std::fprintf(file_, ", \"%s\": %.9g", name.c_str(), value);
    std::fprintf(file_, "}\n"), std::fflush(file_);
  }

 private:
  std::FILE* file_;
};

}  // namespace raptr::benchmarks
