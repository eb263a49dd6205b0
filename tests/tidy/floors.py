#!/usr/bin/python3
"""Every #include points down: a room may include only rooms of lower floors, as cmake/rooms.cmake lists them.

Runs at every build, so it only reads the folders that hold rooms. base is the ground that the other rooms of floor 1 stand on; pipeline/main.cpp
knows them all. Some libraries, too, belong to one room: they are what the others are blind to.

  floors.py [ROOT]
"""
import os
import re
import sys

SOURCES = (".h", ".cc", ".cpp")
TOPS = ("pipeline", "processors", "schemas")
THE_TOP = "pipeline/main.cpp"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# A library's header → the only rooms that may see it.
LIBRARIES = (
    (re.compile(r"rocksdb/"), ("store", "local")),
    (re.compile(r"(lib)?rdkafka/"), ("kafka",)),
    (re.compile(r"boost/(beast|asio)"), ("http", "delivery")),
)
# Processors see neither files nor clocks nor threads: all that they may see is pipeline/stage.
OUTSIDE = re.compile(r"(fstream|filesystem|iostream|cstdio|stdio\.h|ctime|time\.h|random|thread|mutex|condition_variable|future|atomic|unistd\.h|sys/.*)$")


def read_floors(root):
    with open(os.path.join(root, "cmake/rooms.cmake"), encoding="utf-8") as file:
        listed = re.search(r"set\(ECHOLOOP_FLOORS(.*?)\)", file.read(), re.DOTALL)
    floors = {room: int(floor) for room, floor in re.findall(r'"(\w+):(\d+)"', listed.group(1))} if listed else {}
    if not floors:
        raise SystemExit("floors: cmake/rooms.cmake lists no ECHOLOOP_FLOORS")
    return floors


def room_of(path):
    """pipeline/<room>/… is that room, processors and schemas are rooms themselves; None for what lies in no room."""
    parts = path.split("/")
    if parts[0] == "pipeline":
        return parts[1] if len(parts) > 2 else None
    return parts[0] if parts[0] in TOPS else None


def may_include(room, other, floors):
    if room == other or floors[other] < floors[room]:
        return True
    return other == "base" and floors[room] == 1


def problem_of(room, bracket, header, floors):
    """What is wrong with this include in this room; None when nothing is."""
    if header.split("/")[0] not in TOPS:
        if bracket == '"':
            return f'"{header}" is not written from the root (pipeline/…, processors/…, schemas/…)'
        for pattern, rooms in LIBRARIES:
            if pattern.match(header) and room not in rooms:
                return f"<{header}> is for {' and '.join(rooms)} only, not for {room}"
        if room == "processors" and OUTSIDE.match(header):
            return f"<{header}>: processors see neither files nor clocks nor threads, only pipeline/stage"
        return None
    other = room_of(header)
    if other is None or other not in floors:
        return f"{header} lies in no room of cmake/rooms.cmake"
    if not may_include(room, other, floors):
        return f"{header}: from {room} (floor {floors[room]}) to {other} (floor {floors[other]}): arrows point down only"
    return None


def sources(root):
    for top in TOPS:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(names):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), root)


def check(root):
    floors = read_floors(root)
    problems = []
    for path in sources(root):
        if path == THE_TOP:
            continue
        room = room_of(path)
        if room is None or room not in floors:
            problems.append(f"{path}:1: lies in no room of cmake/rooms.cmake")
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = COMMENT.sub(lambda hidden: "\n" * hidden.group().count("\n"), file.read())
        for include in INCLUDE.finditer(text):
            problem = problem_of(room, include.group(1), include.group(2), floors)
            if problem:
                problems.append(f"{path}:{text.count(chr(10), 0, include.start()) + 1}: {problem}")
    return problems


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
