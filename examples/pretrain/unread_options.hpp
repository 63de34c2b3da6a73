// SPDX-License-Identifier: Apache-2.0
// Options that nothing reads in this run are refused, with what to do instead. Where the schedule drops nothing, those that belong to
// drops are named in the plan only, so that the arms of a comparison may differ in --schedule alone.
#pragma once

#include <raptr/run/any_trainer.hpp>
#include <raptr/schedule/growth.hpp>

#include "schedule.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void option_is_not_read(const std::string& name, const std::string& why, const std::string& fix) {
  raptr::fail("--" + name + " is given, but " + why + ", so nothing reads it: " + (fix.empty() ? "" : fix + ", or ") + "leave --" + name + " out");
}
}  // namespace errors

/// Whether a person asked for this option: on the command line, or with another value than the default in a configuration file, which
/// may list all options.
inline bool asked_for(std::string_view name, const option_list& given) {
  settings plain;
  const option_list defaults = options_of(plain);
  const option& o = *given.find(name);
  return o.given && (!o.in_file || option_list::json_of(o) != option_list::json_of(*defaults.find(name)));
}

/// Calls visit(position, rules) at both ends of every stage; the policies of a rule are the same between them.
inline void each_end_of_stages(const raptr::any_schedule& schedule, const raptr::network_layout& layout, std::int64_t total, auto visit) {
  for (std::int64_t step = 0; step < total;) {
    raptr::run_position now = raptr::position_at(schedule, step, total, layout.shape);
    visit(now, schedule.at(now));
    step = now.last + 1, now.step = now.last;
    visit(now, schedule.at(now));
  }
}

/// Whether the schedule has other rules where one option has another value. One that would not be valid then reads it too.
inline bool reads_policy(const settings& s, std::string_view name, const raptr::json& other_value, const raptr::network_layout& layout) {
  settings other = s;
  try {
    options_of(other).set(name, other_value);
    const raptr::any_schedule one = schedule_of(s), changed = schedule_of(other);
    bool differs = false;
    each_end_of_stages(one, layout, s.steps, [&](const raptr::run_position& now, const raptr::stage_rule& rules) {
      const raptr::stage_rule others = changed.at(now);
      for (const raptr::drop_rule& r : rules)
        if (const raptr::drop_rule* const o = others.find(r.axis)) differs = differs || !r.same_policies(*o);
    });
    return differs;
  } catch (const raptr::input_error&) {
    return true;
  }
}

/// The same for what may differ at a resume.
inline void expect_read_at_resume(const settings& s, const option_list& given) {
  if (s.keep_every > s.steps && asked_for("keep-every", given))
    errors::option_is_not_read("keep-every", "the run has " + std::to_string(s.steps) + " steps and keeps the last checkpoint anyway",
                               "give a lower number");
}

/// Throws input_error for the first option that is given and that nothing reads in this run. Returns those that the plan names.
/// ids: of the tokenizer. validates: whether there is a text for it.
inline std::vector<std::string> unread_options(const settings& s, const option_list& given, const raptr::any_trainer& network,
                                               const raptr::vocabulary& ids, bool validates) {
  const auto refuse_if = [&](bool unread, const std::string& name, const std::string& why, const std::string& fix = "") {
    if (unread && asked_for(name, given)) errors::option_is_not_read(name, why, fix);
  };
  refuse_if(s.objective != "masked_lm", "masking", "--objective is " + s.objective + " and masks no token", "give --objective masked_lm");
  refuse_if(s.objective_name() != "ul2", "sentinels", "--objective is " + s.objective + " and hides no span", "give --objective ul2");
  refuse_if(ids.sentinels() != s.sentinels, "sentinels", "the tokenizer has " + std::to_string(ids.sentinels()) + " of its own");
  refuse_if(s.max_predictions > s.context, "max-predictions", "a sequence has " + std::to_string(s.context) + " tokens", "give a lower number");
  refuse_if(s.text.empty() && s.validation_text.empty(), "documents", "there is no text to split", "give --text");
  refuse_if(s.shards.empty() && s.validation_shards.empty(), "shard-format", "there are no shards", "give --shards");
  refuse_if(!is_on_host(s.device), "threads", "--device is " + s.device, "give --device cpu");
  refuse_if(!validates && s.validate_every != 0 && !given.find("validate-every")->in_file, "validate-every",
            "the text is too short to hold out a part", "give --validation-text");
  refuse_if(!validates, "validation-windows", "there is no text to validate on", "give --validation-text");
  refuse_if(s.validate_every == 0, "validation-windows", "--validate-every is 0", "give --validate-every STEPS");

  const raptr::any_schedule& schedule = network.schedule();
  const raptr::network_layout layout = network.layout();
  bool drops = false, drops_weights = false, drops_depth = false, copies = false;
  int stages = 1;
  each_end_of_stages(schedule, layout, s.steps, [&](const raptr::run_position& now, const raptr::stage_rule& rules) {
    stages = now.stages;
    copies = copies || !raptr::growth_of(schedule, now).empty();
    drops_depth = drops_depth || raptr::depth_share(rules, layout) != 1;
    for (const raptr::drop_rule& r : rules) {
      if (r.place != raptr::unit_place::parts && r.kept_of(total_of(r, layout)) == total_of(r, layout)) continue;
      drops = true;
      drops_weights = drops_weights || r.place != raptr::unit_place::sequences || r.select.on_average;
    }
  });
  const std::string text = "--schedule \"" + raptr::shown(s.schedule) + "\"";
  std::vector<std::string> named;
  const auto refuse_or_name = [&](bool unread, const std::string& name, const std::string& why, const std::string& fix) {
    if (drops)
      refuse_if(unread, name, why, fix);
    else if (asked_for(name, given))
      named.push_back(name);
  };
  const std::string no_layers = "no stage of " + text + " draws layers by it",
                    in_text =
                        "write the policy in the text, as in layers(bernoulli, sqrt_gap) 6-12, pld(unscaled):0.5, est(fixed:2:2), "
                        "stack(completep):6-9-12 or heads(inverse) 1/2-full";
  const auto policy = [&](const char* name, const raptr::json& other) {
    refuse_or_name(asked_for(name, given) && !reads_policy(s, name, other, layout), name, no_layers, in_text);
  };
  policy("selector", s.selector == "exactly" ? "bernoulli" : "exactly");
  policy("scale", s.scale == "unscaled" ? "sqrt_gap" : "unscaled");
  policy("keep-first", s.keep_first + 1);
  policy("keep-last", s.keep_last + 1);
  refuse_or_name(!drops_depth, "completep-rate", text + " trains the whole depth in every step", "give a schedule that drops layers");
  refuse_if(!drops_weights, "dropped-update", text + " drops no weights", "give a schedule that drops layers, sublayers, heads or neurons");
  refuse_if(!drops_weights, "rank-plans", text + " drops no weights", "give a schedule that drops layers, heads or neurons");
  refuse_if(stages == 1, "at-borders", text + " has one stage and no border", "give one with stages, such as 6-8-10-12");
  refuse_if(!copies, "grown", text + " copies no block", "give one that grows, such as stack:6-9-12");
  return named;
}

}  // namespace program
