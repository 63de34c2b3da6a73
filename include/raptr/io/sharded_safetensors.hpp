// SPDX-License-Identifier: Apache-2.0
// The tensors of a folder as Hugging Face's tools write them: model.safetensors, or model.safetensors.index.json, which lists
// the file of every tensor. Index and files must agree; the index lists files of its own folder only.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <raptr/io/safetensors_numbers.hpp>

namespace raptr {

namespace errors {
[[noreturn]] inline void no_weights(const std::filesystem::path& folder, bool pickled) {
  fail<file_error>(shown(folder) + " has neither model.safetensors nor model.safetensors.index.json" +
                   (pickled ? ": its pytorch_model.bin is not a safetensors file; save_pretrained(folder) of transformers writes one" : ""));
}
[[noreturn]] inline void shard_disagrees(const std::filesystem::path& index, std::string_view tensor, const std::string& sentence) {
  fail<file_error>(shown(index) + ", tensor " + shown(tensor) + ": " + sentence);
}
}  // namespace errors

class sharded_safetensors {
 public:
  struct place {
    std::size_t file;
    const tensor_entry* entry;
  };

  /// Opens all files. Throws file_error if there is none, one is damaged, or the index does not match their contents.
  explicit sharded_safetensors(const std::filesystem::path& folder) : path_(folder / "model.safetensors") {
    std::error_code ignored;
    if (!std::filesystem::exists(path_, ignored)) {
      const auto index = folder / "model.safetensors.index.json";
      if (!std::filesystem::exists(index, ignored)) errors::no_weights(folder, std::filesystem::exists(folder / "pytorch_model.bin", ignored));
      path_ = index;
      open_all(folder);
      return;
    }
    files_.emplace_back(path_);
    for (const tensor_entry& t : files_.front().tensors()) places_[t.name] = {0, &t};
  }

  /// The file named in errors: the only file, or the index.
  const std::filesystem::path& path() const { return path_; }
  /// All tensors by name.
  const std::map<std::string, place>& tensors() const { return places_; }
  const safetensors_reader& file(const place& at) const { return files_[at.file]; }

 private:
  void open_all(const std::filesystem::path& folder) {
    const json index = read_json(path_), map = json_member<json>(index, "weight_map", path_);
    if (!map.is_object()) errors::wrong_member(path_, "weight_map", "an object with the names of files", detail::shown_json(map));
    std::map<std::string, std::size_t> numbers;
    for (const auto& [tensor, value] : map.items()) {
      if (!value.is_string()) errors::shard_disagrees(path_, tensor, "expected the name of a file, got " + detail::shown_json(value));
      const auto name = value.get<std::string>();
      if (name.find_first_of(std::string_view("/\0", 2)) != name.npos || name == "." || name == ".." || !name.ends_with(".safetensors"))
        errors::shard_disagrees(path_, tensor, "\"" + shown(name) + "\" is not the name of a safetensors file in the folder of the index");
      numbers.try_emplace(name, numbers.size());
    }
    std::vector<std::string> names(numbers.size());
    for (const auto& [name, number] : numbers) names[number] = name;
    for (const std::string& name : names) files_.emplace_back(folder / name);
    for (const auto& [tensor, value] : map.items()) {
      const std::size_t number = numbers[value.get<std::string>()];
      const tensor_entry* entry = files_[number].find(tensor);
      if (!entry) errors::shard_disagrees(path_, tensor, shown(files_[number].path()) + " does not contain it");
      places_[tensor] = {number, entry};
    }
    for (const safetensors_reader& file : files_)
      for (const tensor_entry& t : file.tensors())
        if (const auto known = places_.find(t.name); known == places_.end() || known->second.entry != &t)
          errors::shard_disagrees(path_, t.name, "the index does not list it under " + shown(file.path()) + ", which contains it");
  }

  std::filesystem::path path_;
  std::vector<safetensors_reader> files_;
  std::map<std::string, place> places_;
};

}  // namespace raptr
