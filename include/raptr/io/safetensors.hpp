// SPDX-License-Identifier: Apache-2.0
// safetensors files, read tensor by tensor and written as a stream, so that neither needs a second copy of a model. Data
// is read into the caller's memory, which is aligned, so files with misaligned floats are read correctly.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/file.hpp>
#include <raptr/io/json.hpp>
#include <raptr/io/safetensors_header.hpp>

namespace raptr {

/// An open safetensors file with a valid header. Tensors are read one by one, into the caller's memory.
class safetensors_reader {
 public:
  explicit safetensors_reader(const std::filesystem::path& path) : file_(open_file::reading(path)), header_(read_tensor_header(file_, file_.size())) {
    for (std::size_t i = 0; i < header_.tensors.size(); ++i) index_.emplace(header_.tensors[i].name, i);
  }

  const std::filesystem::path& path() const { return file_.path(); }
  /// In the order of their data in the file.
  std::span<const tensor_entry> tensors() const& { return header_.tensors; }
  std::vector<tensor_entry> tensors() && { return std::move(header_.tensors); }  // so that a range-for over it has them
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  /// Null when there is none.
  const tensor_entry* find(std::string_view name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &header_.tensors[found->second];
  }

  /// Fills `out` with the whole tensor. Throws file_error unless the file has one of this name, type and number of elements.
  template <tensor_number T> void read(std::string_view name, std::span<T> out) const {
    const tensor_entry* entry = find(name);
    if (entry == nullptr) errors::no_such_tensor(path(), name, header_.tensors.size());
    if (entry->dtype != dtype_of<T>) errors::wrong_tensor(path(), name, std::string(dtype_of<T>), entry->dtype);
    if (entry->bytes != out.size_bytes())
      errors::wrong_tensor(path(), name, std::to_string(out.size()) + " elements",
                           std::to_string(entry->bytes / sizeof(T)) + ", shape " + detail::shape_text(entry->shape));
    file_.read_at(entry->first, std::as_writable_bytes(out));
  }
  /// Fills `out` with raw bytes of one of tensors(), from its byte `first` on.
  void read_bytes(const tensor_entry& entry, std::uint64_t first, std::span<std::byte> out) const { file_.read_at(entry.first + first, out); }

 private:
  open_file file_;
  tensor_header header_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

/// Name, type and shape of a tensor that a writer will receive.
struct tensor_plan {
  std::string name;
  std::string_view dtype;  // dtype_of<T>
  std::vector<std::int64_t> shape;
};

/// Writes the header at once, then the data in the order of the plan, in chunks of any size. Equal plans, metadata and
/// data give equal bytes. Put types of eight bytes first: readers that map the file need aligned data.
template <byte_sink Sink> class safetensors_writer {
 public:
  /// metadata: entries besides "format": "pt", which PyTorch's readers require.
  safetensors_writer(Sink& sink, std::vector<tensor_plan> plan, std::map<std::string, std::string> metadata = {})
      : sink_(sink), plan_(std::move(plan)) {
    metadata.try_emplace("format", "pt");
    std::string header = "{\"__metadata__\":" + quoted(json(metadata));
    std::uint64_t at = 0;
    std::set<std::string_view> names;
    for (const auto& one : plan_) {
      const auto per_element = detail::bytes_of_dtype(one.dtype);
      const auto bytes = detail::bytes_of_shape(one.shape, per_element.value_or(1));
      if (!per_element) errors::wrong_tensor(sink_.path(), one.name, "the dtype F32, F64, I32 or I64", "\"" + std::string(one.dtype) + "\"");
      if (!bytes || *bytes > (~std::uint64_t{0} >> 1) - at)
        errors::wrong_tensor(sink_.path(), one.name, "a shape of less than 2^63 bytes", detail::shape_text(one.shape));
      if (!is_utf8(one.name) || one.name == "__metadata__" || !names.insert(one.name).second)
        errors::wrong_tensor(sink_.path(), one.name, "a name that is UTF-8, is not __metadata__ and occurs once", "this one");
      if (at % *per_element != 0)
        errors::wrong_tensor(sink_.path(), one.name, "tensors of wider elements before those of narrower ones",
                             "data at byte " + std::to_string(at) + ", not a multiple of " + std::to_string(*per_element));
      json entry;
      entry["dtype"] = one.dtype;
      entry["shape"] = one.shape;
      entry["data_offsets"] = {at, at + *bytes};
      header.append(",").append(quoted(json(one.name))).append(":").append(quoted(entry));
      at += *bytes;
      ends_.push_back(at);
    }
    header += "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const auto length = std::bit_cast<std::array<std::byte, 8>>(std::uint64_t{header.size()});
    sink_.write(length);
    sink_.write(bytes_of(header));
    skip_empty();
  }

  /// Appends a chunk of tensor `name`, which must be the next unfinished one of the plan.
  template <tensor_number T> void write(std::string_view name, std::span<const T> piece) {
    if (piece.empty()) return;
    if (current_ == plan_.size())
      errors::wrong_tensor(sink_.path(), name, "no more data, all tensors are written", std::to_string(piece.size()) + " elements");
    const auto& now = plan_[current_];
    if (name != now.name) errors::wrong_tensor(sink_.path(), name, "the data of " + now.name + " first", "data of this tensor");
    if (dtype_of<T> != now.dtype) errors::wrong_tensor(sink_.path(), name, std::string(now.dtype), std::string(dtype_of<T>));
    if (piece.size_bytes() > ends_[current_] - written_)
      errors::wrong_tensor(sink_.path(), name, "at most " + std::to_string((ends_[current_] - written_) / sizeof(T)) + " more elements",
                           std::to_string(piece.size()));
    sink_.write(std::as_bytes(piece));
    written_ += piece.size_bytes();
    skip_empty();
  }

  /// Call it after the last chunk: throws file_error if data is missing.
  void finish() const {
    if (current_ < plan_.size())
      errors::wrong_tensor(sink_.path(), plan_[current_].name, "its data",
                           "finish() with " + std::to_string(ends_[current_] - written_) + " bytes missing");
  }

 private:
  static std::string quoted(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }
  void skip_empty() {
    while (current_ < plan_.size() && written_ == ends_[current_]) ++current_;
  }

  Sink& sink_;
  std::vector<tensor_plan> plan_;
  std::vector<std::uint64_t> ends_;
  std::uint64_t written_ = 0;
  std::size_t current_ = 0;
};

}  // namespace raptr
