// SPDX-License-Identifier: Apache-2.0
// A user's own block in the folder of a run: killed, stopped, damaged and continued with the same bits; refused if it differs.
#include <doctest/doctest.h>

#include <map>

#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/run/training_run.hpp>

#include "../support/devices.hpp"
#include "../support/scratch_folder.hpp"
#include "../support/token_list.hpp"

namespace {

namespace fs = std::filesystem;
using namespace raptr;

/// max(a, 0)^2.
struct squared_relu {
  static constexpr int inputs = 1;
  template <class T> RAPTR_BOTH static T forward(const T* a) { return *a > 0 ? *a * *a : T(0); }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) { *da = *a > 0 ? 2 * *a * dh : T(0); }
};
using my_block = block<gpt2_block, mlp<squared_relu>>;
using my_model = transformer<my_block, causal_lm, testing::host_device>;
constexpr model_shape shape{.layers = 4, .width = 8, .heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 40, .context = 8};

struct no_text_schedule {
  any_schedule stages{"3-full"};
  stage_rule at(const run_position& now) const { return stages.at(now); }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return stages.stage_end(step, total); }
};

struct choice {
  std::string schedule = "2-3-full";
  model_shape model = shape;
  double rate = 1e-2;
  bool bias_correction = true;
  std::int64_t tokens = 500;
  run_options options{.steps = 20, .batch = 2, .seed = 3, .validate_every = 6, .save_every = 5};
  recording_options recording{.keep = {.last = 2, .every = 10}};
};

/// Runs to the end, or to the step after which `end` returns true: then the process is told to stop. Returns all notes.
template <class Watch> std::string run_in(const fs::path& folder, choice c, Watch&& watch) {
  std::string notes;
  const testing::token_list text(c.tokens);
  trainer trained(my_model(c.model, {.threads = 1}), any_schedule(c.schedule), adamw{.lr = c.rate, .bias_correction = c.bias_correction},
                  warmup_linear{.warmup = 4});
  c.options.validate = [&] { return trained.evaluate(text, 2, 4); };
  c.recording.note = [&](const std::string& sentence) { notes += sentence + "\n"; };
  training_run run(folder, trained, text, c.options, c.recording);
  if (run.train(watch)) CHECK(run.steps_done() == c.options.steps);
  return notes;
}
std::string run_in(const fs::path& folder, const choice& c = {}) {
  return run_in(folder, c, [](const step_report&) {});
}
std::string refusal(const fs::path& folder, const choice& c) {
  return sentence_of<raptr::error>([&] { run_in(folder, c); });
}

/// All files by name; of logs and summaries what does not depend on time.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::string& text = all[entry.path().lexically_relative(folder).generic_string()] = read_file(entry.path());
    for (const char* const field : {"\"step_seconds\":", "\"tokens_per_second\":", "\"training_seconds\":"})
      for (std::size_t at = 0; (at = text.find(field, at)) != text.npos; at += 5) text.erase(at, text.find_first_of(",}\n", at) - at);
  }
  return all;
}
void check_same(const fs::path& one, const fs::path& other) {
  const auto a = contents(one), b = contents(other);
  CHECK(a.size() == b.size());
  for (const auto& file : a) {
    INFO(file.first);
    REQUIRE(b.contains(file.first));
    CHECK((file.second == b.at(file.first)));
  }
}

TEST_CASE("a run leaves the files of raptr-pretrain, and a finished one is not trained again") {
  scratch_folder scratch;
  choice with_floor;
  with_floor.recording.floor = unigram_losses{.unigram = 3.5};
  run_in(scratch / "run", with_floor);
  const auto files = contents(scratch / "run");
  for (const char* const name : {"config.json", "metrics.jsonl", "summary.json", "checkpoints/step-000020/model.safetensors"})
    CHECK(files.contains(name));
  CHECK(step_folders(scratch / "run/checkpoints").size() == 3);  // 20, 15, and 10 as a multiple of 10
  const json summary = read_json(scratch / "run/summary.json");
  CHECK(summary["schedule"] == "2-3-full");
  CHECK(summary["validation_loss"].get<double>() < 4);
  CHECK(summary["unigram_loss"] == 3.5);
  CHECK(summary["visible_token_loss"].is_null());
  int steps = 0;
  run_in(scratch / "run", {}, [&](const step_report&) { ++steps; });
  CHECK(steps == 0);
  check_same(scratch / "run", scratch / "run");
}

TEST_CASE("a run that is killed at any step, or stopped, ends with the bits and the files of an unbroken one") {
  scratch_folder scratch;
  run_in(scratch / "whole");
  for (const std::int64_t killed : {0, 3, 4, 5, 11, 18, 19}) {
    CAPTURE(killed);
    const fs::path folder = scratch / ("killed" + std::to_string(killed));
    CHECK(in_child([&] {
            run_in(folder, {}, [&](const step_report& r) {
              if (r.step == killed) ::_exit(7);
            });
            return true;
          }) == 7);
    overwrite(folder / ".summary.json.partial-1", "{\"cut");  // a kill while the file was written
    const std::string notes = run_in(folder);
    CHECK(has(notes, "there is no checkpoint yet") == (killed < 5));  // that of the fifth step follows its report
    check_same(scratch / "whole", folder);
  }
  std::stop_source stop;
  choice stopped;
  stopped.options.stop = stop.get_token();
  run_in(scratch / "stopped", stopped, [&](const step_report& r) {
    if (r.step == 7) stop.request_stop();
  });
  CHECK_FALSE(fs::exists(scratch / "stopped/summary.json"));
  run_in(scratch / "stopped");
  check_same(scratch / "whole", scratch / "stopped");
}

TEST_CASE("event files are those of an unbroken run too") {
  scratch_folder scratch;
  choice events;
  events.recording.tensorboard = true;
  run_in(scratch / "run", events);
  CHECK(fs::file_size(scratch / "run/events.out.tfevents.raptr") > 20 * 100);
}

TEST_CASE("what differs from the run in the folder is refused with both values, and changes nothing") {
  scratch_folder scratch;
  run_in(scratch / "run");
  const auto before = contents(scratch / "run");
  const auto refused = [&](const char* sentence, auto change) {
    choice c;
    change(c);
    const std::string got = refusal(scratch / "run", c);
    INFO(got);
    CHECK(has(got, sentence));
  };
  refused("steps is 40, but the run in", [](choice& c) { c.options.steps = 40; });
  refused("was started with 20", [](choice& c) { c.options.steps = 40; });
  refused("batch is 3", [](choice& c) { c.options.batch = 3; });
  refused("was started with 2:", [](choice& c) { c.options.batch = 3; });
  refused("seed is 4", [](choice& c) { c.options.seed = 4; });
  refused("clip is 0.5", [](choice& c) { c.options.clip = 0.5; });
  refused("schedule is \"full\", but", [](choice& c) { c.schedule = "full"; });
  refused("started with \"2-3-full\"", [](choice& c) { c.schedule = "full"; });
  refused("neurons is 16", [](choice& c) { c.model.neurons = 16; });
  refused("learning_rates is", [](choice& c) { c.rate = 2e-2; });
  refused("optimizer is \"adamw, beta1 0.9, beta2 0.95, eps 0.00000001, no bias correction\"", [](choice& c) { c.bias_correction = false; });
  refused("the hash of the training text is", [](choice& c) { c.tokens = 501; });
  refused("dropout is {\"embedding\":0.1,\"residual\":0.0}, but the run in", [](choice& c) { c.model.dropout.embedding = 0.1; });
  refused("dropout is {\"embedding\":0.0,\"residual\":0.0,\"attention\":0.1}, but the run in", [](choice& c) { c.model.dropout.attention = 0.1; });
  refused("was started with not given", [](choice& c) { c.model.norm_eps = 1e-3; });
  refused("at least 1", [](choice& c) { c.options.batch = 0; });
  choice dropping;
  dropping.model.dropout.residual = 0.1;
  run_in(scratch / "dropping", dropping);
  CHECK(has(refusal(scratch / "dropping", {}), "dropout is not given, but the run in"));
  choice free;
  free.options.save_every = 7, free.options.max_nonfinite = 3, free.recording.keep = {.last = 1};
  CHECK(run_in(scratch / "run", free).empty());
  CHECK((contents(scratch / "run") == before));

  json config = read_json(scratch / "run/config.json");
  config["program"] = "raptr-pretrain";
  overwrite(scratch / "run/config.json", json_text(config));
  CHECK(has(refusal(scratch / "run", {}), "holds a run of raptr-pretrain"));
  overwrite(scratch / "file", "");
  CHECK(has(refusal(scratch / "file", {}), "is not the folder of a run"));
}

TEST_CASE("a schedule or a text that does not fit leaves no folder behind") {
  scratch_folder scratch;
  choice c;
  c.schedule = "2-5";
  CHECK_FALSE(refusal(scratch / "run", c).empty());
  c = {};
  c.tokens = 5;
  CHECK_FALSE(refusal(scratch / "run", c).empty());
  CHECK_FALSE(fs::exists(scratch / "run"));
}

TEST_CASE("one process at a time works in a folder") {
  scratch_folder scratch;
  run_in(scratch / "run", {}, [&](const step_report& r) {
    if (r.step == 3) CHECK(has(refusal(scratch / "run", {}), "is in use by another process"));
  });
}

TEST_CASE("a model that no published format holds is noted before its first checkpoint, and not again") {
  const scratch_folder scratch;
  const auto folder = scratch / "run";
  const auto noted = [](const std::string& notes) {
    return has(notes, "no published format holds this model: its checkpoints have the model_type \"raptr\"");
  };
  CHECK(noted(run_in(folder)));
  CHECK_FALSE(noted(run_in(folder)));
  fs::remove_all(folder / "checkpoints/step-000020");
  CHECK_FALSE(noted(run_in(folder)));
  for (const auto& one : step_folders(folder / "checkpoints")) fs::remove_all(one.path);
  CHECK(noted(run_in(folder)));  // from step 0: the next one is the first again
}

TEST_CASE("a damaged checkpoint is named and the one before it is used; a damaged log is refused by its byte") {
  scratch_folder scratch;
  run_in(scratch / "whole");
  const auto copy = [&](const char* name) {
    fs::copy(scratch / "whole", scratch / name, fs::copy_options::recursive);
    fs::remove(scratch / name / "summary.json");
    return scratch / name;
  };
  const fs::path newest = copy("checkpoint");
  fs::resize_file(newest / "checkpoints/step-000020/optimizer.safetensors", 90);
  CHECK(has(run_in(newest), "checkpoint step-000020 is damaged and skipped"));
  check_same(scratch / "whole", newest);

  const fs::path cut = copy("cut");  // lines that are younger than the checkpoint, and a line that was being written
  remove_folder(cut / "checkpoints/step-000020");
  fs::resize_file(cut / "metrics.jsonl", fs::file_size(cut / "metrics.jsonl") - 7);
  CHECK(run_in(cut).empty());
  check_same(scratch / "whole", cut);

  const fs::path log = copy("log");
  std::string lines = read_file(log / "metrics.jsonl");
  lines[2] = '\xff';
  overwrite(log / "metrics.jsonl", lines);
  const std::string damaged = refusal(log, {});
  INFO(damaged);
  CHECK(has(damaged, "metrics.jsonl, line 1, column 3 (byte 2)"));

  const fs::path lost = copy("lost");
  fs::resize_file(lost / "metrics.jsonl", 0);
  CHECK(has(run_in(lost), "metrics.jsonl ends at step 0, before the checkpoint of step 20"));
}

TEST_CASE("the figures of the plan are the sums of the costs of the steps") {
  scratch_folder scratch;
  const testing::token_list text(700);
  for (const char* const schedule : {"2-3-full", "full", "3-full with heads 1/2-full@1:2"}) {
    CAPTURE(schedule);
    trainer trained(my_model(shape, {.threads = 1}), any_schedule(schedule), adamw{.lr = 1e-2});
    const bool timed = schedule == std::string("full");
    training_run run(scratch / schedule, trained, text, {.steps = 12, .batch = 2, .accumulate = 2}, {.peak_flops = timed ? 1e9 : 0});
    double after_five = 0;
    run.train([&](const step_report& r) {
      if (r.step < 5) after_five += r.total_flops;
    });
    CHECK(run.plan().block_flops == doctest::Approx(run.sums().block_flops).epsilon(1e-9));
    CHECK(run.plan().total_flops == doctest::Approx(run.sums().total_flops).epsilon(1e-9));
    CHECK(run.plan().flops_of_first(5) == doctest::Approx(after_five).epsilon(1e-9));
    CHECK(has(run.plan().text, timed ? "Every step trains the full network" : "Expected saving"));
    CHECK(has(run.plan().text, "Expected time") == timed);
    if (timed) CHECK(run.plan().seconds == doctest::Approx(run.sums().total_flops / 5e8));
  }
}

TEST_CASE("a schedule without a text is recognised by its cost") {
  scratch_folder scratch;
  const testing::token_list text(300);
  const auto begin = [&](const char* stages) {
    trainer trained(my_model(shape, {.threads = 1}), no_text_schedule{any_schedule(stages)}, adamw{});
    training_run run(scratch / "run", trained, text, {.steps = 8, .batch = 2});
    CHECK(run.train());
  };
  begin("3-full");
  CHECK(read_json(scratch / "run/summary.json")["schedule"] == "of no text");
  CHECK(has(sentence_of<input_error>([&] { begin("2-full"); }), "block_flops_ratio is 0.75, but"));
}

TEST_CASE("failed writes end the run, or are reported once and the run ends with an error") {
  scratch_folder scratch;
  const auto block_checkpoints = [&](const fs::path& folder) {
    return [folder](const step_report& r) {
      if (r.step == 3) fs::remove_all(folder / "checkpoints"), overwrite(folder / "checkpoints", "");
    };
  };
  CHECK(has(sentence_of([&] { run_in(scratch / "stops", {}, block_checkpoints(scratch / "stops")); }), "checkpoints"));
  choice c;
  int reports = 0;
  c.recording.write_failed = [&](const file_error&) { ++reports; };
  const std::string end = sentence_of([&] { run_in(scratch / "goes_on", c, block_checkpoints(scratch / "goes_on")); });
  CHECK(reports == 1);
  CHECK(read_metrics(scratch / "goes_on/metrics.jsonl").steps.size() == 20);
  CHECK(!end.empty());
}

TEST_CASE("checkpoints are kept by both intervals, whatever the pair, also after a stop and a resume") {
  scratch_folder scratch;
  const auto kept = [](const fs::path& folder) {
    std::vector<std::int64_t> steps;
    for (const auto& one : step_folders(folder / "checkpoints")) steps.push_back(one.step);
    return steps;
  };
  for (const std::int64_t every : {0, 1, 2, 3, 4, 5})
    for (const std::int64_t keep : {0, 1, 2, 3, 4, 7}) {
      CAPTURE(every);
      CAPTURE(keep);
      choice c;
      c.options = {.steps = 9, .batch = 1, .save_every = every};
      c.recording.keep = {.last = 2, .every = keep};
      const auto is_saved = [&](std::int64_t s) { return s == 9 || (every && s % every == 0) || (keep && s % keep == 0); };
      std::vector<std::int64_t> expected;
      int newest = 0;
      for (std::int64_t s = 9; s > 0; --s)
        if (is_saved(s) && (newest++ < 2 || (keep && s % keep == 0))) expected.push_back(s);
      const fs::path folder = scratch / ("every" + std::to_string(every) + "keep" + std::to_string(keep));
      std::stop_source stop;
      choice stopping = c;
      stopping.options.stop = stop.get_token();
      run_in(folder, stopping, [&](const step_report& r) {
        if (r.step == (every + keep) % 6) stop.request_stop();
      });
      const std::string notes = run_in(folder, c);
      CHECK(notes.empty());
      CHECK(kept(folder) == expected);
    }
}

TEST_CASE("a checkpoint of another run, or under the name of another step, is named and passed over") {
  scratch_folder scratch;
  run_in(scratch / "whole");
  const std::string id = read_json(scratch / "whole/config.json")["id"];
  CHECK(id.size() == 16);
  CHECK(read_manifest(scratch / "whole/checkpoints/step-000020").run == id);
  CHECK(read_json(scratch / "whole/checkpoints/step-000020/state.json")["run"] == id);
  choice other;
  other.options.seed = 4;
  run_in(scratch / "other", other);
  CHECK(read_json(scratch / "other/config.json")["id"] != id);
  for (const std::string kind : {"seed", "step", "later", "version"}) {
    CAPTURE(kind);
    const fs::path folder = scratch / kind, steps = folder / "checkpoints";
    fs::copy(scratch / "whole", folder, fs::copy_options::recursive);
    fs::remove(folder / "summary.json");
    if (kind != "later") fs::remove_all(steps / "step-000020");
    if (kind == "seed") fs::copy(scratch / "other/checkpoints/step-000020", steps / "step-000020");
    if (kind == "step") fs::copy(steps / "step-000010", steps / "step-000020");
    if (kind == "later") fs::copy(steps / "step-000015", steps / "step-000021");
    if (kind == "version") {  // written before there were ids
      atomic_folder old(steps / "step-000020");
      for (const char* const name : {"model.safetensors", "optimizer.safetensors", "config.json", "state.json"})
        old.write(name, read_file(scratch / "whole/checkpoints/step-000020" / name));
      old.commit();
    }
    const std::string notes = run_in(folder);
    CHECK(has(notes, std::string("checkpoint step-0000") + (kind == "later" ? "21" : "20") + " is not what it should be and skipped"));
    if (kind == "seed") CHECK(has(notes, "was written by the run " + read_json(scratch / "other/config.json")["id"].get<std::string>()));
    if (kind == "step") CHECK(has(notes, "holds the state after step 10"));
    if (kind == "version") CHECK(has(notes, "was written by a run without an id"));
    if (kind == "later") fs::remove_all(steps / "step-000021");
    check_same(scratch / "whole", folder);
  }
}

TEST_CASE("a run of an earlier version, without an id, goes on with a note") {
  scratch_folder scratch;
  run_in(scratch / "run");
  json config = read_json(scratch / "run/config.json");
  config.erase("id"), config["hashes"].erase("vocabulary");
  overwrite(scratch / "run/config.json", json_text(config));
  for (const auto& one : step_folders(scratch / "run/checkpoints")) {
    json state = read_json(one.path / "state.json");
    state.erase("run");
    atomic_folder old(one.path);
    for (const char* const name : {"model.safetensors", "optimizer.safetensors", "config.json"}) old.write(name, read_file(one.path / name));
    old.write("state.json", json_text(state));
    old.commit();
  }
  fs::remove(scratch / "run/summary.json"), fs::remove_all(scratch / "run/checkpoints/step-000020");
  const std::string notes = run_in(scratch / "run");
  CHECK(has(notes, "has no id"));
  CHECK_FALSE(has(notes, "skipped"));
  CHECK(read_manifest(scratch / "run/checkpoints/step-000020").run.empty());
}

TEST_CASE("the special ids of a tokenizer belong to a run, its places do not") {
  scratch_folder scratch;
  run_in(scratch / "run");
  const testing::token_list swapped(500, {.size = 40, .end_of_text = 37, .mask = 39, .pad = 38});
  trainer trained(my_model(shape, {.threads = 1}), any_schedule("2-3-full"), adamw{.lr = 1e-2}, warmup_linear{.warmup = 4});
  const std::string said = sentence_of<input_error>([&] { training_run(scratch / "run", trained, swapped, choice{}.options); });
  INFO(said);
  CHECK(has(said, "vocabulary is \"40 ids, end of text 37, mask 39, padding 38\", but the run in"));
  CHECK(vocabulary_text({.size = 40, .mask = 4, .cls = 2, .sep = 3}) == "40 ids, mask 4, [CLS] 2, [SEP] 3");
  CHECK(vocabulary_text({.size = 40, .first_sentinel = 39, .last_sentinel = 30, .nlu = 5, .nlg = 6, .s2s = 7}) ==
        "40 ids, sentinels 39 to 30, [NLU] 5, [NLG] 6, [S2S] 7");
}

TEST_CASE("a validation or a step that a stop request ends is done by the resumed run, with the files of an unbroken one") {
  scratch_folder scratch;
  run_in(scratch / "whole");
  for (const std::int64_t at : {6, 12, 18, 20}) {  // those after which the run validates
    CAPTURE(at);
    const fs::path folder = scratch / ("validation" + std::to_string(at));
    std::stop_source stop;
    const testing::token_list text(500);
    trainer trained(my_model(shape, {.threads = 1}), any_schedule("2-3-full"), adamw{.lr = 1e-2}, warmup_linear{.warmup = 4});
    choice c;
    c.options.stop = stop.get_token();
    c.options.validate = [&] {
      if (trained.done().step == at) stop.request_stop();
      return trained.evaluate(text, 2, 4, 0, stop.get_token());
    };
    training_run run(folder, trained, text, c.options, c.recording);
    CHECK_FALSE(run.train());
    CHECK(run.steps_done() == at);
    CHECK_FALSE(read_metrics(folder / "metrics.jsonl").steps.back().validation_loss);
  }
  for (const std::int64_t at : {6, 12, 18, 20}) {
    const fs::path folder = scratch / ("validation" + std::to_string(at));
    CHECK(run_in(folder).empty());
    check_same(scratch / "whole", folder);
  }
}

TEST_CASE("a checkpoint, or the folder of checkpoints, given as a run is recognised") {
  scratch_folder scratch;
  run_in(scratch / "run");
  for (const char* const place : {"run/checkpoints/step-000020", "run/checkpoints/step-000020/", "run/checkpoints", "run/./checkpoints/"}) {
    CAPTURE(place);
    const std::string said = refusal(scratch / place, {});
    CHECK(has(said, "is a checkpoint or a folder of them, not the folder of a run: give that of its run, " + (scratch / "run").native()));
  }
  fs::copy(scratch / "run/checkpoints/step-000020", scratch / "alone", fs::copy_options::recursive);
  CHECK(has(refusal(scratch / "alone", {}), "not the folder of a run: give that of its run"));
  CHECK(has(refusal(scratch / "run/metrics.jsonl", {}), "is not the folder of a run"));
}

TEST_CASE("measuring ends with a stop request") {
  trainer_handle handle(trainer(my_model(shape, {.threads = 1}), any_schedule("full"), adamw{}), {.steps = 4, .batch = 1, .accumulate = 3});
  const any_tokens text(testing::token_list(100));
  std::stop_source stop;
  CHECK(measured_time(handle, handle.sample(text), stop.get_token()).full > 0);
  stop.request_stop();
  CHECK_THROWS_AS(measured_time(handle, handle.sample(text), stop.get_token()), stopped);
}

}  // namespace
