// SPDX-License-Identifier: Apache-2.0
// What our reader says of many safetensors files, for tests/fuzz/safetensors_peer.py: on standard input each file as eight
// bytes of length and its bytes, on standard output a line of JSON for each: the sentence of the refusal, or the metadata
// and for each tensor name, type, shape and where its data lie.
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

#include <raptr/io/safetensors.hpp>

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: raptr_safetensors_verdicts SCRATCH_FILE\n");
    return 2;
  }
  const std::filesystem::path path = words[1];
  std::ios::sync_with_stdio(false);
  std::array<char, 8> field{};
  while (std::cin.read(field.data(), 8)) {
    std::string bytes(static_cast<std::size_t>(std::bit_cast<std::uint64_t>(field)), '\0');
    if (!std::cin.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return 1;
    raptr::open_file::writing(path).write(raptr::bytes_of(bytes));
    raptr::json line;
    try {
      const raptr::safetensors_reader file(path);
      auto tensors = raptr::json::array();
      for (const auto& one : file.tensors()) tensors.push_back({one.name, one.dtype, one.shape, one.first, one.bytes});
      line = {{"metadata", file.metadata()}, {"tensors", std::move(tensors)}};
    } catch (const raptr::file_error& error) {
      line = {{"refused", error.what()}};
    }
    std::cout << raptr::json_text(line, -1);
  }
  return 0;
}
