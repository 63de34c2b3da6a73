// SPDX-License-Identifier: Apache-2.0
// The name of a kernel from its address: the program's own table of symbols has it, template arguments included, and needs no help from
// whoever starts the kernel. A stripped program, or another format than ELF, gives the address.
#pragma once
#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <unordered_map>

#include "state.hpp"

namespace emulator::inside {

/// Addresses within the file of all functions of this program, and their mangled names.
inline std::unordered_map<std::uintptr_t, std::string> functions_of_program() {
  std::unordered_map<std::uintptr_t, std::string> names;
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto read = [&]<class T>(std::size_t at, T) {
    T value{};
    if (at + sizeof value <= bytes.size()) __builtin_memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  const auto header = read(0, ElfW(Ehdr){});
  const auto section = [&](std::size_t i) { return read(header.e_shoff + i * sizeof(ElfW(Shdr)), ElfW(Shdr){}); };
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto symbols = section(i);
    if (symbols.sh_type != SHT_SYMTAB) continue;
    const auto strings = section(symbols.sh_link);
    for (std::size_t at = 0; at < symbols.sh_size; at += sizeof(ElfW(Sym))) {
      const auto symbol = read(symbols.sh_offset + at, ElfW(Sym){});
      const std::size_t name = strings.sh_offset + symbol.st_name;
      if ((symbol.st_info & 15) == STT_FUNC && name < bytes.size()) names.emplace(symbol.st_value, bytes.c_str() + name);
    }
  }
  return names;
}

inline std::uintptr_t start_of_program() {
  std::uintptr_t start = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* program, std::size_t, void* found) {
        *static_cast<std::uintptr_t*>(found) = program->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &start);
  return start;
}

inline const std::string& name_of(const void* kernel) {
  static std::map<const void*, std::string> known;
  const auto found = known.find(kernel);
  if (found != known.end()) return found->second;
  static const std::unordered_map<std::uintptr_t, std::string> functions = functions_of_program();
  const auto mangled = functions.find(reinterpret_cast<std::uintptr_t>(kernel) - start_of_program());
  if (mangled == functions.end()) return known[kernel] = text("the kernel at %p", kernel);
  int status = 0;
  char* const plain = abi::__cxa_demangle(mangled->second.c_str(), nullptr, nullptr, &status);
  known[kernel] = plain ? plain : mangled->second;
  std::free(plain);
  return known[kernel];
}

}  // namespace emulator::inside
