// SPDX-License-Identifier: Apache-2.0
// Files that are wrong in one way each: every rule of the format, and the faults that readers of such files were known
// for. Each is answered with a sentence of its own, compared whole, and costs no memory that the file does not have.
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <new>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/io/safetensors.hpp>

#include "scratch_folder.hpp"

namespace {

/// What operator new gave since it was set to 0.
thread_local std::uint64_t allocated = 0;

}  // namespace

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  allocated += bytes;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void* operator new(std::size_t bytes) {
  if (void* const memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

std::string length_field(std::uint64_t length) {
  std::string field(8, '\0');
  std::memcpy(field.data(), &length, 8);
  return field;
}
std::string file_of(const std::string& header, std::size_t data = 0) { return length_field(header.size()) + header + std::string(data, '\0'); }

/// A file with one tensor w, which begins in byte 12 where its key ends.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets, std::size_t data) {
  return file_of(R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", data);
}
std::string shaped(const std::string& shape) { return one("\"F32\"", shape, "[0,4]", 4); }
std::string placed(const std::string& offsets) { return one("\"F32\"", "[1]", offsets, 4); }
/// One byte for each number given: begins and ends.
std::string bytes_at(std::initializer_list<std::array<int, 2>> places, std::size_t data) {
  std::string header;
  char name = 'a';
  for (const auto& [begin, end] : places)
    header += std::string(header.empty() ? "{\"" : ",\"") + name++ + R"(":{"dtype":"U8","shape":[)" + std::to_string(end - begin) +
              R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
  return file_of(header + "}", data);
}
std::string metadata(const std::string& value) { return file_of(R"({"__metadata__":)" + value + "}"); }
/// A file of one tensor whose name, in quotes, and whatever follows it is this.
std::string named(const std::string& name) { return file_of("{" + name + R"(:{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1); }

struct hostile {
  std::string what, bytes, said;
};

std::vector<hostile> hostile_files() {
  const std::string good = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", data(4, '\0');
  const std::string entry = R"({"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  const auto deep = [](const char* level) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += level;
    return text;
  };
  const auto ones = [](int rank) {
    std::string text = "[1";
    while (--rank > 0) text += ",1";
    return text + "]";
  };
  const std::string of_limit = "byte 0: expected a header length of at most 100000000, the format's limit, got ";
  const std::string of_name = "syntax error while parsing object key - invalid string: ";
  const std::string of_dtypes =
      "tensor w, byte 12: expected a dtype of BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I16, U16, "
      "F16, BF16, I32, U32, "
      "F32, F64, I64, U64, C64, got ";
  return {
      // The eight bytes of length.
      {"nothing", "", "byte 0: expected 8 bytes of header length, got the end of the file"},
      {"seven bytes", "\2\0\0\0\0\0\0", "byte 1: expected 8 bytes of header length, got the end of the file"},
      {"a length of 0", length_field(0), "byte 8: expected a header that begins with {, got none"},
      {"a length of 1 too much", length_field(good.size() + 5) + good + data,
       R"(byte 0: expected a header length of at most 58, as the file has 66 bytes, got 59 (the bytes ";\x00\x00\x00\x00\x00\x00\x00"))"},
      {"a length of the format's limit in a small file", length_field(100'000'000) + good + data,
       R"(byte 0: expected a header length of at most 58, as the file has 66 bytes, got 100000000 (the bytes "\x00\xe1\xf5\x05\x00\x00\x00\x00"))"},
      {"a length above the format's limit", length_field(100'000'001) + good + data,
       of_limit + R"(100000001 (the bytes "\x01\xe1\xf5\x05\x00\x00\x00\x00"))"},
      {"a length of 2^63", length_field(std::uint64_t{1} << 63) + good + data,
       of_limit + R"(9223372036854775808 (the bytes "\x00\x00\x00\x00\x00\x00\x00\x80"))"},
      {"a length of 2^63 - 1", length_field(~std::uint64_t{0} >> 1) + good + data,
       of_limit + R"(9223372036854775807 (the bytes "\xff\xff\xff\xff\xff\xff\xff\x7f"))"},
      {"a length that wraps: 2^64 - 1", length_field(~std::uint64_t{0}) + good + data,
       of_limit + R"(18446744073709551615 (the bytes "\xff\xff\xff\xff\xff\xff\xff\xff"))"},
      {"a length that wraps to the begin: 2^64 - 8", length_field(~std::uint64_t{0} - 7) + good + data,
       of_limit + R"(18446744073709551608 (the bytes "\xf8\xff\xff\xff\xff\xff\xff\xff"))"},
      {"a length with its highest byte first", std::string("\0\0\0\0\0\0\0\x37", 8) + good + data,
       of_limit + R"(3963167672086036480 (the bytes "\x00\x00\x00\x00\x00\x00\x007"))"},
      {"a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n",
       of_limit + R"(2336927755350992246 (the bytes "version "))"},
      {"a zip archive, as PyTorch saves", std::string("PK\3\4\0\0\0\0\0\0", 10),
       R"(byte 0: expected a header length of at most 2, as the file has 10 bytes, got 67324752 (the bytes "PK\x03\x04\x00\x00\x00\x00"))"},
      {"a page of a web server", "<!DOCTYPE html><html></html>", of_limit + R"(5789751444030890300 (the bytes "<!DOCTYP"))"},
      {"the header alone, without length", good + data, of_limit + R"(7215465042617508475 (the bytes "{"w":{"d"))"},
      // The first byte of the header.
      {"a blank before the brace", file_of(" " + good, 4), R"(byte 8: expected a header that begins with {, got " ")"},
      {"a line end before the brace", file_of("\n" + good, 4), R"(byte 8: expected a header that begins with {, got "\x0a")"},
      {"a byte order mark", file_of("\xef\xbb\xbf" + good, 4), R"(byte 8: expected a header that begins with {, got "\xef")"},
      {"a list", file_of("[]"), R"(byte 8: expected a header that begins with {, got "[")"},
      {"null", file_of("null"), R"(byte 8: expected a header that begins with {, got "n")"},
      {"a header of NUL bytes", file_of(std::string(16, '\0')), R"(byte 8: expected a header that begins with {, got "\x00")"},
      // JSON.
      {"a length that is too small", length_field(good.size() - 1) + good + data,
       "line 1, column 53 (byte 60): syntax error while parsing object - unexpected end of input; expected '}'"},
      {"a brace alone", file_of("{"),
       "line 1, column 1 (byte 8): syntax error while parsing object key - unexpected end of input; expected string literal"},
      {"NUL bytes after the header", file_of(good + std::string(2, '\0'), 4), "line 1, column 55 (byte 62): a NUL byte"},
      {"a NUL byte in a name", named(std::string("\"a\0b\"", 5)), "line 1, column 4 (byte 11): a NUL byte"},
      {"letters after the header", file_of(good + " x", 4),
       "line 1, column 56 (byte 63): syntax error while parsing value - invalid literal; last read: '4]}} x'; expected end of input"},
      {"a second object after the header", file_of(good + "{}", 4),
       "line 1, column 55 (byte 62): syntax error while parsing value - unexpected '{'; expected end of input"},
      {"a comma after the last tensor", file_of("{\"w\":" + entry + ",}", 1),
       "line 1, column 53 (byte 60): syntax error while parsing object key - unexpected '}'; expected string literal"},
      {"a comma after the last extent", shaped("[1,]"),
       "line 1, column 32 (byte 39): syntax error while parsing value - unexpected ']'; expected '[', '{', or a literal"},
      {"no comma between extents", shaped("[1 1]"),
       "line 1, column 33 (byte 40): syntax error while parsing array - unexpected number literal; expected ']'"},
      {"no colon", file_of("{\"w\" " + entry + "}", 1),
       "line 1, column 6 (byte 13): syntax error while parsing object separator - unexpected '{'; expected ':'"},
      {"no value", file_of("{\"w\":}"),
       "line 1, column 6 (byte 13): syntax error while parsing value - unexpected '}'; expected '[', '{', or a literal"},
      {"a brace too much", file_of(good + "}", 4),
       "line 1, column 55 (byte 62): syntax error while parsing value - unexpected '}'; expected end of input"},
      {"a bracket for a brace", file_of("{\"w\":" + entry + "]", 1),
       "line 1, column 52 (byte 59): syntax error while parsing object - unexpected ']'; expected '}'"},
      {"a name in single quotes", named("'w'"),
       "line 1, column 2 (byte 9): syntax error while parsing object key - invalid literal; last read: '{''; expected string literal"},
      {"a name without quotes", named("w"),
       "line 1, column 2 (byte 9): syntax error while parsing object key - invalid literal; last read: '{w'; expected string literal"},
      {"a number as name", named("1"),
       "line 1, column 3 (byte 10): syntax error while parsing object key - unexpected number literal; expected string literal"},
      {"a comment", file_of("{/* */}"),
       "line 1, column 2 (byte 9): syntax error while parsing object key - invalid literal; last read: '{/'; expected string literal"},
      {"a line end in a name", named("\"a\nb\""),
       "line 1, column 4 (byte 11): " + of_name +
           R"(control character U+000A (LF) must be escaped to \u000A or \n; last read: '"a<U+000A>'; expected string literal)"},
      {"a name that never ends", file_of("{\"w"),
       "line 1, column 3 (byte 10): " + of_name + R"(missing closing quote; last read: '"w'; expected string literal)"},
      {"a name that is not UTF-8", named("\"\xff\""),
       "line 1, column 3 (byte 10): " + of_name + R"(ill-formed UTF-8 byte; last read: '"\xff'; expected string literal)"},
      {"a name of overlong UTF-8", named("\"\xc0\xaf\""),
       "line 1, column 3 (byte 10): " + of_name + R"(ill-formed UTF-8 byte; last read: '"\xc0'; expected string literal)"},
      {"a name with a surrogate as UTF-8", named("\"\xed\xa0\x80\""),
       "line 1, column 4 (byte 11): " + of_name + R"(ill-formed UTF-8 byte; last read: '"\xed\xa0'; expected string literal)"},
      {"a name above U+10FFFF", named("\"\xf4\x90\x80\x80\""),
       "line 1, column 4 (byte 11): " + of_name + R"(ill-formed UTF-8 byte; last read: '"\xf4\x90'; expected string literal)"},
      {"a name that ends within a character", named("\"\xe2\x82\""),
       "line 1, column 5 (byte 12): " + of_name + R"(ill-formed UTF-8 byte; last read: '"\xe2\x82"'; expected string literal)"},
      {"a name with half a surrogate pair", named("\"\\ud800\""),
       "line 1, column 9 (byte 16): " + of_name +
           R"(surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF; last read: '"\ud800"'; expected string literal)"},
      {"an escape that there is not", named("\"\\x41\""),
       "line 1, column 4 (byte 11): " + of_name + R"(forbidden character after backslash; last read: '"\x'; expected string literal)"},
      {"an escape of three digits", named("\"\\u041\""),
       "line 1, column 8 (byte 15): " + of_name + R"('\u' must be followed by 4 hex digits; last read: '"\u041"'; expected string literal)"},
      {"NaN", shaped("[NaN]"), R"(line 1, column 30 (byte 37): syntax error while parsing value - invalid literal; last read: '"shape":[N')"},
      {"Infinity", shaped("[Infinity]"),
       R"(line 1, column 30 (byte 37): syntax error while parsing value - invalid literal; last read: '"shape":[I')"},
      {"a plus sign", shaped("[+1]"), R"(line 1, column 30 (byte 37): syntax error while parsing value - invalid literal; last read: '"shape":[+')"},
      {"a minus sign alone", shaped("[-]"),
       "line 1, column 31 (byte 38): syntax error while parsing value - invalid number; expected digit after '-'; last read: '-]'"},
      {"a number that begins with 0", shaped("[01]"),
       "line 1, column 32 (byte 39): syntax error while parsing array - unexpected number literal; expected ']'"},
      {"a hexadecimal number", shaped("[0x1]"),
       "line 1, column 31 (byte 38): syntax error while parsing array - invalid literal; last read: '0x'; expected ']'"},
      {"a number that begins with a point", shaped("[.5]"),
       R"(line 1, column 30 (byte 37): syntax error while parsing value - invalid literal; last read: '"shape":[.')"},
      {"a number that ends with a point", shaped("[1.]"),
       "line 1, column 32 (byte 39): syntax error while parsing value - invalid number; expected digit after '.'; last read: '1.]'"},
      {"an exponent without digits", shaped("[1e]"),
       "line 1, column 32 (byte 39): syntax error while parsing value - invalid number; expected '+', '-', or digit after exponent; last read: "
       "'1e]'"},
      {"a number that no double holds", shaped("[1e999]"), "line 1, column 35 (byte 42): number overflow parsing '1e999'"},
      {"half a word", shaped("[nul]"),
       R"(line 1, column 33 (byte 40): syntax error while parsing value - invalid literal; last read: '"shape":[nul]')"},
      {"a hundred thousand lists", file_of("{\"w\":" + deep("[")), "line 1, column 69 (byte 76): nesting deeper than 64"},
      {"a hundred thousand objects", file_of("{\"w\":" + deep("{\"w\":")), "line 1, column 321 (byte 328): nesting deeper than 64"},
      // Names that occur twice.
      {"a tensor twice", file_of("{\"w\":" + entry + ",\"w\":" + entry + "}", 1), R"(line 1, column 55 (byte 62): the key "w" a second time)"},
      {"a tensor twice, in another spelling", file_of("{\"w\":" + entry + ",\"\\u0077\":" + entry + "}", 1),
       R"(line 1, column 60 (byte 67): the key "w" a second time)"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})"), R"(line 1, column 33 (byte 40): the key "__metadata__" a second time)"},
      {"a key of the metadata twice", metadata(R"({"k":"1","k":"2"})"), R"(line 1, column 28 (byte 35): the key "k" a second time)"},
      {"a dtype twice", file_of(R"({"w":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}})", 1),
       R"(line 1, column 26 (byte 33): the key "dtype" a second time)"},
      {"a shape twice", file_of(R"({"w":{"dtype":"U8","shape":[],"shape":[],"data_offsets":[0,1]}})", 1),
       R"(line 1, column 37 (byte 44): the key "shape" a second time)"},
      // The members of a tensor.
      {"a number for a tensor", file_of("{\"w\":1}"), "tensor w, byte 12: expected an object with dtype, shape and data_offsets, got 1"},
      {"null for a tensor", file_of("{\"w\":null}"), "tensor w, byte 12: expected an object with dtype, shape and data_offsets, got null"},
      {"a list for a tensor", file_of(R"({"w":["U8",[],[0,1]]})", 1),
       R"(tensor w, byte 12: expected an object with dtype, shape and data_offsets, got ["U8",[],[0,1]])"},
      {"an empty tensor", file_of("{\"w\":{}}"), "tensor w, byte 12: expected a member dtype, got {}"},
      {"no dtype", file_of(R"({"w":{"shape":[],"data_offsets":[0,1]}})", 1),
       R"(tensor w, byte 12: expected a member dtype, got {"shape":[],"data_offsets":[0,1]})"},
      {"no shape", file_of(R"({"w":{"dtype":"U8","data_offsets":[0,1]}})", 1),
       R"(tensor w, byte 12: expected a member shape, got {"dtype":"U8","data_offsets":[0,1]})"},
      {"no data_offsets", file_of(R"({"w":{"dtype":"U8","shape":[]}})", 1),
       R"(tensor w, byte 12: expected a member data_offsets, got {"dtype":"U8","shape":[]})"},
      {"a member too much", file_of(R"({"w":{"dtype":"U8","shape":[],"data_offsets":[0,1],"strides":[]}})", 1),
       R"(tensor w, byte 12: expected only the members dtype, shape and data_offsets, got "strides")"},
      {"a member with a capital letter", file_of(R"({"w":{"dtype":"U8","Shape":[],"data_offsets":[0,1]}})", 1),
       R"(tensor w, byte 12: expected only the members dtype, shape and data_offsets, got "Shape")"},
      {"a tensor within a tensor", file_of("{\"w\":{\"a\":" + entry + "}}", 1),
       R"(tensor w, byte 12: expected only the members dtype, shape and data_offsets, got "a")"},
      {"a dtype that there is not", one("\"F31\"", "[1]", "[0,4]", 4), of_dtypes + R"("F31")"},
      {"a dtype in small letters", one("\"f32\"", "[1]", "[0,4]", 4), of_dtypes + R"("f32")"},
      {"a dtype of PyTorch", one("\"float32\"", "[1]", "[0,4]", 4), of_dtypes + R"("float32")"},
      {"an empty dtype", one("\"\"", "[1]", "[0,4]", 4), of_dtypes + R"("")"},
      {"a dtype with a NUL", one("\"F32\\u0000\"", "[1]", "[0,4]", 4), of_dtypes + R"("F32\u0000")"},
      {"a dtype of bits that there is not", one("\"F6\"", "[4]", "[0,3]", 3), of_dtypes + R"("F6")"},
      {"half a byte", one("\"F4\"", "[1]", "[0,1]", 1), "tensor w, byte 12: expected a shape that fills whole bytes, got F4 (1)"},
      {"half a byte, rounded down", one("\"F4\"", "[3]", "[0,1]", 1), "tensor w, byte 12: expected a shape that fills whole bytes, got F4 (3)"},
      {"a scalar of six bits", one("\"F6_E2M3\"", "[]", "[0,1]", 1), "tensor w, byte 12: expected a shape that fills whole bytes, got F6_E2M3 ()"},
      {"six bits for each of four as four bytes", one("\"F6_E3M2\"", "[2,2]", "[0,4]", 4),
       "tensor w, byte 12: expected 3 bytes for F6_E3M2 (2, 2), got 4 from data_offsets [0,4]"},
      {"bits that wrap to 0", one("\"F4\"", "[4611686018427387904]", "[0,0]", 0),
       "tensor w, byte 12: expected a shape of less than 2^61 bytes, got F4 (4611686018427387904)"},
      {"a number as dtype", one("4", "[1]", "[0,4]", 4), "tensor w, byte 12: expected a dtype that is a string, got 4"},
      {"null as dtype", one("null", "[1]", "[0,4]", 4), "tensor w, byte 12: expected a dtype that is a string, got null"},
      {"an object as dtype", one("{\"F32\":null}", "[1]", "[0,4]", 4), R"(tensor w, byte 12: expected a dtype that is a string, got {"F32":null})"},
      // Shapes.
      {"a number as shape", shaped("1"), "tensor w, byte 12: expected a shape that is a list, got 1"},
      {"a string as shape", shaped("\"[1]\""), R"(tensor w, byte 12: expected a shape that is a list, got "[1]")"},
      {"null as shape", shaped("null"), "tensor w, byte 12: expected a shape that is a list, got null"},
      {"an object as shape", shaped("{\"0\":1}"), R"(tensor w, byte 12: expected a shape that is a list, got {"0":1})"},
      {"a negative extent", shaped("[-1]"), "tensor w, byte 12: expected a number without a sign as an extent, got -1"},
      {"two negative extents, whose product is right", shaped("[-2,-2]"), "tensor w, byte 12: expected a number without a sign as an extent, got -2"},
      {"an extent of -2^63", shaped("[-9223372036854775808]"),
       "tensor w, byte 12: expected a number without a sign as an extent, got -9223372036854775808"},
      {"an extent below -2^63", shaped("[-9223372036854775809]"),
       "tensor w, byte 12: expected a number without point or exponent as an extent, got -9.223372036854776e+18"},
      {"an extent of -0", shaped("[-0]"), "tensor w, byte 12: expected a number without a sign as an extent, got -0"},
      {"an extent with a point", shaped("[1.0]"), "tensor w, byte 12: expected a number without point or exponent as an extent, got 1.0"},
      {"an extent with a part", shaped("[1.5]"), "tensor w, byte 12: expected a number without point or exponent as an extent, got 1.5"},
      {"an extent with an exponent", one("\"F32\"", "[1e3]", "[0,4000]", 4000),
       "tensor w, byte 12: expected a number without point or exponent as an extent, got 1000.0"},
      {"a string as extent", shaped("[\"1\"]"), R"(tensor w, byte 12: expected a number as an extent, got "1")"},
      {"null as extent", shaped("[null]"), "tensor w, byte 12: expected a number as an extent, got null"},
      {"true as extent", shaped("[true]"), "tensor w, byte 12: expected a number as an extent, got true"},
      {"a list as extent", shaped("[[1]]"), "tensor w, byte 12: expected a number as an extent, got [1]"},
      {"an extent of 2^63", shaped("[9223372036854775808]"),
       "tensor w, byte 12: expected at most 9223372036854775807 as an extent, got 9223372036854775808"},
      {"an extent of 2^64 + 1, which wraps to 1", shaped("[18446744073709551617]"),
       "tensor w, byte 12: expected at most 9223372036854775807 as an extent, got 1.8446744073709552e+19"},
      {"an extent of 2^32 twice: 2^64 elements wrap to 0", one("\"F32\"", "[4294967296,4294967296]", "[0,0]", 0),
       "tensor w, byte 12: expected a shape of less than 2^61 bytes, got F32 (4294967296, 4294967296)"},
      {"elements that wrap to 4", shaped("[4611686018427387905,4]"),
       "tensor w, byte 12: expected a shape of less than 2^61 bytes, got F32 (4611686018427387905, 4)"},
      {"bytes that wrap to 4", shaped("[4611686018427387905]"),
       "tensor w, byte 12: expected a shape of less than 2^61 bytes, got F32 (4611686018427387905)"},
      {"2^63 bytes", one("\"U8\"", "[4611686018427387904,2]", "[0,9223372036854775808]", 4),
       "tensor w, byte 12: expected a shape of less than 2^61 bytes, got U8 (4611686018427387904, 2)"},
      {"a product that leaves 64 bits before a 0", one("\"F32\"", "[4294967296,4294967296,0]", "[0,0]", 0),
       "tensor w, byte 12: expected a shape of less than 2^61 bytes, got F32 (4294967296, 4294967296, 0)"},
      {"65 extents", shaped(ones(65)), "tensor w, byte 12: expected a shape of at most 64 extents, got 65"},
      {"a hundred thousand extents", shaped(ones(100'000)), "tensor w, byte 12: expected a shape of at most 64 extents, got 100000"},
      // Places.
      {"a number as data_offsets", placed("4"), "tensor w, byte 12: expected data_offsets that are a list of begin and end, got 4"},
      {"null as data_offsets", placed("null"), "tensor w, byte 12: expected data_offsets that are a list of begin and end, got null"},
      {"a string as data_offsets", placed("\"0,4\""), R"(tensor w, byte 12: expected data_offsets that are a list of begin and end, got "0,4")"},
      {"an object as data_offsets", placed("{\"begin\":0,\"end\":4}"),
       R"(tensor w, byte 12: expected data_offsets that are a list of begin and end, got {"begin":0,"end":4})"},
      {"no offset", placed("[]"), "tensor w, byte 12: expected data_offsets that are a list of begin and end, got []"},
      {"one offset", placed("[4]"), "tensor w, byte 12: expected data_offsets that are a list of begin and end, got [4]"},
      {"three offsets", placed("[0,4,8]"), "tensor w, byte 12: expected data_offsets that are a list of begin and end, got [0,4,8]"},
      {"strings as offsets", placed("[\"0\",\"4\"]"), R"(tensor w, byte 12: expected a number as begin of data_offsets, got "0")"},
      {"a string as end", placed("[0,\"4\"]"), R"(tensor w, byte 12: expected a number as end of data_offsets, got "4")"},
      {"a negative begin", placed("[-4,0]"), "tensor w, byte 12: expected a number without a sign as begin of data_offsets, got -4"},
      {"a negative end", placed("[0,-4]"), "tensor w, byte 12: expected a number without a sign as end of data_offsets, got -4"},
      {"a begin of -0", placed("[-0,4]"), "tensor w, byte 12: expected a number without a sign as begin of data_offsets, got -0"},
      {"an end with a point", placed("[0,4.0]"), "tensor w, byte 12: expected a number without point or exponent as end of data_offsets, got 4.0"},
      {"an end with an exponent", placed("[0,4e1]"),
       "tensor w, byte 12: expected a number without point or exponent as end of data_offsets, got 40.0"},
      {"a begin with a part", placed("[0.5,4]"), "tensor w, byte 12: expected a number without point or exponent as begin of data_offsets, got 0.5"},
      {"null as end", placed("[0,null]"), "tensor w, byte 12: expected a number as end of data_offsets, got null"},
      {"false as begin", placed("[false,4]"), "tensor w, byte 12: expected a number as begin of data_offsets, got false"},
      {"an end of 2^64 + 4, which wraps to 4", placed("[0,18446744073709551620]"),
       "tensor w, byte 12: expected at most 18446744073709551615 as end of data_offsets, got 1.8446744073709552e+19"},
      {"a begin of 2^64", placed("[18446744073709551616,4]"),
       "tensor w, byte 12: expected at most 18446744073709551615 as begin of data_offsets, got 1.8446744073709552e+19"},
      {"the end first", placed("[4,0]"), "tensor w, byte 12: expected data_offsets with the begin first, got [4,0]"},
      {"a size that wraps: from 2^64 - 4 to 0", placed("[18446744073709551612,0]"),
       "tensor w, byte 12: expected data_offsets with the begin first, got [18446744073709551612,0]"},
      {"too few bytes for the shape", placed("[0,3]"), "tensor w, byte 12: expected 4 bytes for F32 (1), got 3 from data_offsets [0,3]"},
      {"too many bytes for the shape", placed("[0,8]"), "tensor w, byte 12: expected 4 bytes for F32 (1), got 8 from data_offsets [0,8]"},
      {"no bytes for a number", placed("[0,0]"), "tensor w, byte 12: expected 4 bytes for F32 (1), got 0 from data_offsets [0,0]"},
      {"bytes for a tensor without elements", one("\"F32\"", "[0]", "[0,4]", 4),
       "tensor w, byte 12: expected 0 bytes for F32 (0), got 4 from data_offsets [0,4]"},
      {"two numbers in a scalar", one("\"F32\"", "[]", "[0,8]", 8), "tensor w, byte 12: expected 4 bytes for F32 (), got 8 from data_offsets [0,8]"},
      {"data that begin at the end of the file", placed("[4,8]"), "tensor w, byte 66: expected data up to byte 70, got the end of the file"},
      {"data at 2^64", placed("[18446744073709551611,18446744073709551615]"),
       "tensor w, byte 104: expected data up to byte 2^64, got the end of the file"},
      {"data at 2^63", placed("[9223372036854775804,9223372036854775808]"),
       "tensor w, byte 102: expected data up to byte 9223372036854775906, got the end of the file"},
      {"a file cut by a byte", file_of(good, 3), "tensor w, byte 65: expected data up to byte 66, got the end of the file"},
      {"a file cut after the header", file_of(good, 0), "tensor w, byte 62: expected data up to byte 66, got the end of the file"},
      {"a tensor without elements beyond the end", one("\"F32\"", "[0]", "[5,5]", 0),
       "tensor w, byte 62: expected data up to byte 67, got the end of the file"},
      {"a byte too much", file_of(good, 5), "byte 66: expected the end of the file, got bytes of no tensor up to byte 67"},
      {"data without tensors", file_of("{}", 4), "byte 10: expected the end of the file, got bytes of no tensor up to byte 14"},
      {"data before the first tensor", bytes_at({{1, 4}}, 4), "tensor a, byte 61: expected data that begins here, got a gap up to byte 62"},
      {"a hole between two tensors", bytes_at({{0, 2}, {3, 4}}, 4), "tensor b, byte 115: expected data that begins here, got a gap up to byte 116"},
      {"a hole, in the header's other order", bytes_at({{3, 4}, {0, 2}}, 4),
       "tensor a, byte 115: expected data that begins here, got a gap up to byte 116"},
      {"two tensors that overlap", bytes_at({{0, 3}, {2, 4}}, 4),
       "tensor b, byte 115: expected data from byte 116 on, got an overlap with the tensor before it"},
      {"two tensors at one place", bytes_at({{0, 4}, {0, 4}}, 4),
       "tensor b, byte 113: expected data from byte 117 on, got an overlap with the tensor before it"},
      {"a tensor within another", bytes_at({{0, 4}, {1, 2}}, 4),
       "tensor b, byte 114: expected data from byte 117 on, got an overlap with the tensor before it"},
      {"a tensor without elements within another", bytes_at({{0, 4}, {2, 2}}, 4),
       "tensor b, byte 115: expected data from byte 117 on, got an overlap with the tensor before it"},
      // Metadata.
      {"a list as metadata", metadata("[]"), "byte 23: expected an object as __metadata__, got []"},
      {"a string as metadata", metadata("\"pt\""), R"(byte 23: expected an object as __metadata__, got "pt")"},
      {"a number in metadata", metadata("{\"step\":120}"), R"(byte 23: expected a string as __metadata__ "step", got 120)"},
      {"null in metadata", metadata("{\"step\":null}"), R"(byte 23: expected a string as __metadata__ "step", got null)"},
      {"true in metadata", metadata("{\"step\":true}"), R"(byte 23: expected a string as __metadata__ "step", got true)"},
      {"an object in metadata", metadata("{\"step\":{}}"), R"(byte 23: expected a string as __metadata__ "step", got {})"},
      {"a tensor called __metadata__", file_of("{\"__metadata__\":" + entry + "}", 1),
       R"(byte 23: expected a string as __metadata__ "shape", got [])"},
      {"metadata nested too deeply", metadata(R"({"k":)" + std::string(70, '[') + std::string(70, ']') + "}"),
       "line 1, column 84 (byte 91): nesting deeper than 64"},
  };
}

}  // namespace

TEST_CASE("every hostile file has its own sentence, and costs no memory beyond what it has itself") {
  const auto all = hostile_files();
  CHECK(all.size() >= 64);
  std::set<std::string> sentences;
  const scratch_folder in;
  const auto path = in / "m.safetensors";
  for (const auto& one : all) {
    CAPTURE(one.what);
    overwrite(path, one.bytes);
    std::string said = "accepted";
    std::uint64_t used = 0;
    allocated = 0;
    try {
      raptr::safetensors_reader{path};
    } catch (const raptr::file_error& error) {
      used = allocated;
      said = error.what();
    }
    CHECK(said == "raptr: " + path.native() + ", " + one.said);
    CHECK_MESSAGE(sentences.insert(said).second, "another file has this sentence");
    CHECK(raptr::is_utf8(said));
    CHECK(said.size() < 600);
    CHECK(used < 8192 + 60 * one.bytes.size());
  }
}

TEST_CASE("odd files that the format allows are read") {
  const std::string scalar = R"({"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  std::string every_type, many;
  int at = 0;
  for (const auto& [dtype, bits] : raptr::detail::dtype_sizes) {
    const int end = at + static_cast<int>(4 * bits / 8);
    every_type += ",\"" + std::string(dtype) + R"(":{"dtype":")" + std::string(dtype) + R"(","shape":[4],"data_offsets":[)" + std::to_string(at) +
                  "," + std::to_string(end) + "]}";
    at = end;
  }
  for (int i = 0; i < 2000; ++i)
    many += ",\"" + std::to_string(i) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  std::string ones = "1";
  for (int rank = 1; rank < 64; ++rank) ones += ",1";

  struct odd {
    const char* what;
    std::string bytes;
    std::size_t tensors;
  };
  const std::vector<odd> all{
      {"no tensor", file_of("{}"), 0},
      {"no tensor, and blanks", file_of("{ \t\r\n}  \n"), 0},
      {"metadata alone", metadata(R"({"format":"pt"})"), 0},
      {"empty metadata", metadata("{}"), 0},
      {"null as metadata, as MLX writes it", metadata("null"), 0},
      {"null as metadata behind a tensor", file_of("{\"w\":" + scalar + R"(,"__metadata__":null})", 1), 1},
      {"four bits, a whole byte of them", one("\"F4\"", "[2]", "[0,1]", 1), 1},
      {"six bits, three bytes of them", one("\"F6_E3M2\"", "[2,2]", "[0,3]", 3), 1},
      {"no elements of six bits", one("\"F6_E2M3\"", "[3,0]", "[0,0]", 0), 1},
      {"no elements, and 2^62 words before them", one("\"F32\"", "[4611686018427387904,0]", "[0,0]", 0), 1},
      {"metadata last", file_of("{\"w\":" + scalar + R"(,"__metadata__":{"":""}})", 1), 1},
      {"metadata between tensors", file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"__metadata__":{},"w":)" + scalar + "}", 1), 2},
      {"members in another order", file_of(R"({"w":{"data_offsets":[0,1],"shape":[],"dtype":"U8"}})", 1), 1},
      {"blanks everywhere", file_of("{ \"w\" : { \"dtype\" : \"U8\" , \"shape\" : [ 1 , 1 ] , \"data_offsets\" : [ 0 , 1 ] } }", 1), 1},
      {"escapes in the names of members", file_of(R"({"w":{"\u0064type":"\u00558","shape":[],"data_offsets":[0,1]}})", 1), 1},
      {"no name", named("\"\""), 1},
      {"a name with a line end, a NUL and a slash", named(R"("a\n\u0000/../b")"), 1},
      {"a name beyond the first plane, as UTF-8", named("\"\xf0\x9f\xa6\x96\""), 1},
      {"a name beyond the first plane, as two escapes", named(R"("\ud83e\udd96")"), 1},
      {"a name of ten thousand letters", named("\"" + std::string(10'000, 'n') + "\""), 1},
      {"a scalar", one("\"F64\"", "[]", "[0,8]", 8), 1},
      {"64 extents", one("\"F32\"", "[" + ones + "]", "[0,4]", 4), 1},
      {"no elements", one("\"F32\"", "[0]", "[0,0]", 0), 1},
      {"no elements, and an extent of 2^63 - 1", one("\"F32\"", "[0,9223372036854775807]", "[0,0]", 0), 1},
      {"no elements at the begin, between and at the end", bytes_at({{0, 0}, {0, 2}, {2, 2}, {2, 2}, {2, 4}, {4, 4}}, 4), 6},
      {"tensors in another order than their data", bytes_at({{3, 4}, {0, 2}, {2, 3}}, 4), 3},
      {"every type, the narrow ones first", file_of("{" + every_type.substr(1) + "}", static_cast<std::size_t>(at)), 22},
      {"two thousand tensors", file_of("{" + many.substr(1) + "}", 2000), 2000},
  };
  const scratch_folder in;
  const auto path = in / "m.safetensors";
  for (const auto& one : all) {
    CAPTURE(one.what);
    overwrite(path, one.bytes);
    std::size_t tensors = 0;
    CHECK_NOTHROW(tensors = raptr::safetensors_reader(path).tensors().size());
    CHECK(tensors == one.tensors);
  }
}

TEST_CASE("names, metadata and data of odd files are those of the file") {
  const scratch_folder in;
  const auto path = in / "m.safetensors";
  overwrite(path, named(R"("a\n\u0000b")"));
  CHECK(raptr::safetensors_reader(path).tensors()[0].name == std::string("a\n\0b", 4));
  overwrite(path, file_of(R"({"__metadata__":{"":"\ud83e\udd96","k":"\u0000"}})"));
  CHECK(raptr::safetensors_reader(path).metadata() == std::map<std::string, std::string>{{"", "\xf0\x9f\xa6\x96"}, {"k", std::string(1, '\0')}});

  // Floats in byte 65 + 1 of the file, a scalar after a tensor without elements, and blanks at the end of the header.
  auto bytes = file_of(R"({"s":{"dtype":"I32","shape":[],"data_offsets":[9,13]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                       R"("n":{"dtype":"F32","shape":[3,0],"data_offsets":[9,9]},"w":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}   )");
  overwrite(path, bytes + std::string("\7\0\0\x80\x3f\0\0\0\xc0\xfe\xff\xff\xff", 13));
  const raptr::safetensors_reader from(path);
  std::vector<float> w(2), none;
  std::int32_t s = 0;
  from.read<float>("w", w);
  from.read<float>("n", none);
  from.read<std::int32_t>("s", std::span(&s, 1));
  CHECK(w == std::vector<float>{1, -2});
  CHECK(s == -2);
}

TEST_CASE("a tensor of 4 TiB costs no memory until it is read") {
  const scratch_folder in;
  const auto path = in / "m.safetensors";
  overwrite(path, file_of(R"({"w":{"dtype":"F32","shape":[1048576,1048576],"data_offsets":[0,4398046511104]}})"));
  const auto header = std::filesystem::file_size(path);
  if (::truncate(path.c_str(), static_cast<off_t>(header + 4'398'046'511'104)) != 0) return;  // a file system without files of that size
  allocated = 0;
  const raptr::safetensors_reader from(path);
  CHECK(allocated < 16384);
  CHECK(from.find("w")->bytes == 4'398'046'511'104);
  std::vector<float> small(4);
  CHECK(has(sentence_of([&] { from.read<float>("w", small); }), "tensor w: expected 4 elements, got 1099511627776"));
}
