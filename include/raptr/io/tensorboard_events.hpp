// SPDX-License-Identifier: Apache-2.0
// TensorBoard event files: a sequence of TFRecords, each one an Event of tensorflow/core/util/event.proto. Only scalars,
// encoded by hand, because the few fields need no protobuf library. The surprise: checksums are masked CRC-32C, because
// the CRC of data that contains its own CRC is a constant.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>

namespace raptr {

struct named_scalar {
  std::string_view name;  // the tag of a curve, UTF-8; "active/heads" is the curve "heads" of the group "active"
  float value = 0;
};

namespace detail {

inline void append_little_endian(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(static_cast<unsigned char>(value >> 8 * i & 255));
}

/// A message of protobuf, field by field.
class proto_message {
 public:
  void add_varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) append_little_endian(bytes_, (value & 127) | 128, 1);
    append_little_endian(bytes_, value, 1);
  }
  void add_integer(unsigned field, std::int64_t value) {
    add_varint(field << 3);
    add_varint(static_cast<std::uint64_t>(value));
  }
  void add_double(unsigned field, double value) {
    add_varint(field << 3 | 1);
    append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value), 8);
  }
  void add_float(unsigned field, float value) {
    add_varint(field << 3 | 5);
    append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value), 4);
  }
  void add_bytes(unsigned field, std::string_view value) {
    add_varint(field << 3 | 2);
    add_varint(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

inline std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes_of(bytes));
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

/// Length, its checksum, the bytes, their checksum.
inline std::string tf_record(std::string_view bytes) {
  std::string record;
  append_little_endian(record, bytes.size(), 8);
  append_little_endian(record, masked_crc32c(record), 4);
  record += bytes;
  append_little_endian(record, masked_crc32c(bytes), 4);
  return record;
}

}  // namespace detail

/// The first record of every event file. The file name must contain "tfevents".
///
///   wall_time   seconds since 1970
inline std::string event_file_head(double wall_time) {
  detail::proto_message event;
  event.add_double(1, wall_time);
  event.add_bytes(3, "brain.Event:2");
  return detail::tf_record(event.bytes());
}

/// One point of each curve, to be appended to the file.
inline std::string scalar_event(double wall_time, std::int64_t step, std::span<const named_scalar> scalars) {
  detail::proto_message summary;
  for (const named_scalar& s : scalars) {
    detail::proto_message value;
    value.add_bytes(1, s.name);
    value.add_float(2, s.value);
    summary.add_bytes(1, value.bytes());
  }
  detail::proto_message event;
  event.add_double(1, wall_time);
  event.add_integer(2, step);
  event.add_bytes(5, summary.bytes());
  return detail::tf_record(event.bytes());
}

}  // namespace raptr
