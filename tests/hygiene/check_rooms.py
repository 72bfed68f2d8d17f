"""Checks the rules of the rooms: who may include whom, a short README each, tests in folders of the same names,
no long files, and every preset behind ./run.

    check_rooms.py ROOT        prints what is wrong, exit 1
    check_rooms.py --self-test plants every fault in a made-up tree and expects it to be named
"""

import json
import pathlib
import re
import sys
import tempfile

# A room includes only itself and rooms to its left.
ROOMS = (
    "util tensor metrics report io text wormhole device comm ops nn models plan generate verify serve"
).split()
# What tests besides the rooms' own.
TEST_FOLDERS = set("cli data docs hygiene must_not_compile rust support".split())
FOREIGN = {"tessera_rust.h"}  # rust/tessera_rust.h, on the include path of the rooms that link it
MAX_LINES = 600
MAX_README_LINES = 30
CODE = {".cpp", ".hpp", ".h", ".rs", ".py", ".cmake", ".ts", ".tsx", ".js", ".css"}
FOLDERS = ["src", "apps", "tests", "fuzz", "bench", "examples", "rust/src", "python", "scripts", "cmake", "web/src"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def includes(root):
    for path in sorted((root / "src").rglob("*.[ch]pp")):
        room = path.relative_to(root / "src").parts[0]
        if room not in ROOMS:
            continue  # named by rooms()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match or match[1] in FOREIGN:
                continue
            where = f"{path.relative_to(root)}:{number}"
            target = match[1].split("/")[0]
            if "/" not in match[1] or target not in ROOMS:
                yield f'{where}: "{match[1]}": write "room/file.hpp"'
            elif ROOMS.index(target) > ROOMS.index(room):
                yield f'{where}: {room} includes "{match[1]}": {target} is below {room}'


def rooms(root):
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if folder.name not in ROOMS:
            yield f"src/{folder.name}: not a room: add it to the list in its place"
        readme = folder / "README.md"
        if not readme.exists():
            yield f"src/{folder.name}: no README.md"
        elif len(readme.read_text().splitlines()) > MAX_README_LINES:
            yield f"src/{folder.name}/README.md: more than {MAX_README_LINES} lines"


def long_files(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in CODE or "node_modules" in path.parts:
                continue
            lines = len(path.read_text().splitlines())
            if lines > MAX_LINES:
                yield f"{path.relative_to(root)}: {lines} lines: at most {MAX_LINES}"


def test_folders(root):
    for folder in sorted(path for path in (root / "tests").iterdir() if path.is_dir()):
        if folder.name not in TEST_FOLDERS.union(ROOMS):
            yield f"tests/{folder.name}: not a room: put its tests where the room's are"


def presets(root):
    """Each configure preset is a word of a case in ./run, or what `build` is called with."""
    run = (root / "run").read_text()
    for preset in json.loads((root / "CMakePresets.json").read_text())["configurePresets"]:
        name = preset["name"]
        if not preset.get("hidden") and not re.search(rf"^  (.*\| )?{name}( \|.*)?\)|build {name}\b", run, re.M):
            yield f"run: no way to the preset {name}"


def problems(root):
    return [*includes(root), *rooms(root), *test_folders(root), *long_files(root), *presets(root)]


def self_test():
    faults = {
        "src/util/up.hpp": ('#include "tensor/shape.hpp"\n', "util includes"),
        "src/io/op.cpp": ('  #  include "ops/dispatch.hpp"\n', "ops is below io"),
        "src/io/near.cpp": ('#include "near.hpp"\n', 'write "room/file.hpp"'),
        "src/io/strange.cpp": ('#include "elsewhere/near.hpp"\n', 'write "room/file.hpp"'),
        "src/lobby/README.md": ("A lobby.\n", "src/lobby: not a room"),
        "src/text/text.cpp": ("", "src/text: no README.md"),
        "src/io/README.md": ("line\n" * 31, "more than 30 lines"),
        "fuzz/long.cpp": ("\n" * 601, "601 lines"),
        "tests/lobby/x.cpp": ("", "tests/lobby: not a room"),
        "run": ("  build)\n    build release\n  asan)\n", "no way to the preset tsan"),
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)

        def write(name, text):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

        for room in ("util", "tensor", "io", "ops"):
            write(f"src/{room}/README.md", "A room.\n" * 30)
        write("run", "  build)\n    build release\n  asan | tsan)\n")
        named = [{"name": "base", "hidden": True}, *({"name": n} for n in ("release", "asan", "tsan"))]
        write("CMakePresets.json", json.dumps({"configurePresets": named}))
        write("tests/io/good.cpp", "")
        write("src/ops/good.cpp", '#include "tessera_rust.h"\n#include <x>\n#include "ops/a.hpp"\n#include "io/b.hpp"\n')
        assert problems(root) == [], problems(root)
        for name, (text, expected) in faults.items():
            before = (root / name).read_text() if (root / name).exists() else None
            write(name, text)
            found = problems(root)
            assert len(found) == 1 and expected in found[0], (name, found)
            if before is None:
                (root / name).unlink()
                if name.startswith(("src/lobby", "src/text", "tests/lobby")):
                    (root / name).parent.rmdir()
            else:
                write(name, before)
        assert problems(root) == []
    print(f"{len(faults)} planted faults found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    found = problems(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "the rooms are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
