#!/usr/bin/python3
"""The tidy tests find what is planted in a small tree, and nothing in the same tree without it."""
import os
import shutil
import subprocess
import tempfile
import unittest

import floors
import format as formatting
import tidy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOMS = 'set(ECHOLOOP_FLOORS\n  "base:1" "text:1" "stage:2" "schemas:2" "processors:3" "engine:3" "store:3" "local:4" "kafka:4")\n'


class Tree(unittest.TestCase):
    """A temporary project; write() plants a file."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="echoloop-tidy-")
        self.addCleanup(shutil.rmtree, self.root)
        self.write("cmake/rooms.cmake", ROOMS)

    def write(self, path, text):
        place = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)


class Floors(Tree):
    def expect(self, path, include, words):
        self.write(path, f"#pragma once\n\n#include {include}\n")
        found = floors.check(self.root)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{path}:3: "), found[0])
        self.assertIn(words, found[0])

    def test_downward_includes_pass(self):
        self.write("pipeline/text/words.h", '#include "pipeline/base/time.h"\n#include "pipeline/text/other.h"\n')
        self.write("processors/sessions/join.cc", '#include "schemas/state.pb.h"\n#include "pipeline/stage/record.h"\n#include <string>\n')
        self.write("pipeline/local/log.cc", '#include "pipeline/engine/engine.h"\n#include <rocksdb/db.h>\n')
        self.write("pipeline/main.cpp", '#include "pipeline/kafka/link.h"\n')
        self.assertEqual(floors.check(self.root), [])

    def test_upward_include_is_refused(self):
        self.expect("pipeline/base/time.h", '"pipeline/engine/engine.h"', "from base (floor 1) to engine (floor 3)")

    def test_sideways_include_is_refused(self):
        self.expect("pipeline/engine/engine.cc", '"processors/sessions/join.h"', "from engine (floor 3) to processors (floor 3)")

    def test_base_may_not_use_its_neighbours(self):
        self.expect("pipeline/base/time.cc", '"pipeline/text/words.h"', "from base (floor 1) to text (floor 1)")

    def test_neighbours_on_the_ground_are_blind_to_each_other(self):
        self.write("cmake/rooms.cmake", ROOMS.replace('"text:1"', '"text:1" "settings:1"'))
        self.expect("pipeline/settings/table.cc", '"pipeline/text/words.h"', "from settings (floor 1) to text (floor 1)")

    def test_angle_brackets_hide_nothing(self):
        self.expect("pipeline/base/time.h", "<pipeline/stage/record.h>", "from base (floor 1) to stage (floor 2)")

    def test_relative_include_is_refused(self):
        self.expect("pipeline/base/time.h", '"result.h"', "not written from the root")

    def test_unknown_room_is_refused(self):
        self.expect("pipeline/base/time.h", '"pipeline/attic/box.h"', "lies in no room")

    def test_file_outside_every_room_is_refused(self):
        self.write("pipeline/attic/box.h", "#pragma once\n")
        self.assertEqual(floors.check(self.root), ["pipeline/attic/box.h:1: lies in no room of cmake/rooms.cmake"])

    def test_only_the_store_sees_rocksdb(self):
        self.expect("pipeline/engine/engine.cc", "<rocksdb/db.h>", "<rocksdb/db.h> is for store and local only")

    def test_only_kafka_sees_librdkafka(self):
        self.expect("pipeline/local/log.cc", "<librdkafka/rdkafka.h>", "is for kafka only")

    def test_processors_are_blind_to_files(self):
        self.expect("processors/sessions/join.cc", "<fstream>", "neither files nor clocks")

    def test_include_in_a_comment_counts_not(self):
        self.write("pipeline/base/time.h", '/*\n#include "pipeline/engine/engine.h"\n*/\n// #include "pipeline/stage/record.h"\n')
        self.assertEqual(floors.check(self.root), [])

    def test_the_command_fails_the_build(self):
        self.write("pipeline/base/time.h", '#include "pipeline/stage/record.h"\n')
        done = subprocess.run(["/usr/bin/python3", "-S", "-B", os.path.join(HERE, "floors.py"), self.root], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("pipeline/base/time.h:1: pipeline/stage/record.h: from base (floor 1) to stage (floor 2)", done.stdout)


class Tidy(Tree):
    def expect(self, path, text, problem):
        self.write(path, text)
        self.assertEqual(tidy.check(self.root), [problem])

    def expect_words(self, path, text, words):
        self.write(path, text)
        found = tidy.check(self.root)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_clean_tree_passes(self):
        self.write("pipeline/base/time.cc", '// sleep_for(1) and rand() in words\nconst char* text = "getenv(\\"X\\") rand()";\nint x = 1\'000;\n')
        self.write("pipeline/base/clock.cc", "auto now() { return std::chrono::system_clock::now(); }\n")
        self.write("pipeline/settings/options.cc", 'auto home() { return getenv("HOME"); }\n')
        self.write("tests/cli/serve.py", "import time\n\n\ndef wait_until(is_true):\n    while not is_true():\n        time.sleep(0.01)\n")
        self.write("tests/intake/rows.tsv", "a\tb \n")
        self.write("pipeline/base/operand.cc", "int operand(int x);\nint y = operand(1);\n")
        self.write("pipeline/base/four_hundred.cc", "int x;\n" * 400)
        self.assertEqual(tidy.check(self.root), [])

    def test_long_file(self):
        self.expect_words("pipeline/base/time.cc", "int x;\n" * 401, "401 lines, more than 400")

    def test_long_script_without_ending(self):
        self.expect_words("dev", "true\n" * 401, "401 lines")

    def test_empty_names(self):
        for path in ("pipeline/utils/x.cc", "pipeline/base/time_util.h", "tests/common/x.md", "docs/misc.md", "tests/cli/helpers.py",
                     "pipeline/engine/shard-manager.cc", "pipeline/engine/engine_impl.h"):
            with self.subTest(path):
                self.write(path, "")
                found = tidy.check(self.root)
                self.assertEqual(len(found), 1, found)
                self.assertIn("names nothing", found[0])
                os.remove(os.path.join(self.root, path))

    def test_names_that_only_contain_such_a_word_pass(self):
        self.write("pipeline/base/implicit.cc", "")
        self.write("processors/utility_bills.cc", "")
        self.assertEqual(tidy.check(self.root), [])

    def test_sleeping_test(self):
        self.expect("tests/base/time.cc", "\nstd::this_thread::sleep_for(1s);\n",
                    "tests/base/time.cc:2: sleep_for: a test waits for a condition, not for a time")

    def test_sleeping_python_test(self):
        self.expect_words("tests/cli/run.py", "import time\ntime.sleep(1)\n", "tests/cli/run.py:2: sleep")

    def test_environment_at_depth(self):
        self.expect_words("processors/x.cc", 'auto x = std::getenv("X");\n', "processors/x.cc:1: getenv: the environment")

    def test_rand(self):
        self.expect_words("pipeline/base/dice.cc", "int x = rand();\n", "dice.cc:1: rand")

    def test_wall_clock_outside_base(self):
        self.expect_words("pipeline/engine/epoch.cc", "auto t = std::chrono::system_clock::now();\n", "wall_clock()")

    def test_call_after_a_digit_separator(self):
        self.expect_words("pipeline/engine/epoch.cc", "int a = 1'000; int b = rand(); int c = 2'000;\n", "rand")

    def test_call_after_a_raw_string(self):
        self.expect_words("pipeline/engine/epoch.cc", 'auto a = R"(")"; int b = rand(); auto c = "";\n', "rand")

    def test_left_over(self):
        self.expect_words("pipeline/base/time.cc", "// TO" + "DO later\n", "do it, or write an issue")

    def test_tab(self):
        self.expect("docs/x.md", "a\tb\n", "docs/x.md:1: a tab")

    def test_trailing_space(self):
        self.expect("config/x.yaml", "a: 1\nb: 2 \n", "config/x.yaml:2: spaces at the end of the line")

    def test_carriage_return(self):
        self.expect("config/x.yaml", "a: 1\r\n", "config/x.yaml:1: spaces at the end of the line")

    def test_ends_of_files(self):
        for text in ("a", "a\n\n"):
            with self.subTest(text):
                self.expect("docs/x.md", text, "docs/x.md: ends with one newline, no more and no less")

    def test_only_what_git_tracks_counts(self):
        git = ["git", "-C", self.root]
        subprocess.run(git + ["init", "-q"], check=True)
        self.write("docs/tracked.md", "a \n")
        self.write("docs/draft.md", "a \n")
        subprocess.run(git + ["add", "docs/tracked.md"], check=True)
        self.assertEqual(tidy.check(self.root), ["docs/tracked.md:1: spaces at the end of the line"])

    def test_without_git_what_is_built_counts_not(self):
        self.write("build/release/x.md", "a \n")
        self.assertEqual(tidy.check(self.root), [])


class Format(Tree):
    def setUp(self):
        super().setUp()
        shutil.copy(os.path.join(HERE, "../../.clang-format"), self.root)

    def test_formatted_file_passes(self):
        self.write("pipeline/base/time.h", "#pragma once\n\nint f(int* x) { return *x; }\n")
        self.assertEqual(formatting.check(self.root), [])

    def test_other_format_is_found_and_put_right(self):
        self.write("pipeline/base/time.h", "#pragma once\n\nint f(int *x)\n{ return *x; }\n")
        self.assertEqual(formatting.check(self.root), ["pipeline/base/time.h:3:10: not formatted; ./dev format does it"])
        formatting.fix(self.root)
        self.assertEqual(formatting.check(self.root), [])


if __name__ == "__main__":
    unittest.main()
