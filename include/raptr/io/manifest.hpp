// SPDX-License-Identifier: Apache-2.0
// manifest.json marks a folder as a finished checkpoint: names, sizes and the CRC-32C of every MiB of its files, and the id of the
// run that wrote it. Its last line is the checksum of all bytes before that line, so the manifest is verified too. Files not listed in it are
// ignored: notes beside a checkpoint do no harm.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/base/stop.hpp>
#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>
#include <raptr/io/json.hpp>
#include <raptr/io/safetensors_header.hpp>

namespace raptr {

struct file_record {
  std::string name;
  std::uint64_t bytes = 0;
  std::vector<std::uint32_t> blocks;  // CRC-32C of each checksum_block
};
struct folder_manifest {
  std::vector<file_record> files;
  std::string run{};  // the id of the run that wrote the folder; empty: of none
};

inline constexpr std::string_view manifest_name = "manifest.json";

namespace detail {

inline constexpr std::string_view manifest_format = "raptr checkpoint manifest";
inline constexpr std::string_view manifest_sum_key = "  \"manifest_crc32c\": \"";
inline constexpr std::string_view manifest_end = "\"\n}\n";

inline bool can_name_file(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find_first_of(std::string_view("/\0", 2)) == name.npos && name != manifest_name &&
         is_utf8(name);
}

inline std::optional<std::uint32_t> parse_crc(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (code != std::errc{} || end != text.data() + text.size() || crc_text(value) != text) return std::nullopt;
  return value;
}

inline json json_list(const json& object, std::string_view name, const std::filesystem::path& file) {
  auto list = json_member<json>(object, name, file);
  if (!list.is_array()) errors::wrong_member(file, name, "a list", shown_json(list));
  return list;
}

}  // namespace detail

inline std::string manifest_text(std::span<const file_record> files, const std::string& run = "") {
  json list = json::array();
  for (const auto& one : files) {
    json blocks = json::array();
    for (const auto sum : one.blocks) blocks.push_back(crc_text(sum));
    list.push_back({{"name", one.name}, {"bytes", one.bytes}, {"blocks", std::move(blocks)}});
  }
  json all = {{"format", detail::manifest_format}, {"version", 1}, {"checksum", "crc32c"}, {"block_bytes", checksum_block}};
  if (!run.empty()) all["run"] = run;
  all["files"] = std::move(list);
  std::string text = json_text(all);
  text.resize(text.rfind("\n}"));
  text += ",\n";
  const auto sum = crc_text(crc32c(bytes_of(text)));
  return text.append(detail::manifest_sum_key).append(sum).append(detail::manifest_end);
}

/// Throws file_error when any byte of the text was changed, or when a member is invalid.
inline folder_manifest parse_manifest(std::string_view text, const std::filesystem::path& file) {
  const std::size_t tail = detail::manifest_sum_key.size() + 8 + detail::manifest_end.size();
  const auto body = text.substr(0, text.size() < tail ? 0 : text.size() - tail);
  const auto last = text.substr(body.size());
  const auto sum = crc_text(crc32c(bytes_of(body)));
  if (last != std::string(detail::manifest_sum_key) + sum + std::string(detail::manifest_end))
    errors::damaged_file(file, body.size(), "the line \"manifest_crc32c\": \"" + sum + "\" and the end", "\"" + shown(last) + "\"");
  const json manifest = parse_json(text, file);
  const auto format = json_member<std::string>(manifest, "format", file), checksum = json_member<std::string>(manifest, "checksum", file);
  if (format != detail::manifest_format)
    errors::wrong_member(file, "format", "\"" + std::string(detail::manifest_format) + "\"", "\"" + shown(format) + "\"");
  refuse_other_members(manifest, {"format", "version", "checksum", "block_bytes", "run", "files", "manifest_crc32c"}, file);
  if (const auto version = json_member<int>(manifest, "version", file); version != 1)
    errors::wrong_member(file, "version", "1, the only supported version", std::to_string(version));
  if (checksum != "crc32c") errors::wrong_member(file, "checksum", "\"crc32c\"", "\"" + shown(checksum) + "\"");
  if (const auto block = json_member<std::uint64_t>(manifest, "block_bytes", file); block != checksum_block)
    errors::wrong_member(file, "block_bytes", std::to_string(checksum_block), std::to_string(block));

  folder_manifest all;
  if (manifest.contains("run")) all.run = json_member<std::string>(manifest, "run", file);
  std::set<std::string> names;
  for (const json& one : detail::json_list(manifest, "files", file)) {
    file_record record{json_member<std::string>(one, "name", file), json_member<std::uint64_t>(one, "bytes", file), {}};
    refuse_other_members(one, {"name", "bytes", "blocks"}, file);
    if (!detail::can_name_file(record.name) || !names.insert(record.name).second) errors::wrong_file_name(file.parent_path(), record.name);
    for (const json& block : detail::json_list(one, "blocks", file)) {
      const auto value = block.is_string() ? detail::parse_crc(block.get<std::string>()) : std::nullopt;
      if (!value) errors::wrong_member(file, "blocks", "sums of eight digits 0 to 9 and a to f", detail::shown_json(block));
      record.blocks.push_back(*value);
    }
    const auto blocks = record.bytes / checksum_block + (record.bytes % checksum_block != 0 ? 1 : 0);
    if (record.blocks.size() != blocks)
      errors::wrong_member(file, "blocks", std::to_string(blocks) + " sums for the " + std::to_string(record.bytes) + " bytes of " + record.name,
                           std::to_string(record.blocks.size()));
    all.files.push_back(std::move(record));
  }
  return all;
}

inline folder_manifest read_manifest(const std::filesystem::path& folder) {
  const auto file = folder / manifest_name;
  std::error_code code;
  if (!std::filesystem::exists(file, code) && std::filesystem::is_directory(folder, code)) errors::unfinished_folder(folder);
  return parse_manifest(read_file(file, std::uint64_t{1} << 28), file);
}

namespace detail {

/// The tensors of a safetensors file in its bytes first .. last, for a message; empty for other files.
inline std::string tensors_between(const open_file& file, std::uint64_t file_bytes, std::uint64_t first, std::uint64_t last) {
  if (file.path().extension() != ".safetensors") return {};
  try {
    const auto header = read_tensor_header(file, file_bytes);
    std::string from, to;
    for (const auto& one : header.tensors) {
      if (one.bytes == 0 || one.first > last || one.end() <= first) continue;
      to = shown(one.name);
      if (from.empty()) from = to;
    }
    if (from.empty()) return "in the header";
    return from == to ? "in tensor " + from : "in the tensors from " + from + " to " + to;
  } catch (const error&) {
    return "in a file whose header is unreadable";
  }
}

inline void verify_blocks(const std::filesystem::path& path, const file_record& record, const std::stop_token& stop) {
  const auto file = open_file::reading(path);
  std::vector<std::byte> block;
  for (std::size_t i = 0; i < record.blocks.size(); ++i) {
    throw_if_stopped(stop);
    const auto first = i * checksum_block;
    const auto left = record.bytes - first, size = left < checksum_block ? left : checksum_block;
    block.resize(static_cast<std::size_t>(size));
    file.read_at(first, block);
    const auto sum = crc32c(block);
    if (sum == record.blocks[i]) continue;
    auto where = tensors_between(file, record.bytes, first, first + size - 1);
    if (!where.empty()) where = ", " + where;
    if (const auto byte = single_changed_byte(record.blocks[i], sum, size)) {
      const auto at = first + *byte;
      const auto tensor = tensors_between(file, record.bytes, at, at);
      where += "; if one byte was changed, it is byte " + std::to_string(at) + (tensor.empty() ? "" : ", " + tensor);
    }
    errors::damaged_block(path, first, first + size - 1, crc_text(record.blocks[i]), crc_text(sum), where);
  }
}

}  // namespace detail

/// How much of a folder is checked: manifest and sizes (instant), or every byte as well.
enum class verification { sizes, contents };

/// Throws file_error, naming file, bytes and, in a safetensors file, the tensor, if the folder has changed since it was
/// written. Throws stopped on a request. Returns the manifest.
inline folder_manifest verify_folder(const std::filesystem::path& folder, verification depth = verification::contents,
                                     const std::stop_token& stop = {}) {
  folder_manifest manifest = read_manifest(folder);
  for (const auto& record : manifest.files) {
    const auto path = folder / record.name;
    const auto file = open_file::reading(path);
    if (const auto bytes = file.size(); bytes != record.bytes) {
      const auto place = bytes < record.bytes ? bytes : record.bytes;
      const auto where = detail::tensors_between(file, record.bytes, place, place);
      errors::damaged_file(path, place, std::to_string(record.bytes) + " bytes in all",
                           std::to_string(bytes) + (where.empty() ? "" : ", cut " + where));
    }
    if (depth == verification::contents) detail::verify_blocks(path, record, stop);
  }
  return manifest;
}

}  // namespace raptr
