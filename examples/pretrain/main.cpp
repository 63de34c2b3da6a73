// SPDX-License-Identifier: Apache-2.0
// raptr-pretrain: trains a language model on text, with the full network or with growing subnetworks.
#include "../support/help.hpp"
#include "run.hpp"

namespace {

using namespace program;

constexpr std::string_view head =
    "raptr-pretrain trains a language model on text, with growing subnetworks.\n\n"
    "  raptr-pretrain --text FILE\n"
    "  raptr-pretrain --text FILE --schedule 6-8-10-12 --steps 2000 --out RUN\n"
    "  raptr-pretrain --resume RUN\n";

/// Sets the options that the file has and the command line does not.
void read_config(const std::filesystem::path& file, option_list& options) {
  settings from_file;
  option_list of_file = options_of(from_file);
  raptr::json object = raptr::read_json(file);
  if (object.is_object() && object.contains("program") && object.contains("options"))
    object = raptr::json(object["options"]);  // the config.json of a run
  of_file.read(object, file);
  for (const option& o : of_file.all())
    if (o.given && !options.given(o.name)) options.set(o.name, option_list::json_of(o));
}

int start(int count, char** words) {
  settings s;
  option_list options = options_of(s);
  if (helped(count, words, options, head)) return done;
  options.read(count, words);
  if (!s.config.empty()) read_config(s.config, options);
  s.settle();
  return run(s, options);
}

}  // namespace

int main(int count, char** words) {
  return program::guarded([&] { return start(count, words); });
}
