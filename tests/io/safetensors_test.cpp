// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <raptr/io/safetensors_numbers.hpp>

#include "scratch_folder.hpp"

namespace {

std::string length_field(std::uint64_t length) {
  std::string field(8, '\0');
  std::memcpy(field.data(), &length, 8);
  return field;
}
std::string file_of(const std::string& header, std::size_t data, char fill = '\0') {
  return length_field(header.size()) + header + std::string(data, fill);
}

/// "accepted", or what the reader says.
std::string verdict(const std::string& bytes) {
  const scratch_folder in;
  overwrite(in / "m.safetensors", bytes);
  auto said = sentence_of([&] { raptr::safetensors_reader(in / "m.safetensors"); });
  return said == "nothing was thrown" ? "accepted" : said.substr(said.find("m.safetensors"));
}
std::string verdict(const std::string& header, std::size_t data) { return verdict(file_of(header, data)); }

/// A header of one tensor.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

struct memory_sink {
  std::string bytes;
  std::filesystem::path name = "memory.safetensors";
  void write(std::span<const std::byte> more) { bytes.append(reinterpret_cast<const char*>(more.data()), more.size()); }
  const std::filesystem::path& path() const { return name; }
};
static_assert(raptr::byte_sink<memory_sink>);
static_assert(raptr::byte_sink<raptr::open_file>);

std::string sample_file() {
  memory_sink sink;
  raptr::safetensors_writer to(sink, {{"count", "I64", {1}}, {"w", "F32", {2, 3}}, {"none", "F32", {0, 7}}, {"ids", "I32", {2}}}, {{"step", "120"}});
  const std::vector<std::int64_t> count{7};
  const std::vector<float> w{1, 2, 3, 4, 5, -6};
  const std::vector<std::int32_t> ids{-1, 5};
  to.write<std::int64_t>("count", count);
  to.write<float>("w", std::span(w).first(2));
  to.write<float>("w", std::span(w).subspan(2));
  to.write<std::int32_t>("ids", ids);
  to.finish();
  return sink.bytes;
}

}  // namespace

TEST_CASE("tensors are read back as they were written") {
  const scratch_folder in;
  raptr::write_file(in / "m.safetensors", sample_file());
  const raptr::safetensors_reader from(in / "m.safetensors");
  CHECK(from.metadata() == std::map<std::string, std::string>{{"format", "pt"}, {"step", "120"}});
  REQUIRE(from.tensors().size() == 4);
  CHECK(from.tensors()[0].name == "count");
  CHECK(from.find("w")->shape == std::vector<std::int64_t>{2, 3});
  CHECK(from.find("none")->bytes == 0);
  CHECK(from.find("other") == nullptr);
  std::vector<float> w(6);
  from.read<float>("w", w);
  CHECK(w == std::vector<float>{1, 2, 3, 4, 5, -6});
  std::vector<std::int32_t> ids(2);
  from.read<std::int32_t>("ids", ids);
  CHECK(ids[0] == -1);
  std::vector<float> none;
  from.read<float>("none", none);

  std::vector<double> doubles(6);
  CHECK(has(sentence_of([&] { from.read<double>("w", doubles); }), "m.safetensors, tensor w: expected F64, got F32"));
  CHECK(has(sentence_of([&] { from.read<float>("w", std::span(w).first(5)); }), "tensor w: expected 5 elements, got 6, shape (2, 3)"));
  CHECK(has(sentence_of([&] { from.read<float>("v", w); }), "m.safetensors has no tensor v among its 4"));
}

TEST_CASE("the writer's bytes are fixed: padded header, metadata first, data in order") {
  memory_sink sink;
  const std::vector<float> one_and_two{1, 2};
  raptr::safetensors_writer to(sink, {{"w", raptr::dtype_of<float>, {2}}});
  to.write<float>("w", one_and_two);
  to.finish();
  const std::string header = R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  REQUIRE(header.size() == 85);
  CHECK(sink.bytes == length_field(88) + header + "   " + std::string("\0\0\x80\x3f\0\0\0\x40", 8));
}

TEST_CASE("the writer refuses what does not follow its plan") {
  memory_sink sink;
  const std::vector<float> two{1, 2};
  const std::vector<std::int32_t> ids{1};
  const auto plan_refused = [&](std::vector<raptr::tensor_plan> plan) {
    return sentence_of([&] { raptr::safetensors_writer(sink, std::move(plan)); });
  };
  CHECK(has(plan_refused({{"a", "F32", {1}}, {"a", "F32", {1}}}), "tensor a: expected a name"));
  CHECK(has(plan_refused({{"__metadata__", "F32", {1}}}), "expected a name"));
  CHECK(has(plan_refused({{"\xff", "F32", {1}}}), "tensor \\xff: expected a name that is UTF-8"));
  CHECK(has(plan_refused({{"a", "F32", {-1}}}), "less than 2^63 bytes, got (-1)"));
  CHECK(has(plan_refused({{"a", "F32", {1LL << 40, 1LL << 40}}}), "less than 2^63 bytes"));
  CHECK(has(plan_refused({{"a", "F32", {1LL << 60}}, {"b", "F32", {1LL << 60}}}), "tensor b: expected a shape of less than 2^63 bytes"));
  CHECK(has(plan_refused({{"a", "F33", {1}}}), "\"F33\""));
  CHECK(has(plan_refused({{"a", "F32", {1}}, {"b", "I64", {1}}}), "tensor b: expected tensors of wider elements before"));

  raptr::safetensors_writer to(sink, {{"a", "F32", {2}}, {"b", "F32", {1}}});
  CHECK(has(sentence_of([&] { to.write<float>("b", two); }), "tensor b: expected the data of a first"));
  CHECK(has(sentence_of([&] { to.write<std::int32_t>("a", ids); }), "tensor a: expected F32, got I32"));
  CHECK(has(sentence_of([&] { to.finish(); }), "tensor a: expected its data, got finish() with 8 bytes missing"));
  to.write<float>("a", two);
  CHECK(has(sentence_of([&] { to.write<float>("b", two); }), "tensor b: expected at most 1 more elements, got 2"));
  to.write<float>("b", std::span(two).first(1));
  CHECK(has(sentence_of([&] { to.write<float>("b", two); }), "all tensors are written"));
  to.finish();
}

TEST_CASE("headers are judged as the reference implementation judges them") {
  // s01 .. s09: safetensors 0.8.0 accepts 5, 6, 8 and 9.
  CHECK(has(verdict(length_field(~std::uint64_t{0}) + one("\"F32\"", "[2]", "[0,8]") + std::string(8, '\0')),
            "byte 0: expected a header length of at most 100000000, the format's limit, got 18446744073709551615"));
  CHECK(verdict(one("\"F32\"", "[32,8]", "[0,65536]"), 65536) ==
        "m.safetensors, tensor w, byte 12: expected 1024 bytes for F32 (32, 8), got 65536 from data_offsets [0,65536]");
  CHECK(has(verdict(one("\"F32\"", "[2]", "[8,0]"), 8), "tensor w, byte 12: expected data_offsets with the begin first, got [8,0]"));
  CHECK(has(verdict(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12),
            "tensor b, byte 120: expected data that begins here, got a gap up to byte 124"));
  CHECK(verdict(one("\"F32\"", "[2]", "[0,8]") + " ", 8) == "accepted");
  CHECK(verdict(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"format":"pt","step":"120"}})", 8) == "accepted");
  CHECK(has(verdict(R"({"__metadata__":{"step":120},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
            "expected a string as __metadata__ \"step\", got 120"));
  CHECK(verdict(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8) == "accepted");
  CHECK(verdict("{}", 0) == "accepted");
}

TEST_CASE("every other defect of a header has its own sentence") {
  CHECK(has(verdict("1234567"), "byte 7: expected 8 bytes of header length, got the end of the file"));
  CHECK(has(verdict(length_field(9) + "{}"), "byte 0: expected a header length of at most 2, as the file has 10 bytes, got 9"));
  CHECK(has(verdict("", 0), "byte 8: expected a header that begins with {"));
  CHECK(has(verdict(" {}", 0), "begins with {, got \" \""));
  CHECK(has(verdict("{", 0), "m.safetensors, line 1"));
  CHECK(has(verdict(std::string("{}\0\0", 4), 0), "NUL"));
  CHECK(has(verdict(R"({"w":1})", 0), "tensor w, byte 12: expected an object with dtype, shape and data_offsets, got 1"));
  CHECK(has(verdict(R"({"w":{"shape":[1],"data_offsets":[0,4]}})", 4), "expected a member dtype"));
  CHECK(has(verdict(R"({"w":{"dtype":"F32","data_offsets":[0,4]}})", 4), "expected a member shape"));
  CHECK(has(verdict(R"({"w":{"dtype":"F32","shape":[1]}})", 4), "expected a member data_offsets"));
  CHECK(has(verdict(one("\"F31\"", "[1]", "[0,4]"), 4), "expected a dtype of BOOL, F4, F6_E2M3, F6_E3M2, U8"));
  CHECK(has(verdict(one("3", "[1]", "[0,4]"), 4), "expected a dtype that is a string, got 3"));
  CHECK(has(verdict(one("\"F32\"", "1", "[0,4]"), 4), "expected a shape that is a list, got 1"));
  for (const char* extent : {"-1", "1.0", "\"1\"", "9223372036854775808", "null"})
    CHECK_MESSAGE(has(verdict(one("\"F32\"", std::string("[") + extent + "]", "[0,4]"), 4), " as an extent, got "), extent);
  CHECK(has(verdict(one("\"F32\"", "[4611686018427387905,4]", "[0,16]"), 16), "less than 2^61 bytes, got F32 (4611686018427387905, 4)"));
  CHECK(has(verdict(one("\"F32\"", "[9223372036854775807,9223372036854775807]", "[0,4]"), 4), "less than 2^61 bytes"));
  for (const char* offsets : {"[0]", "[0,4,8]", "{}"})
    CHECK_MESSAGE(has(verdict(one("\"F32\"", "[1]", offsets), 4), "expected data_offsets that are a list of begin and end"), offsets);
  for (const char* offsets : {"[-4,0]", "[0,4.0]", "[0,18446744073709551616]"})
    CHECK_MESSAGE(has(verdict(one("\"F32\"", "[1]", offsets), 4), " of data_offsets, got "), offsets);
  CHECK(has(verdict(one("\"F32\"", "[1]", "[18446744073709551612,18446744073709551615]"), 4), "expected 4 bytes"));
  CHECK(has(verdict(one("\"F32\"", "[1]", "[18446744073709551611,18446744073709551615]"), 4),
            "tensor w, byte 104: expected data up to byte 2^64, got the end"));
  CHECK(has(verdict(one("\"F32\"", "[2]", "[0,8]"), 7), "tensor w, byte 69: expected data up to byte 70, got the end of the file"));
  CHECK(has(verdict(one("\"F32\"", "[2]", "[0,8]"), 9), "byte 70: expected the end of the file, got bytes of no tensor up to byte 71"));
  CHECK(has(verdict(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
            "tensor b, byte 119: expected data from byte 123 on, got an overlap with the tensor before it"));
  CHECK(has(verdict(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
            "the key \"a\" a second time"));
  CHECK(has(verdict(R"({"__metadata__":[],"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "expected an object as __metadata__, got []"));
  CHECK(has(verdict(one("\"F32\"", "[" + std::string(200, '[') + "]", "[0,4]"), 4), "nesting deeper than 64"));
}

TEST_CASE("a header longer than the file asks for no memory") {
  CHECK(has(verdict(length_field(99'999'999) + "{}"), "expected a header length of at most 2, as the file has 10 bytes, got 99999999"));
}

TEST_CASE("types that nobody reads may lie in a file, scalars and empty tensors too") {
  CHECK(verdict(R"({"h":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},"s":{"dtype":"BOOL","shape":[],"data_offsets":[6,7]},)"
                R"("e":{"dtype":"F32","shape":[5,0],"data_offsets":[6,6]}})",
                7) == "accepted");
}

TEST_CASE("a tensor of less than a byte per element is skipped, and refused where it is asked for") {
  const scratch_folder in;
  overwrite(in / "m.safetensors",
            file_of(R"({"q":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},"w":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}})", 7));
  const raptr::safetensors_reader from(in / "m.safetensors");
  std::vector<float> w(1), q(6);
  from.read<float>("w", w);
  CHECK(from.find("q")->bytes == 3);
  CHECK(has(sentence_of([&] { from.read<float>("q", q); }), "tensor q: expected F32, got F4"));
  CHECK(has(sentence_of([&] { raptr::read_numbers<float>(from, *from.find("q"), q); }), "tensor q: expected F32, F64, F16 or BF16, got F4"));
  memory_sink sink;
  CHECK(has(sentence_of([&] {
              raptr::safetensors_writer(sink, {{"q", "F4", {2}}});
            }),
            "tensor q: expected the dtype F32, F64, I32 or I64, got \"F4\""));
}

TEST_CASE("floats that are not aligned in the file are read right") {
  const scratch_folder in;
  auto header = R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})" + std::string(" ");
  raptr::write_file(in / "m.safetensors", length_field(header.size()) + header + "\x07" + std::string("\0\0\x80\x3f\0\0\0\xc0", 8));
  std::vector<float> w(2);
  raptr::safetensors_reader(in / "m.safetensors").read<float>("w", w);
  CHECK(w == std::vector<float>{1, -2});
}

TEST_CASE("no truncation is accepted, and no changed byte leads outside of the file") {
  const auto good = sample_file();
  for (std::size_t length = 0; length < good.size(); ++length) CHECK(verdict(good.substr(0, length)) != "accepted");
  const scratch_folder in;
  const auto path = in / "m.safetensors";
  std::uint64_t key = 1;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int i = 0; i < 4; ++i) {
      auto bad = good;
      key = key * 6364136223846793005U + 1442695040888963407U;
      bad[at] = "\"0{}[],:9-\xff"[(key >> 40) % 11];
      overwrite(path, bad);
      try {
        const raptr::safetensors_reader from(path);
        for (const auto& entry : from.tensors()) REQUIRE(entry.end() <= bad.size());
      } catch (const raptr::file_error& error) {
        REQUIRE(has(error.what(), "m.safetensors, "));
      }
    }
}
