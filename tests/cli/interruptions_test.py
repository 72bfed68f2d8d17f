"""Full disks, closed pipes, unwritable folders, Ctrl-C: one line at most, nothing half-written."""

import json
import os
import resource
import signal
import subprocess
import unittest

import harness

GENERATE = ("-p", "hello", "-n", "100000", "--context", "256")
BENCH = ("--prompt", "8", "--gen", "2", "--batch", "1", "--repeats", "1")


def limit_files(size: int):
    """Every file that the program writes ends at `size` bytes: a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Interruptions(harness.CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tensor = harness.write_npy(cls.folder / "tensor.npy", [1, 2, 3, 4], (2, 2))

    def test_full_output(self):
        for arguments in (
            ("generate", self.model, "-p", "hi", "-n", "3"),
            ("generate", self.model, "-p", "hi", "-n", "3", "--json"),
            ("inspect", self.model),
            ("bench", self.model, *BENCH),
            ("bringup", self.model, "--phases", "2", "--out", "full"),
            ("bringup", self.model, "--phases", "2", "--out", "full", "--json"),
            ("compare", self.tensor, self.tensor),
            ("models",),
            ("devices",),
            ("man",),
            ("completion", "bash"),
            ("--help",),
        ):
            with open("/dev/full", "w") as full:
                done = self.tessera(*arguments, stdout=full)
            with self.subTest(arguments=arguments):
                self.assert_one_line(done, "standard output", "No space left")

    def test_closed_pipe(self):
        for arguments in (
            ("generate", self.model, *GENERATE),
            ("inspect", self.model, "--json"),
            ("bench", self.model, *BENCH, "--json"),
            ("man",),
        ):
            process = subprocess.Popen(
                [harness.TESSERA, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
            )
            process.stdout.read(4)
            process.stdout.close()
            stderr = process.stderr.read().decode()
            process.stderr.close()
            self.assertEqual(process.wait(harness.TIMEOUT), 0)
            self.assertEqual(harness.complaints(stderr), [], arguments)

    def test_verdict_without_a_reader(self):
        """A failure stays one when nobody reads it: the exit status is the verdict's."""
        coarse = self.folder / "coarse.json"
        groups = dict.fromkeys(("FF1_FF3", "FF2", "WQKV", "WO"), "BFP4")
        coarse.write_text(json.dumps({"decoders": {"0": {"precision_cfg": groups}}}))
        other = harness.write_npy(self.folder / "other.npy", [4, 3, 2, 1], (2, 2))
        bringup = ("bringup", self.model, "--phases", "1", "--out", "unread")
        for arguments, status in (
            ((*bringup, "--precision", coarse), 1),
            ((*bringup, "--precision", coarse, "--json"), 1),
            ((*bringup, "--precision", "bf16"), 0),
            (("compare", self.tensor, other), 1),
            (("compare", self.tensor, other, "--json"), 1),
            (("compare", self.tensor, self.tensor), 0),
        ):
            reader, writer = os.pipe()
            os.close(reader)
            done = self.tessera(*arguments, stdout=writer)
            os.close(writer)
            with self.subTest(arguments=arguments):
                self.assertEqual(done.returncode, status, done.stderr)

    def test_full_disk(self):
        """The weight cache is left out with a word about it; a report or golden file is an error."""
        cache = self.folder / "small"
        env = self.environment(XDG_CACHE_HOME=cache)
        done = self.tessera("generate", self.model, "-p", "hi", "-n", "3", env=env, preexec_fn=limit_files(20000))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.succeed("generate", self.model, "-p", "hi", "-n", "3"))
        self.assertIn("weight cache", done.stderr)
        self.assertEqual(list(cache.rglob("*.tsw")), [])
        self.assert_nothing_half_written()
        golden = ("golden", self.model, "--forced-tokens", "20", "--greedy-tokens", "2", "--out", "g.safetensors")
        done = self.tessera(*golden, preexec_fn=limit_files(4000))
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot write g.safetensors", done.stderr)
        self.assertFalse((self.folder / "g.safetensors").exists())
        self.assert_nothing_half_written()
        done = self.tessera("bringup", self.model, "--phases", "2", "--out", "up", preexec_fn=limit_files(1000))
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot write up/", done.stderr)
        self.assert_nothing_half_written()

    def test_unwritable_places(self):
        """A file where a folder should be: refused to root as well."""
        file = self.folder / "file"
        file.write_text("")
        self.refuse("bringup", self.model, "--out", file / "report", words=["file/report", "--out"])
        self.refuse("golden", self.model, "--out", file / "g.safetensors", words="--out")
        self.refuse("golden", self.model, "--out", self.folder, words=str(self.folder))
        done = self.tessera("generate", self.model, "-p", "hi", "-n", "3", env=self.environment(XDG_CACHE_HOME=file))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("weight cache", done.stderr)
        # /proc takes no files, not even from root.
        env = self.environment(TESSERA_WEIGHT_CACHE="/proc")
        done = self.tessera("generate", self.model, "-p", "hi", "-n", "3", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("weight cache", done.stderr)
        self.refuse("bringup", self.model, "--out", "/proc/report", words=["/proc/report", "--out"])
        self.refuse("golden", self.model, "--out", "/proc/g.safetensors", words="/proc")

    def test_ctrl_c_in_generate(self):
        process = self.start("generate", self.model, *GENERATE, stdout=subprocess.PIPE)
        process.stdout.read(1)
        self.interrupt(process)

    def test_ctrl_c_in_bringup(self):
        """Stopped in a phase; the same command goes on and ends."""
        out = self.folder / "report"
        arguments = ("bringup", self.model, "--out", out, "--tokens", "4")
        process = self.start(*arguments, stdout=subprocess.DEVNULL)
        said = ""
        while "phase 2" not in said:
            said = process.stderr.readline()
            self.assertNotEqual(said, "", "it ended too early")
        self.interrupt(process)
        self.assertEqual([p.name for p in out.iterdir()], ["state.json"])
        again = self.tessera(*arguments)
        self.assertIn(again.returncode, (0, 1), again.stderr)
        self.assertNotIn("phase 1", again.stderr)
        self.assertTrue((out / "report.json").exists())
        self.assertFalse((out / "state.json").exists())

    def start(self, *arguments, **options) -> subprocess.Popen:
        return subprocess.Popen(
            [harness.TESSERA, *map(str, arguments)],
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=self.environment(),
            cwd=self.folder,
            **options,
        )

    def interrupt(self, process: subprocess.Popen) -> None:
        process.send_signal(signal.SIGINT)
        if process.stdout:
            process.stdout.read()
            process.stdout.close()
        last = process.stderr.read().splitlines()[-1]
        process.stderr.close()
        self.assertEqual(process.wait(harness.TIMEOUT), 2)
        self.assertTrue(last.startswith("tessera: interrupted"), last)
        self.assert_nothing_half_written()


if __name__ == "__main__":
    unittest.main()
