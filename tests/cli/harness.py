"""What the scripts share: a folder and a cache of their own, and the program under them."""

import array
import json
import os
import re
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import tiny_model

TESSERA = os.environ["TESSERA"]
# A tiny model on a busy machine under a sanitizer; nothing here waits for it otherwise.
TIMEOUT = 300
# A real one, on four processes of a busy machine of two cores.
LONG_TIMEOUT = 1200
PROGRESS = re.compile(r"packing weights|tessera: (loading$|prefill, batch|decode, batch|roofline, batch|machine$|baseline$|phase \d)")


def write_npy(path: Path, values: list[float], shape: tuple[int, ...]) -> Path:
    """A float32 tensor."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    path.write_bytes(head + array.array("f", values).tobytes())
    return path


def complaints(stderr: str) -> list[str]:
    """Its lines without those of progress."""
    return [line for line in stderr.splitlines() if not PROGRESS.match(line)]


def own_environment(**changes) -> dict[str, str]:
    """The user's, whose cache has the real models."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(("TESSERA_", "HF_"))}
    return base | {k: str(v) for k, v in changes.items()}


def check_mesh(test: unittest.TestCase, report: dict, ways: int) -> None:
    """Item 10 of processes: one device and so many ways of sharing its work, all alike."""
    test.assertEqual(report["checklist"][9]["status"], "pass", report["checklist"][9])
    test.assertEqual(report["mesh"]["transport"], "MPI")
    test.assertEqual(len(report["mesh"]["ways"]), ways)
    for way in report["mesh"]["ways"]:
        test.assertGreaterEqual(way["pcc"], 0.999, way)
        test.assertTrue(way["equal_users"] == way["users"] or way["margin"] <= 2 * way["max_abs"], way)
        test.assertTrue(way["as_planned"], way)


class CommandTest(unittest.TestCase):
    """One temporary folder a class, with the tiny model in `hf` and its cache in `cache`."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.cache = cls.folder / "cache"
        cls.model = tiny_model.write_hf(cls.folder / "hf")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def environment(self, **changes) -> dict[str, str]:
        """This machine's, with a cache of its own."""
        base = {k: v for k, v in os.environ.items() if not k.startswith(("TESSERA_", "HF_"))}
        base |= {"XDG_CACHE_HOME": str(self.cache), "HOME": str(self.folder), "TESSERA_THREADS": "2"}
        base.setdefault("TSAN_OPTIONS", f"suppressions={Path(__file__).with_name('tsan.supp')}")
        return base | {k: str(v) for k, v in changes.items()}

    def tessera(self, *arguments, stdin: str = "", env=None, **options) -> subprocess.CompletedProcess:
        """Runs the program and returns what it said."""
        return subprocess.run(
            [TESSERA, *map(str, arguments)],
            input=stdin,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            env=env or self.environment(),
            cwd=self.folder,
            **options,
        )

    def succeed(self, *arguments, **options) -> str:
        """Standard output of a run that must end with 0."""
        done = self.tessera(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def document(self, *arguments, status: int = 0) -> dict:
        """The one JSON document that --json prints."""
        done = self.tessera(*arguments, "--json")
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def assert_one_line(self, done: subprocess.CompletedProcess, *words: str) -> None:
        """Exit 2, one line of error that holds the words, nothing half-written."""
        lines = complaints(done.stderr)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("tessera: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        self.assert_nothing_half_written()

    def refuse(self, *arguments, words=(), **options) -> None:
        """A run that must end with one clear line."""
        done = self.tessera(*arguments, **options)
        with self.subTest(arguments=arguments):
            self.assert_one_line(done, *([words] if isinstance(words, str) else words))
            self.assertEqual(done.stdout, "")

    def assert_nothing_half_written(self) -> None:
        """No temporary file anywhere below the test's folder."""
        left = [p for p in self.folder.rglob("*") if ".tmp" in p.name or p.name.endswith(".part")]
        self.assertEqual(left, [])
