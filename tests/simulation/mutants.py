#!/usr/bin/python3
"""The protocol made wrong on purpose, one break at a time: the simulation must notice each.

    mutants.py list                 names, files, plays and first schedules, a line each
    mutants.py write NAME OUTPUT    the file of that mutant, with its break

A mutant whose text is not found any more stops the build: it is to follow the code.
"""

import os
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LINK, RESTORE, ROLLING = "pipeline/kafka/kafka_link.cc", "pipeline/kafka/restore.cc", "pipeline/kafka/rolling.cc"
STANDBY = "pipeline/kafka/standby.cc"
WORKER, SHARD, SESSIONS = "pipeline/engine/worker.cc", "pipeline/engine/shard.cc", "processors/sessions/sessions.cc"
CLUSTER = "tests/kafka/memory_cluster.cc"

OFFSETS = "    const std::vector<Committed> offsets = offsets_of(epoch, *changes);\n"
FINISH = "    if (auto done = brokers_->finish(offsets); !done) return done;\n"
# Ends one transaction and begins another.
SPLIT = OFFSETS + FINISH + "    if (auto begun = brokers_->begin(); !begun) return begun;\n"
STORE = """    batch_.clear();
    for (const auto& [shard, change] : *changes) {
      for (const stage::Row* row : change.rows) batch_.add(*row);
      batch_.add(change.slice.rows.back());  // where the turn stands
      markers_[shard] = {change.epoch, *change.offset + 1};
      put_marker(batch_, shard, markers_.at(shard));
    }
    if (auto written = house_.store->write(batch_); !written) return written;
"""
TRIM = """    for (const auto& [shard, change] : *changes) {
      if (change.slice.forgotten) brokers_->trim(shard, *change.slice.forgotten);
    }
"""

# name: (file, play that shows it, [(text, what stands there instead)][, first schedule to play: it is hardly met])
MUTANTS = {
    "offsets_before_outputs": (LINK, "small", [
        ('    ECHOLOOP_CRASH_POINT("kafka.after_begin");\n', SPLIT), (OFFSETS, ""), (FINISH, FINISH.replace("offsets", "{}"))]),
    "outputs_before_offsets": (LINK, "small", [(OFFSETS, "    if (auto done = brokers_->finish({}); !done) return done;\n"
        "    if (auto begun = brokers_->begin(); !begun) return begun;\n" + OFFSETS)]),
    "changelog_outside_of_the_transaction": (LINK, "small", [
        ('    ECHOLOOP_CRASH_POINT("kafka.after_outputs");\n', SPLIT), (OFFSETS, ""), (FINISH, FINISH.replace("offsets", "{}"))]),
    "state_before_commit": (LINK, "small", [(FINISH, STORE.replace("*change.offset", "markers_.at(shard).next_offset") + FINISH), (STORE, "")], 1101),
    "offsets_of_events_only": (LINK, "small", [
        ("        const stage::Partition partition{topic, shard};\n", "        const stage::Partition partition{topic, shard};\n        if (topic != stage::Topic::events) continue;\n")]),
    "epochs_are_not_counted": (LINK, "small", [("change.epoch = marker.epoch + 1;", "change.epoch = marker.epoch;")]),
    "trim_before_commit": (LINK, "small", [(FINISH, TRIM + FINISH), (TRIM, "")]),
    "misplaced_records_are_taken": (LINK, "small", [
        ("int partitions() const override { return house_.partitions; }", "int partitions() const override { return 0; }")]),
    "restore_ends_early": (RESTORE, "small", [("marker.epoch < wanted->second)", "marker.epoch < wanted->second - 1)")]),
    "an_old_store_is_believed": (RESTORE, "small", [("marker->epoch == epoch", "marker->epoch > 0")]),
    "a_copy_is_written_beside_the_holder": (STANDBY, "small", [
        ("for (int shard : shards) taken_[shard] = worker;", "(void)worker, (void)shards;")]),
    "the_turn_is_forgotten_too_early": (ROLLING, "small", [("out.forgotten = turn->begin;", "out.forgotten = next_offset;")]),
    "the_turn_leaves_rows_out": (ROLLING, "small", [("turn->key = key;", "turn->key = std::string(key) + '\\0';")]),
    "a_failed_epoch_is_gone_on_with": (WORKER, "small", [
        ("!committed) {\n        disconnect();\n", "!committed) {\n")]),
    "a_shard_that_went_is_kept": (WORKER, "small", [("shards_.erase({spec, partition.number});", "(void)spec;")]),
    "no_fencing_of_members": (CLUSTER, "small", [("if (!is_member()) return", "if (false) return")]),
    "no_wait_for_pending_offsets": (CLUSTER, "small", [("if (cluster_.pending(partition)) return std::nullopt;", "")], 901),
    "uncommitted_is_read": (CLUSTER, "small", [("log.entries[at]->state == State::committed", "log.entries[at]->state != State::control")]),
    "the_last_stable_offset_is_passed": (CLUSTER, "small", [("if (entry->state == State::open) return entry->offset;", "(void)entry;")], 2501),
    "dedupe_after_join": (SESSIONS, "real", [('        context.count("events_duplicate");\n        break;\n', '        context.count("events_duplicate");\n        enter(open.row, *event, record.at, arena_);\n        context.count("events_applied");\n        break;\n')]),
    "outputs_leave_with_the_next_epoch": (SHARD, "small", [
        ("  outputs_.clear();\n", ""), ("  std::move(outputs_.begin(), outputs_.end(), std::back_inserter(epoch.outputs));\n",
         "  epoch.outputs.insert(epoch.outputs.end(), outputs_.begin(), outputs_.end());\n")]),
}


def write(name, output):
    path, _, breaks = MUTANTS[name][:3]
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    for old, new in breaks:
        if text.count(old) < 1:
            sys.exit(f"mutants.py: {name}: {path} has not: {old}")
        # The last one: a break may put a copy before the original, which a later break then takes away.
        at = text.rindex(old)
        text = text[:at] + new + text[at + len(old):]
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        for each, (path, play, _, *first) in MUTANTS.items():
            print(each, path, play, *(first or [1]))
    elif len(sys.argv) == 4 and sys.argv[1] == "write" and sys.argv[2] in MUTANTS:
        write(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)
