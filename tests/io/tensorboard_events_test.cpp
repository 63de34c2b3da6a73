// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include <raptr/io/tensorboard_events.hpp>

namespace {

// Four events as the package tensorboard 2.21.0 (RecordWriter, Event, Summary) writes them.
constexpr std::string_view stored =
    "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe92f000000000000006d5d1d500900006040fc54d9"
    "4110012a220a0b0a046c6f7373150000b0400a130a0c6163746976652f686561647315cdcccc3df0090fb5e60000000000000071234f870900008040"
    "fc54d9411080f092cbdd082ad3010ad0010ac80178787878787878787878787878787878787878787878787878787878787878787878787878787878"
    "787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"
    "787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"
    "78787878787878787878787878787878787878787878787878787878787878787878787878787878159063f38d4877b3942100000000000000017bec"
    "f609000000000000f03f10ffffffffffffffffff012a0b0a090a02c3a9150000807feb9201d9";

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    for (const int shift : {4, 0}) text += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
  return text;
}

}  // namespace

TEST_CASE("event files have the bytes that TensorBoard's own writer gives") {
  const std::string long_name(200, 'x');
  std::string file = raptr::event_file_head(1700000000.25);
  const raptr::named_scalar two[] = {{"loss", 5.5F}, {"active/heads", 0.1F}};
  file += raptr::scalar_event(1700000001.5, 1, two);
  const raptr::named_scalar tiny[] = {{long_name, -1.5e-30F}};
  file += raptr::scalar_event(1700000002.0, 300000000000, tiny);
  const raptr::named_scalar infinite[] = {{"\xc3\xa9", std::numeric_limits<float>::infinity()}};
  file += raptr::scalar_event(1, -1, infinite);
  CHECK(hex(file) == stored);
}

TEST_CASE("the sums of event files are masked CRC-32C") {
  // 0xe3069283 rotated right by 15 bits, plus 0xa282ead8
  CHECK(raptr::detail::masked_crc32c("123456789") == 0xc78ab0e5U);
  const std::string record = raptr::detail::tf_record("");
  CHECK(hex(record) == "000000000000000029039807d8ea82a2");
}

TEST_CASE("a step without scalars is an event that moves no curve") {
  CHECK(hex(raptr::scalar_event(2, 3, {}))
            .find("0900000000000000401003"
                  "2a00") != std::string::npos);
}
