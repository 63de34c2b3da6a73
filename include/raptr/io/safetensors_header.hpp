// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file: eight bytes of length, then JSON with the type, shape and offsets of each tensor. It is
// checked against the file size before memory for data is allocated, and each violation of the format has its own
// message, even where other readers accept it (duplicate keys, blanks before the first brace).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/file.hpp>
#include <raptr/io/json.hpp>

namespace raptr {

static_assert(std::endian::native == std::endian::little, "raptr: safetensors files are little-endian, and so must the target be");

/// The types that are read and written.
template <class T>
concept tensor_number = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

template <tensor_number T> inline constexpr std::string_view dtype_of = std::same_as<T, float>          ? "F32"
                                                                        : std::same_as<T, double>       ? "F64"
                                                                        : std::same_as<T, std::int32_t> ? "I32"
                                                                                                        : "I64";

/// The entry of a tensor in a header. first: offset of its data in the file.
struct tensor_entry {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t first = 0, bytes = 0;
  std::uint64_t end() const { return first + bytes; }
};
struct tensor_header {
  std::vector<tensor_entry> tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;
};

namespace detail {

struct dtype_size {
  std::string_view name;
  std::uint64_t bits;
};
/// All of the format's types, so that a file may contain tensors that are never read.
// clang-format off
inline constexpr std::array<dtype_size, 22> dtype_sizes{{
    {"BOOL", 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8}, {"I8", 8}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16}, {"U16", 16}, {"F16", 16}, {"BF16", 16}, {"I32", 32}, {"U32", 32}, {"F32", 32}, {"F64", 64}, {"I64", 64},
    {"U64", 64}, {"C64", 64}}};
// clang-format on
inline std::optional<std::uint64_t> bits_of_dtype(std::string_view name) {
  for (const auto& one : dtype_sizes)
    if (one.name == name) return one.bits;
  return std::nullopt;
}
/// nullopt also for a type of less than a byte.
inline std::optional<std::uint64_t> bytes_of_dtype(std::string_view name) {
  const auto bits = bits_of_dtype(name);
  return bits && *bits % 8 == 0 ? std::optional(*bits / 8) : std::nullopt;
}

/// a * b; nullopt if it does not fit 64 bits.
constexpr std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > ~std::uint64_t{0} / b) return std::nullopt;
  return a * b;
}

/// nullopt if an extent is negative or the product of some of the first ones does not fit 64 bits, as in the reference implementation.
inline std::optional<std::uint64_t> elements_of_shape(const std::vector<std::int64_t>& shape) {
  std::optional<std::uint64_t> elements = 1;
  for (const auto extent : shape)
    if (!elements || extent < 0 || !(elements = product(*elements, static_cast<std::uint64_t>(extent)))) return std::nullopt;
  return elements;
}
/// Bytes of a tensor; nullopt if they do not fit in 63 bits or there is no number of elements.
inline std::optional<std::uint64_t> bytes_of_shape(const std::vector<std::int64_t>& shape, std::uint64_t per_element) {
  const auto elements = elements_of_shape(shape);
  const auto bytes = elements ? product(*elements, per_element) : std::nullopt;
  return bytes && *bytes >> 63 == 0 ? bytes : std::nullopt;
}

/// The limit of PyTorch and NumPy; the format has none.
inline constexpr std::size_t highest_rank = 64;

inline std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const auto extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + ")";
}

/// A number written as digits alone: no sign, point or exponent, which the format's other readers reject too.
template <class Wrong> std::uint64_t plain_number(const json& value, std::uint64_t most, const std::string& as, const Wrong& wrong) {
  const std::string got = shown_json(value);
  if (!value.is_number()) wrong("a number " + as, got);
  if (value.is_number_float() && value.get<double>() < 0x1p64) wrong("a number without point or exponent " + as, got);
  if (value.is_number_integer() && !value.is_number_unsigned()) wrong("a number without a sign " + as, value == 0 ? "-0" : got);
  if (value.is_number_float() || value.get<std::uint64_t>() > most) wrong("at most " + std::to_string(most) + " " + as, got);
  return value.get<std::uint64_t>();
}

/// One entry of the header. place: offset of the end of its key, for errors; data: offset of the tensors in the file.
inline tensor_entry read_tensor_entry(const std::filesystem::path& file, const std::string& name, const json& value, std::uint64_t place,
                                      std::uint64_t data, std::uint64_t data_bytes) {
  const auto wrong = [&](const std::string& expected, const std::string& got) { errors::damaged_tensor(file, name, place, expected, got); };
  if (!value.is_object()) wrong("an object with dtype, shape and data_offsets", shown_json(value));
  const json *dtype = nullptr, *shape = nullptr, *offsets = nullptr;
  for (const auto& [key, member] : value.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") wrong("only the members dtype, shape and data_offsets", "\"" + shown(key) + "\"");
    (key == "dtype" ? dtype : key == "shape" ? shape : offsets) = &member;
  }
  for (const auto& [key, member] : {std::pair("dtype", dtype), std::pair("shape", shape), std::pair("data_offsets", offsets)})
    if (member == nullptr) wrong("a member " + std::string(key), shown_json(value));

  tensor_entry entry{name, {}, {}, 0, 0};
  if (!dtype->is_string()) wrong("a dtype that is a string", shown_json(*dtype));
  entry.dtype = dtype->get<std::string>();
  const auto per_element = bits_of_dtype(entry.dtype);
  if (!per_element) {
    std::string list;
    for (const auto& one : dtype_sizes) list += (list.empty() ? "" : ", ") + std::string(one.name);
    wrong("a dtype of " + list, shown_json(*dtype));
  }
  if (!shape->is_array()) wrong("a shape that is a list", shown_json(*shape));
  if (shape->size() > highest_rank) wrong("a shape of at most " + std::to_string(highest_rank) + " extents", std::to_string(shape->size()));
  for (const json& extent : *shape)
    entry.shape.push_back(static_cast<std::int64_t>(plain_number(extent, ~std::uint64_t{0} >> 1, "as an extent", wrong)));
  const auto elements = elements_of_shape(entry.shape), bits = elements ? product(*elements, *per_element) : std::nullopt;
  if (!bits) wrong("a shape of less than 2^61 bytes", entry.dtype + " " + shape_text(entry.shape));
  if (*bits % 8 != 0) wrong("a shape that fills whole bytes", entry.dtype + " " + shape_text(entry.shape));
  const std::uint64_t bytes = *bits / 8;
  if (!offsets->is_array() || offsets->size() != 2) wrong("data_offsets that are a list of begin and end", shown_json(*offsets));
  const auto begin = plain_number((*offsets)[0], ~std::uint64_t{0}, "as begin of data_offsets", wrong);
  const auto end = plain_number((*offsets)[1], ~std::uint64_t{0}, "as end of data_offsets", wrong);
  if (begin > end) wrong("data_offsets with the begin first", shown_json(*offsets));
  if (end - begin != bytes)
    wrong(std::to_string(bytes) + " bytes for " + entry.dtype + " " + shape_text(entry.shape),
          std::to_string(end - begin) + " from data_offsets " + shown_json(*offsets));
  if (end > data_bytes)
    errors::damaged_tensor(file, name, data + data_bytes, "data up to byte " + (end > ~std::uint64_t{0} - data ? "2^64" : std::to_string(data + end)),
                           "the end of the file");
  entry.first = data + begin;
  entry.bytes = bytes;
  return entry;
}

}  // namespace detail

/// Reads and checks the header of a file that has, or should have, `file_bytes` bytes.
inline tensor_header read_tensor_header(const open_file& from, std::uint64_t file_bytes) {
  constexpr std::uint64_t longest_header = 100'000'000;  // as in the reference implementation
  const auto& file = from.path();
  if (file_bytes < 8) errors::damaged_file(file, file_bytes, "8 bytes of header length", "the end of the file");
  std::array<std::byte, 8> field{};
  from.read_at(0, field);
  const auto length = std::bit_cast<std::uint64_t>(field);
  // Files of other kinds are detected here: a zip archive, a web page, a Git LFS pointer.
  const std::string got = std::to_string(length) + " (the bytes \"" + shown({reinterpret_cast<const char*>(field.data()), field.size()}) + "\")";
  if (length > longest_header)
    errors::damaged_file(file, 0, "a header length of at most " + std::to_string(longest_header) + ", the format's limit", got);
  if (length > file_bytes - 8)
    errors::damaged_file(
        file, 0, "a header length of at most " + std::to_string(file_bytes - 8) + ", as the file has " + std::to_string(file_bytes) + " bytes", got);
  std::string text(static_cast<std::size_t>(length), '\0');
  from.read_at(8, std::as_writable_bytes(std::span(text)));
  if (!text.starts_with('{'))
    errors::damaged_file(file, 8, "a header that begins with {", text.empty() ? "none" : "\"" + shown(text.substr(0, 1)) + "\"");
  std::vector<std::uint64_t> places;
  const json header = parse_json(text, file, 8, &places);

  const std::uint64_t data = 8 + length, data_bytes = file_bytes - data;
  tensor_header result;
  std::size_t index = 0;
  for (const auto& [name, value] : header.items()) {
    const auto place = places[index++];
    if (name != "__metadata__") {
      result.tensors.push_back(detail::read_tensor_entry(file, name, value, place, data, data_bytes));
      continue;
    }
    if (value.is_null()) continue;  // some writers mean an absent one
    if (!value.is_object()) errors::damaged_file(file, place, "an object as __metadata__", detail::shown_json(value));
    for (const auto& [key, entry] : value.items()) {
      if (!entry.is_string()) errors::damaged_file(file, place, "a string as __metadata__ \"" + shown(key) + "\"", detail::shown_json(entry));
      result.metadata[key] = entry.get<std::string>();
    }
  }
  std::ranges::stable_sort(result.tensors, {}, [](const tensor_entry& one) { return std::pair(one.first, one.bytes); });
  std::uint64_t at = data;
  for (const auto& one : result.tensors) {
    if (one.first > at) errors::damaged_tensor(file, one.name, at, "data that begins here", "a gap up to byte " + std::to_string(one.first));
    if (one.first < at)
      errors::damaged_tensor(file, one.name, one.first, "data from byte " + std::to_string(at) + " on", "an overlap with the tensor before it");
    at = one.end();
  }
  if (at != file_bytes) errors::damaged_file(file, at, "the end of the file", "bytes of no tensor up to byte " + std::to_string(file_bytes));
  return result;
}

}  // namespace raptr
