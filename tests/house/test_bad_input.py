#!/usr/bin/python3
"""Bad input is told by place and reason, kept where it can be found, and never hurts its neighbours; a full disk loses nothing."""

import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import server as house
from events import closed

DAY = "2026-06-10"
FULL_BYTES, ROOM_BYTES = 24 << 20, 400 << 20
COLUMNS = ["Unique id", "channel_name", "category", "Sub-category", "Issue_reported at", "issue_responded", "Survey_response_Date", "CSAT Score"]  # fmt: skip
COLUMN_VALUES = ["Inbound", "Returns", "Late", "01/08/2023 11:13", "01/08/2023 11:47", "01-Aug-23", "4"]


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-bad-input-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def config(self):
        path = os.path.join(self.folder, "config")
        shutil.copytree(house.CONFIG, path)
        return path

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path

    def places(self, config=house.CONFIG):
        return ["--data", os.path.join(self.folder, "data"), "--config-dir", config]


class Configuration(Case):
    def edit(self, config, name, old, new):
        path = os.path.join(config, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        line = text[: text.index(old)].count("\n") + 1
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))
        return f"{name}:{line}:"

    def test_broken_yaml_stops_every_command_with_its_place(self):
        config = self.config()
        place = self.edit(config, "rules.yaml", "    minimum_n: 20", "    minimum_n: [20")
        events = self.write("events.ndjson", json.dumps(closed("s", f"{DAY}T00:00:00Z")) + "\n")
        for command in (["check"], ["run", "--listen", "127.0.0.1:0"], ["import", events], ["export", "tasks"], ["dead", "list"]):
            more = ["--config-dir", config] if command == ["check"] else self.places(config)
            code, out, err = house.echoloop(*command, *more)
            self.assertEqual(code, 3, f"{command}: {out}{err}")
            self.assertRegex(err + out, r"rules\.yaml:\d+:\d+: ", command)
            told = int((err + out).split("rules.yaml:")[1].split(":")[0])
            self.assertTrue(abs(told - int(place.split(":")[1])) <= 1, f"line {told}, wanted {place}")

    def test_wrong_keys_and_values_have_their_line(self):
        for old, new in (("minimum_n: 20", "minimun_n: 20"), ("severity: medium", "severity: awful"), ("metric: dsat", "metric: joy")):
            with self.subTest(new):
                shutil.rmtree(os.path.join(self.folder, "config"), ignore_errors=True)
                config = self.config()
                place = self.edit(config, "rules.yaml", old, new)
                code, out, err = house.echoloop("check", "--config-dir", config)
                self.assertEqual(code, 3, out + err)
                self.assertIn(place, out + err)
                self.assertIn(new.split(": ")[0] if "minimun" in new else new.split(": ")[1], out + err)

    def test_a_running_server_keeps_its_configuration_when_the_new_one_is_broken(self):
        config = self.config()
        with house.Server(self.folder, config=config) as server:
            self.edit(config, "routing.yaml", "departments: [last-mile]", "departments: [nowhere]")
            answer = server.request("POST", "/api/v1/config/reload")
            self.assertEqual(answer.status, 422, answer)
            self.assertIn("routing.yaml:", answer.json()["detail"])
            server.post_events([closed("s", f"{DAY}T00:00:00Z")])


class OneProcess(Case):
    def test_a_second_process_on_the_folder_is_sent_to_the_server(self):
        events = self.write("events.ndjson", json.dumps(closed("s", f"{DAY}T00:00:00Z")) + "\n")
        with house.Server(self.folder) as server:
            code, _, err = house.echoloop("import", events, *self.places())
            self.assertEqual(code, 1, err)
            self.assertIn("--server", err)
            code, _, err = house.echoloop("run", "--listen", "127.0.0.1:0", *self.places())
            self.assertEqual(code, 1, err)
            self.assertIn(str(server.process.pid), err)
            self.assertEqual(server.get("/livez").status, 200)
            summary = house.lines_of("import", events, "--server", server.url())[-1]
            self.assertEqual((summary["accepted"], summary["rejected"]), (1, 0))
            summary = house.lines_of("import", events, "--server", server.url())[-1]
            self.assertEqual((summary["accepted"], summary["duplicate"]), (0, 1))

    def test_reading_goes_on_beside_a_server(self):
        with house.Server(self.folder) as server:
            server.post_events([closed("s", f"{DAY}T00:00:00Z")])
            server.wait_settled()
            self.assertTrue(house.lines_of("export", "aggregates", *self.places()))
            self.assertEqual(house.lines_of("dead", "list", *self.places()), [])

    def test_a_server_that_is_not_there_is_a_failure(self):
        events = self.write("events.ndjson", "{}\n")
        code, _, err = house.echoloop("import", events, "--server", "http://127.0.0.1:9")
        self.assertEqual(code, 1, err)
        self.assertIn("127.0.0.1:9", err)


class Requests(Case):
    def test_unknown_parameters_and_wrong_values_are_told(self):
        with house.Server(self.folder) as server:
            wrong = [
                ("/api/v1/metrics/csat", {"tenant": "hongtu", "form": "2026-01-01"}, "form"),
                ("/api/v1/metrics/csat", {"tenant": "hongtu", "from": "yesterday"}, "from"),
                ("/api/v1/metrics/csat", {"tenant": "hongtu", "interval": "second"}, "interval"),
                ("/api/v1/metrics/csat", {"tenant": "hongtu", "group_by": "weather"}, "weather"),
                ("/api/v1/metrics/csat", {"tenant": "hongtu", "timezone": "Asia/Kathmandu"}, "timezone"),
                ("/api/v1/tasks", {"departement": "design"}, "departement"),
                ("/api/v1/tasks", {"limit": "many"}, "limit"),
                ("/api/v1/tasks", {"cursor": "nonsense!"}, "cursor"),
                ("/api/v1/feedback", {"tenant": "hongtu", "colour": "red"}, "colour"),
                ("/api/v1/dead", {"page": "2"}, "page"),
            ]
            for path, parameters, named in wrong:
                answer = server.get(path, **parameters)
                self.assertEqual(answer.status, 400, f"{path} {parameters}: {answer}")
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                self.assertIn(named, answer.body.decode(), path)
            self.assertEqual(server.get("/api/v1/metrics/joy", tenant="hongtu").status, 404)
            self.assertEqual(server.get("/api/v2").status, 404)
            self.assertEqual(server.request("PUT", "/api/v1/tasks").status, 405)


class WrongUse(Case):
    def test_words_that_cannot_work_exit_with_2_and_name_what_is_wrong(self):
        text, rows = self.write("notes.txt", "{}\n"), self.write("rows.csv", "n\n1\n")
        lines = self.write("lines.ndjson", "{}\n")
        for words, told in (
            ([lines, "--encoding", "nope"], "nope"),
            ([text], "--format"),
            ([rows], "--adapter"),
            ([self.folder], "is a directory"),
            ([lines, "--adapter", "/x/nope.jq"], "there is no file '/x/nope.jq'"),
            ([lines, "--adapter", "nope"], "no adapter 'nope'"),
            ([], "FILE"),
        ):
            code, _, err = house.echoloop("import", *words, *self.places())
            self.assertEqual(code, 2, f"{words}: {err}")
            self.assertIn(told, err)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")), "nothing was opened")


class Adapters(Case):
    def test_a_missing_column_is_rejected_row_by_row_and_the_rest_goes_in(self):
        whole, partial = io.StringIO(newline=""), io.StringIO(newline="")
        for stream, columns in ((whole, COLUMNS), (partial, [c for c in COLUMNS if c != "Unique id"])):
            writer = csv.writer(stream)
            writer.writerow(columns)
            for number in range(5):
                writer.writerow(([f"row-{number}"] if "Unique id" in columns else []) + COLUMN_VALUES)
        files = [self.write("partial.csv", partial.getvalue()), self.write("whole.csv", whole.getvalue())]
        rejects = os.path.join(self.folder, "rejects")
        adapter = ["--adapter", "support-csv", "--tenant", "hongtu", "--rejects", rejects]
        summary = house.lines_of("import", *files, *adapter, *self.places())[-1]
        self.assertEqual((summary["read"], summary["accepted"], summary["rejected"]), (10, 10, 5), "two events a row")
        with open(rejects, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        self.assertEqual([(one["file"], one["line"]) for one in told], [(files[0], n) for n in range(2, 7)])
        for one in told:
            self.assertIn("session_id", one["reason"])
        for letter in house.lines_of("dead", "list", *self.places()):
            self.assertIn("partial.csv:", letter["where"])
            self.assertEqual(letter["adapter"], "support-csv")

    def test_a_program_that_fails_on_some_rows_leaves_the_others(self):
        program = self.write("half.jq", """if .n == "3" then error("three is odd") elif .n == "4" then .n.x else
            {specversion: "1.0", type: "echoloop.session.closed.v1", source: "/half", id: .n, subject: .n,
             data: {tenant: $tenant, session_id: .n, closed_at: "2026-06-10T00:00:00Z"}} end""")
        rows = self.write("rows.csv", "n\n1\n2\n3\n4\n5\n")
        summary = house.lines_of("import", rows, "--adapter", program, "--tenant", "hongtu", *self.places())[-1]
        self.assertEqual((summary["read"], summary["accepted"], summary["rejected"]), (5, 3, 2))
        letters = sorted(house.lines_of("dead", "list", *self.places()), key=lambda one: one["where"])
        self.assertIn("three is odd", letters[0]["reason"])
        self.assertIn("rows.csv:4", letters[0]["where"])
        self.assertIn("rows.csv:5", letters[1]["where"])

    def test_a_program_that_is_no_program_stops_before_anything_is_taken(self):
        program, rows = self.write("broken.jq", "{tenant: "), self.write("rows.csv", "n\n1\n")
        code, out, err = house.echoloop("import", rows, "--adapter", program, "--tenant", "hongtu", *self.places())
        self.assertIn(code, (1, 2, 3), out + err)
        self.assertIn("broken.jq", err)
        code, out, err = house.echoloop("import", rows, "--adapter", "no-such", "--tenant", "hongtu", *self.places())
        self.assertIn("no-such", err)
        self.assertIn(code, (2, 3))

    def test_torn_files_give_what_stands_before_the_damage(self):
        for name, text, read in (("torn.csv", 'n\n1\n"2', 2), ("torn.json", '[{"a":1},{"b"', 2)):
            code, out, err = house.echoloop("import", self.write(name, text), *self.places())
            self.assertTrue(err or json.loads(out.splitlines()[-1])["rejected"] == read, f"{name}: {code} {out} {err}")
            self.assertLessEqual(json.loads(out.splitlines()[-1])["read"], read)
        code, _, err = house.echoloop("import", os.path.join(self.folder, "absent.csv"), *self.places())
        self.assertEqual(code != 0 and "absent.csv" in err, True, err)


    def test_a_row_without_its_header_stays_a_letter_when_it_is_replayed(self):
        rows = self.write("ragged.csv", "Unique id,channel_name\n1\n")
        summary = house.lines_of("import", rows, "--adapter", "support-csv", "--tenant", "hongtu", *self.places())[-1]
        self.assertEqual(summary["rejected"], 1)
        letter = house.lines_of("dead", "list", *self.places())[0]
        for _ in range(2):
            code, _, err = house.echoloop("dead", "replay", letter["id"], *self.places())
            self.assertEqual(code, 1, err)
            self.assertIn("import that row again", err)
        after = house.lines_of("dead", "list", *self.places())[0]
        self.assertEqual((after["id"], after["replays"], after["state"]), (letter["id"], 2, "open"))
        self.assertEqual(after["reason"].count("import that row again"), 1)


class Events(Case):
    def test_with_strict_tenants_an_import_says_which_events_it_refused(self):
        rejects = os.path.join(self.folder, "rejects")
        events = [closed(f"s{n}", f"{DAY}T00:00:00Z", tenant=tenant) for n, tenant in enumerate(["hongtu", "stranger", "hongtu"])]
        lines = self.write("events.ndjson", "".join(json.dumps(event) + "\n" for event in events))
        summary = house.lines_of("import", lines, "--strict-tenants", "--rejects", rejects, *self.places())[-1]
        self.assertEqual((summary["accepted"], summary["rejected"]), (2, 1))
        with open(rejects, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        self.assertEqual([(one["line"], one["where"]) for one in told], [(2, "/data/tenant")])
        self.assertEqual([one["tenant"] for one in house.lines_of("dead", "list", *self.places())], ["stranger"])

    def test_known_events_written_otherwise_are_duplicates_of_an_import(self):
        event = closed("s", f"{DAY}T00:00:00Z")
        for text, expected in ((json.dumps(event), (1, 0)), (json.dumps(event, indent=1).replace("\n", ""), (0, 1)), (json.dumps(event), (0, 1))):
            summary = house.lines_of("import", self.write("event.ndjson", text + "\n"), *self.places())[-1]
            self.assertEqual((summary["accepted"], summary["duplicate"]), expected)

    def test_a_letter_belongs_to_the_tenant_that_its_document_names(self):
        with house.Server(self.folder) as server:
            bad = closed("s", "yesterday", tenant="anxin")
            server.post_lines((json.dumps(bad) + "\n{}\n").encode())
            server.wait_settled()
            for tenant, count in (("anxin", 1), ("hongtu", 0)):
                self.assertEqual(len(server.get("/api/v1/dead", tenant=tenant).json()["items"]), count, tenant)
            self.assertEqual(sorted(str(one["tenant"]) for one in server.get("/api/v1/dead").json()["items"]), ["None", "anxin"])


class FullDisk(Case):
    def mount(self, *arguments):
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0

    def sessions(self, places):
        rows = [row for row in house.lines_of("export", "aggregates", *places) if row["dimensions"] == []]
        return sum(n for row in rows for name, n in row["measures"].items() if name.endswith("_unanswered"))

    def fill(self):
        """Sends to a server on a small disk until it has refused five times."""
        disk = os.path.join(self.folder, "disk")
        os.makedirs(disk)
        if os.geteuid() != 0 or not self.mount("-t", "tmpfs", "-o", f"size={FULL_BYTES}", "none", disk):
            self.skipTest("a small file system can be mounted by root only")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        data = os.path.join(disk, "data")
        self.data_places = ["--data", data, "--config-dir", house.CONFIG]
        server = house.Server(self.folder, data=data).start()
        self.addCleanup(server.__exit__)
        batches = [[self.large(at * 50 + number) for number in range(50)] for at in range(200)]
        acknowledged, refused = [], []
        for batch in batches:
            body = "".join(json.dumps(event) + "\n" for event in batch).encode()
            answer = server.post_lines(body)
            if answer.status == 202:
                acknowledged.append(batch)
                continue
            self.assertIn(answer.status, (429, 503), answer)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            refused.append(answer.status)
            if len(refused) == 5:
                break
        self.assertTrue(acknowledged and refused, f"{len(acknowledged)} batches went in: the disk never was full")
        self.assertIn(503, refused)
        return server, disk, batches, acknowledged

    def check_all_goes_on(self, server, batches):
        for batch in batches:
            server.post_events(batch)
        server.wait_settled()
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.sessions(self.data_places), 50 * len(batches))

    def test_a_server_goes_on_when_there_is_room_again(self):
        server, disk, batches, acknowledged = self.fill()
        self.assertEqual(server.get("/livez").status, 200)
        self.assertTrue(self.mount("-o", f"remount,size={ROOM_BYTES}", disk))
        server.wait_settled()
        self.check_all_goes_on(server, batches)

    def test_nothing_that_was_answered_is_lost_when_it_dies_on_a_full_disk(self):
        server, disk, batches, acknowledged = self.fill()
        server.kill()
        self.assertTrue(self.mount("-o", f"remount,size={ROOM_BYTES}", disk))
        server.start()
        server.wait_settled()
        server.stop()
        self.assertGreaterEqual(self.sessions(self.data_places), 50 * len(acknowledged), "lost what was acknowledged")
        server.start()
        self.check_all_goes_on(server, batches)

    def large(self, number):
        """Bytes that no compression makes small."""
        noise = os.urandom(1500).hex()
        return closed(f"s{number}", f"{DAY}T{number % 24:02d}:00:00Z", links=[noise[at : at + 250] for at in range(0, 3000, 250)])


if __name__ == "__main__":
    house.run_tests()
