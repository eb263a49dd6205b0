# What adapters of issue trackers need: what happened to an issue there, as commands on the task that it was made for. Use: include "lib/steps";
include "lib/event";

# A tracker does not know how far a task has come: each command is meant only where it leads on, and elsewhere does nothing.
# Input: {source, id, time, tenant, task, by, note, reason, until, person}; `id` with the command's name is that of the event.
def step($command):
  . as $it
  | { tenant: .tenant, task_id: .task, command: $command, by: .by }
    + ({ resume: {only_in: ["on_hold"]},
         accept: {only_in: ["opened", "acknowledged"]},
         start: {only_in: ["accepted"], action_type: "process", effective_from: .time},
         hold: {only_in: ["acknowledged", "accepted", "in_progress"], reason: .reason, until: .until},
         done: {only_in: ["in_progress"], note: .note},
         reject: {only_in: ["opened", "acknowledged", "accepted"], reason: .reason},
         assign: {only_in: ["opened", "acknowledged", "accepted", "in_progress", "on_hold"], person: .person},
         comment: {text: .note} }[$command])
  | { specversion: "1.0", type: "echoloop.task.command.v1", source: $it.source, id: "\($it.id)-\($command)", subject: $it.task, time: $it.time,
      datacontenttype: "application/json", data: . } | compact;

# The whole way to where the tracker says that work is.
def in_progress: step("resume"), step("accept"), step("start");
def finished: in_progress, step("done");
# A refusal comes too late where work has begun: then it is a word about it.
def refused: step("reject"), (step("comment") | .data.only_in = ["in_progress", "on_hold"]);
