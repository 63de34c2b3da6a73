// SPDX-License-Identifier: Apache-2.0
// Drives the targets. Built for clang's fuzzer it is that fuzzer with --target=NAME and, to write the seeds,
// --seeds=FOLDER. Otherwise it is a program of its own that any compiler builds: seeds, stored inputs and mutants of both,
// the same ones in every run, until the time is over.
//
//   raptr_fuzz SECONDS [TARGET ...]   the named targets, or all; an input that ends the program stays where it says
//   raptr_fuzz TARGET FILE ...        these inputs
#include "target.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iterator>

#include <raptr/io/file.hpp>

namespace fs = std::filesystem;

namespace fuzz {

namespace {

class own_folder {
 public:
  own_folder() {
    const bool memory = ::access("/dev/shm", W_OK | X_OK) == 0;
    std::string name = ((memory ? fs::path("/dev/shm") : fs::temp_directory_path()) / "raptr-fuzz-XXXXXX").native();
    need(::mkdtemp(name.data()) != nullptr, "no scratch folder");
    path_ = name;
  }
  ~own_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

const fs::path& folder() {
  static const own_folder one;
  return one.path();
}
fs::path put(std::string_view name, std::string_view bytes) {
  auto path = folder() / name;
  raptr::open_file::writing(path).write(raptr::bytes_of(bytes));
  return path;
}

namespace {

const target& named(std::string_view name) {
  for (const target* const one : all)
    if (one->name == name) return *one;
  std::string names;
  for (const target* const one : all) names.append(" ").append(one->name);
  std::fprintf(stderr, "no target \"%s\"; there are%s\n", std::string(name).c_str(), names.c_str());
  std::exit(2);
}

}  // namespace
}  // namespace fuzz

#ifdef RAPTR_FUZZ_WITH_CLANG

namespace {
const fuzz::target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  for (int i = 1; i < *count; ++i) {
    const std::string_view word = (*words)[i];
    if (word.starts_with("--target=")) chosen = &fuzz::named(word.substr(9));
    if (!word.starts_with("--seeds=")) continue;
    if (chosen == nullptr) fuzz::named("");
    int number = 0;
    for (const auto& seed : chosen->seeds()) std::ofstream(fs::path(word.substr(8)) / ("seed" + std::to_string(number++)), std::ios::binary) << seed;
  }
  if (chosen == nullptr) fuzz::named("");
  return 0;
}
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#else

namespace {

/// The same numbers everywhere, unlike those of <random>'s distributions.
class dice {
 public:
  explicit dice(std::uint64_t key) : state_(key) {}
  /// 0 .. sides - 1; 0 for 0 sides.
  std::size_t roll(std::size_t sides) {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return sides == 0 ? 0 : static_cast<std::size_t>((x ^ x >> 31) % sides);
  }

 private:
  std::uint64_t state_;
};

/// What readers of numbers, names and JSON stumble over.
const std::vector<std::string> pieces{"0",
                                      "-0",
                                      "-1",
                                      "1e3",
                                      "1.0",
                                      "1e999",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "4294967296",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "[[",
                                      "{}",
                                      "[]",
                                      ",",
                                      ":",
                                      "\"",
                                      "\\",
                                      "\\u0000",
                                      "\\ud800",
                                      "null",
                                      "true",
                                      "\"\"",
                                      " ",
                                      "\t",
                                      "\n",
                                      "\r",
                                      "\r\n",
                                      "\n\n",
                                      "\xef\xbb\xbf",
                                      std::string(1, '\0'),
                                      "\xff",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x9f\xa6\x96",
                                      "#",
                                      "#version: 0.2\n",
                                      "##",
                                      "[UNK]",
                                      "<|endoftext|>",
                                      "@",
                                      "@^",
                                      "-",
                                      "/",
                                      "(",
                                      ")",
                                      " for ",
                                      " then ",
                                      " with ",
                                      "full",
                                      "NaN"};

std::string mutant(const std::vector<std::string>& seeds, dice& random) {
  std::string text = seeds[random.roll(seeds.size())];
  for (std::size_t left = 1 + random.roll(4); left > 0; --left) {
    const auto at = random.roll(text.size() + 1), length = random.roll(std::min<std::size_t>(text.size() - at, 32) + 1);
    switch (random.roll(9)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(static_cast<unsigned char>(random.roll(256)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.roll(7)));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.insert(at, pieces[random.roll(pieces.size())]);
        break;
      case 5:
        text.replace(at, length, pieces[random.roll(pieces.size())]);
        break;
      case 6: {
        const auto& other = seeds[random.roll(seeds.size())];
        text.insert(at, other.substr(random.roll(other.size() + 1), random.roll(64)));
        break;
      }
      case 7:
        text.resize(at);
        break;
      default: {  // another number in the place of one
        const auto digit = text.find_first_of("0123456789", at);
        if (digit == text.npos) break;
        const auto end = std::min(text.find_first_not_of("0123456789", digit), text.size());
        text.replace(digit, end - digit, pieces[random.roll(11)]);
      }
    }
  }
  return text;
}

std::vector<std::string> stored(const fuzz::target& one) {
  std::vector<fs::path> files;
  const auto folder = fs::path(RAPTR_TESTS_DIR) / "fuzz" / "corpus" / one.name;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(raptr::read_file(file));
  return inputs;
}

void run(const fuzz::target& one, std::chrono::steady_clock::duration time) {
  const auto begin = std::chrono::steady_clock::now();
  auto inputs = one.seeds();
  std::ranges::move(stored(one), std::back_inserter(inputs));
  std::size_t number = 0;
  const auto each = [&](const std::string& input) {
    fuzz::put("input", input);  // if the process ends here, this is what ended it
    one.run(input);
    ++number;
  };
  for (const auto& input : inputs) each(input);
  while (std::chrono::steady_clock::now() - begin < time) {
    dice random(number);
    each(mutant(inputs, random));
  }
  std::printf("%-15s %8zu inputs in %.1f s\n", std::string(one.name).c_str(), number,
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::vector<std::string> given(words + std::min(count, 1), words + count);
    if (given.empty()) {
      std::fprintf(stderr, "usage: raptr_fuzz SECONDS [TARGET ...]\n       raptr_fuzz TARGET FILE ...\n");
      return 2;
    }
    if (given[0].find_first_not_of("0123456789.") != given[0].npos) {
      const auto& one = fuzz::named(given[0]);
      for (std::size_t i = 1; i < given.size(); ++i) one.run(raptr::read_file(given[i]));
      return 0;
    }
    std::vector<const fuzz::target*> chosen;
    for (std::size_t i = 1; i < given.size(); ++i) chosen.push_back(&fuzz::named(given[i]));
    if (chosen.empty()) chosen.assign(fuzz::all.begin(), fuzz::all.end());
    const auto time = std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(std::stod(given[0])));
    std::printf("an input that ends this program stays as %s\n", (fuzz::folder() / "input").c_str());
    std::fflush(stdout);
    for (const fuzz::target* const one : chosen) run(*one, time);
  } catch (const std::exception& error) {
    fuzz::broken(std::string("an exception left a reader: ") + error.what());
  }
}

#endif
