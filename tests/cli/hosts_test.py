"""Chips on two hosts: processes in two network namespaces, and TCP between them."""

import json
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

import harness

TWO_HOSTS = Path(__file__).parents[2] / "scripts" / "two_hosts"
GENERATE = ("-p", "hello", "--raw", "-n", "24")


class Hosts(harness.CommandTest):
    def start(self, ranks: int, *command, env=None) -> subprocess.Popen:
        return subprocess.Popen(
            [str(TWO_HOSTS), str(ranks), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=env or self.environment(),
            cwd=self.folder,
        )

    def run_on_hosts(self, ranks: int, *command, env=None) -> str:
        """Standard output of a job that must end with 0."""
        job = self.start(ranks, *command, env=env)
        out, err = job.communicate(timeout=harness.LONG_TIMEOUT)
        self.assertEqual(job.returncode, 0, err)
        return out

    def test_they_are_two(self):
        out = self.run_on_hosts(2, "sh", "-c", "hostname; ls /sys/class/net | wc -l")
        self.assertEqual(sorted(out.split()), ["2", "2", "tessera-1", "tessera-2"])

    def test_text_is_that_of_one_device(self):
        alone = self.document("generate", self.model, *GENERATE)
        for ranks, form in ((2, "replicated"), (4, "fractured"), (4, "replicated")):
            with self.subTest(ranks=ranks, form=form):
                out = self.run_on_hosts(ranks, harness.TESSERA, "generate", self.model, *GENERATE, "--json",
                                        "--tensor-parallel", form)
                self.assertEqual(json.loads(out)["tokens"], alone["tokens"])

    def test_the_mesh_passes(self):
        out = self.run_on_hosts(4, harness.TESSERA, "bringup", self.model, "--phases", "7", "--mesh", "2x2",
                                "--out", "hosts", "--json")
        report = json.loads(out)
        self.assertEqual(report["checklist"][9]["status"], "pass", report["checklist"][9])
        self.assertEqual(report["mesh"]["transport"], "MPI")

    def test_the_real_model_is_shared_in_every_way(self):
        self.succeed("pull", "smollm2-135m", env=harness.own_environment())
        out = self.run_on_hosts(4, harness.TESSERA, "bringup", "smollm2-135m", "--phases", "7", "--mesh", "2x2",
                                "--out", "real", "--json", env=harness.own_environment())
        harness.check_mesh(self, json.loads(out), 6)

    def test_a_rank_killed_on_the_other_host_ends_the_job(self):
        job = self.start(2, harness.TESSERA, "bringup", self.model, "--out", "killed")
        while job.stderr.readline() != "tessera: baseline\n":
            self.assertIsNone(job.poll())
        os.kill(self.process_of(1), signal.SIGKILL)
        begin = time.monotonic()
        _, err = job.communicate(timeout=harness.TIMEOUT)
        self.assertIn(job.returncode, (128 + signal.SIGKILL, 2), err)
        self.assertLess(time.monotonic() - begin, 60, "longer than ranks wait for one another")
        self.assertIn("rank 1", err)

    def process_of(self, rank: int) -> int:
        """The rank of this test's job: its model is this test's."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                place = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0] == harness.TESSERA.encode() and str(self.model).encode() in words:
                if f"OMPI_COMM_WORLD_RANK={rank}".encode() in place:
                    return int(folder.name)
        self.fail(f"rank {rank} does not run")


if __name__ == "__main__":
    unittest.main()
