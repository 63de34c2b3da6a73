// SPDX-License-Identifier: Apache-2.0
// The readers of io/: JSON, UTF-8, the manifest of a checkpoint, safetensors.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>

#include <raptr/io/manifest.hpp>
#include <raptr/io/safetensors_numbers.hpp>
#include <raptr/io/sharded_safetensors.hpp>
#include <raptr/tokenizers/detail/code_points.hpp>

#include "../target.hpp"

using fuzz::accepts;
using fuzz::need;

namespace {

void run_json(std::string_view input) {
  const auto file = fuzz::folder() / "c.json";
  raptr::json value;
  if (!accepts([&] { value = raptr::parse_json(input, file); })) return;
  for (const int indent : {-1, 2}) need(raptr::parse_json(raptr::json_text(value, indent), file) == value, "JSON is read back as something else");
}
std::vector<std::string> json_seeds() {
  return {R"({"a": [1, -2, 3.5e-3, true, false, null, "ü\n\u00fc\ud83e\udd96"], "b": {"c": {}}, "d": [[], [[]]]})",
          "3",
          "\"\"",
          "[1, 18446744073709551615, 1e300, -0.0]",
          "{\"a\":1,\"b\":2}",
          "\xef\xbb\xbf{}"};
}

void run_utf8(std::string_view input) {
  // nlohmann-json has a decoder of its own, a table.
  bool sound = true;
  try {
    (void)raptr::json(std::string(input)).dump();
  } catch (const raptr::json::type_error&) {
    sound = false;
  }
  need(raptr::is_utf8(input) == sound, "another judgement of what is UTF-8");

  const auto text = raptr::shown(input);
  need(raptr::is_utf8(text) && text.size() <= 4 * input.size(), "shown() made what cannot be shown");
  for (const char c : text) need(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "shown() left a control character");

  std::string again;
  std::size_t first_bad = input.size();
  for (std::size_t at = 0; at < input.size();) {
    const auto next = raptr::first_code_point(input.substr(at));
    const bool is_bad = raptr::utf8_length(input.substr(at)) == 0;
    if (is_bad) {
      need(next.value == 0xfffd && next.length == 1, "a bad byte is not read alone");
      again += input[at];
      first_bad = std::min(first_bad, at);
    } else {
      raptr::append_utf8(again, next.value);
    }
    at += next.length;
  }
  need(again == input, "code points are written as other bytes");
  need(first_bad == raptr::first_not_utf8(input), "the first bad byte is another one");
  const auto file = fuzz::folder() / "c.json";
  need(raptr::bytes_from_json(raptr::parse_json(raptr::json_text(raptr::bytes_to_json(input)), file), file) == input,
       "bytes changed on their way through JSON");
}
std::vector<std::string> utf8_seeds() {
  return {"plain",
          "\xc3\xbc\xe2\x82\xac\xf0\x9f\xa6\x96",
          "\xc0\xaf\xe0\x80\xaf\xed\xa0\x80\xf4\x90\x80\x80\xf8",
          "\x7f\xc2\x80\xc2\x9f\xc2\xa0\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf",
          std::string("a\0b", 3),
          std::string(500, '\xff')};
}

bool same_file(const raptr::file_record& a, const raptr::file_record& b) { return a.name == b.name && a.bytes == b.bytes && a.blocks == b.blocks; }
void run_manifest(std::string_view input) {
  const auto file = fuzz::folder() / "manifest.json";
  (void)accepts([&] { (void)raptr::parse_manifest(input, file); });
  // And with the right sum, without which nearly all stops there.
  auto text = std::string(input);
  const auto sum = raptr::crc_text(raptr::crc32c(raptr::bytes_of(text)));
  text.append(raptr::detail::manifest_sum_key).append(sum).append(raptr::detail::manifest_end);
  raptr::folder_manifest read;
  if (!accepts([&] { read = raptr::parse_manifest(text, file); })) return;
  for (const auto& one : read.files)
    need(one.blocks.size() == (one.bytes + raptr::checksum_block - 1) / raptr::checksum_block, "sums that do not fit the size");
  const auto again = raptr::parse_manifest(raptr::manifest_text(read.files, read.run), file);
  need(std::ranges::equal(again.files, read.files, same_file) && again.run == read.run, "a manifest is read back as something else");
}
std::vector<std::string> manifest_seeds() {
  std::vector<std::string> seeds;
  const std::vector<raptr::file_record> files{
      {"model.safetensors", (std::uint64_t{2} << 20) + 5, {1, 0xffffffffU, 0x80000000U}}, {"n\xc3\xbc", 0, {}}, {"state.json", 17, {0x12345678U}}};
  for (std::size_t count = 0; count <= files.size(); ++count) {
    auto text = raptr::manifest_text(std::span(files).first(count), count % 2 ? "0123456789abcdef" : "");
    text.resize(text.rfind(raptr::detail::manifest_sum_key));
    seeds.push_back(std::move(text));
  }
  return seeds;
}

struct memory_sink {
  std::string bytes;
  std::filesystem::path name = fuzz::folder() / "memory.safetensors";
  void write(std::span<const std::byte> more) { bytes.append(reinterpret_cast<const char*>(more.data()), more.size()); }
  const std::filesystem::path& path() const { return name; }
};

template <class T> std::vector<T> data_of(const raptr::safetensors_reader& from, const raptr::tensor_entry& entry) {
  std::vector<T> data(static_cast<std::size_t>(entry.bytes / sizeof(T)));
  from.read<T>(entry.name, std::span(data));
  return data;
}
/// Calls f(T) for the type of a tensor; false if there is none.
template <class F> bool with_type(const raptr::tensor_entry& entry, F&& f) {
  const auto is = [&]<class T>(T zero) { return entry.dtype == raptr::dtype_of<T> && (f(zero), true); };
  return is(float{}) || is(double{}) || is(std::int32_t{}) || is(std::int64_t{});
}

void run_safetensors(std::string_view input) {
  const auto path = fuzz::put("m.safetensors", input);
  if (!accepts([&] { (void)raptr::safetensors_reader(path); })) return;
  const raptr::safetensors_reader from(path);
  std::vector<raptr::tensor_plan> plan;
  std::uint64_t bytes = 0;
  for (const auto& entry : from.tensors()) {
    need(entry.end() <= input.size() && from.find(entry.name) == &entry, "a tensor outside of the file, or not found");
    bytes += entry.bytes;
    if (raptr::is_floating(entry) && raptr::detail::bytes_of_shape(entry.shape, 1)) {
      std::vector<float> numbers(static_cast<std::size_t>(*raptr::detail::bytes_of_shape(entry.shape, 1)));
      raptr::read_numbers(from, entry, std::span(numbers));
    }
    if (with_type(entry, [](auto) {})) plan.push_back({entry.name, entry.dtype, entry.shape});
  }
  need(bytes <= input.size(), "more data than the file has");

  std::ranges::stable_sort(plan, std::ranges::greater{}, [](const auto& one) { return raptr::detail::bytes_of_dtype(one.dtype); });
  memory_sink sink;
  raptr::safetensors_writer to(sink, plan, from.metadata());
  for (const auto& one : plan)
    with_type(*from.find(one.name), [&]<class T>(T) { to.write<T>(one.name, std::span<const T>(data_of<T>(from, *from.find(one.name)))); });
  to.finish();
  const raptr::safetensors_reader again(fuzz::put("again.safetensors", sink.bytes));
  need(again.tensors().size() == plan.size(), "tensors were lost");
  auto metadata = from.metadata();
  metadata.try_emplace("format", "pt");
  need(again.metadata() == metadata, "other metadata");
  for (const auto& one : plan) {
    const auto &before = *from.find(one.name), &after = *again.find(one.name);
    need(before.shape == after.shape && before.dtype == after.dtype, "another shape or type");
    with_type(before, [&]<class T>(T) {
      const auto a = data_of<T>(from, before), b = data_of<T>(again, after);
      need(a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0, "other data");
    });
  }
}
std::string safetensors_file(const std::string& header, std::size_t data) {
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{header.size()});
  return std::string(length.data(), 8) + header + std::string(data, '\x3f');
}
std::vector<std::string> safetensors_seeds() {
  std::vector<std::string> seeds;
  const auto add = [&](const std::string& header, std::size_t data) { seeds.push_back(safetensors_file(header, data)); };
  add("{}", 0);
  add(R"({"__metadata__":{"format":"pt","step":"120"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})", 16);
  add(R"({"b":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}  )", 16);
  add(R"({"h":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},"g":{"dtype":"F16","shape":[1],"data_offsets":[6,8]},)"
      R"("e":{"dtype":"F32","shape":[5,0],"data_offsets":[8,8]}})",
      8);
  add(R"({"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"i":{"dtype":"I32","shape":[2],"data_offsets":[1,9]}})", 9);
  add(R"({"q":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},"__metadata__":null,"r":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[3,6]}})", 6);
  return seeds;
}

/// model.safetensors.index.json beside two files of one tensor each.
void run_tensor_index(std::string_view input) {
  const auto folder = fuzz::folder() / "indexed";
  if (std::filesystem::create_directory(folder))
    for (const std::string name : {"a", "b"})
      fuzz::put("indexed/" + name + ".safetensors", safetensors_file("{\"" + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8));
  fuzz::put("indexed/model.safetensors.index.json", input);
  std::vector<std::string> names;
  const auto read = [&] {
    const raptr::sharded_safetensors files(folder);
    for (const auto& [name, place] : files.tensors()) {
      need(files.file(place).find(name) == place.entry && place.entry->name == name, "a tensor in another file");
      names.push_back(name);
    }
  };
  if (accepts(read)) need(names.size() <= 2, "tensors that are in no file");
}
std::vector<std::string> tensor_index_seeds() {
  return {R"({"metadata":{"total_size":16},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}})", R"({"weight_map":{"a":"a.safetensors"}})",
          R"({"weight_map":{}})"};
}

}  // namespace

const fuzz::target fuzz::json{"json", run_json, json_seeds};
const fuzz::target fuzz::utf8{"utf8", run_utf8, utf8_seeds};
const fuzz::target fuzz::manifest{"manifest", run_manifest, manifest_seeds};
const fuzz::target fuzz::safetensors{"safetensors", run_safetensors, safetensors_seeds};
const fuzz::target fuzz::tensor_index{"tensor_index", run_tensor_index, tensor_index_seeds};
