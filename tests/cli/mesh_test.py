"""Meshes from outside: chips on threads, and, where an mpirun is found, chips as processes and what ends a job."""

import json
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

import harness

GENERATE = ("-p", "hello", "--raw", "-n", "24")
# CMake hands over the launcher it has found; without one the processes are not in the list of tests at all.
MPIRUN = os.environ.get("MPIRUN", "")


class Threads(harness.CommandTest):
    def test_every_degree_gives_the_same_text(self):
        alone = self.document("generate", self.model, *GENERATE)
        for mesh in ("1x2", "1x3", "2x2", "8"):
            with self.subTest(mesh=mesh):
                shared = self.document("generate", self.model, *GENERATE, "--mesh", mesh)
                self.assertEqual(shared["tokens"], alone["tokens"])

    def test_every_form_of_tensor_parallel_gives_the_same_text(self):
        alone = self.document("generate", self.model, *GENERATE)
        for form in ("replicated", "fractured", "2d"):
            with self.subTest(form=form):
                shared = self.document("generate", self.model, *GENERATE, "--mesh", "2x4", "--tensor-parallel", form)
                self.assertEqual(shared["tokens"], alone["tokens"])
        self.refuse("generate", self.model, *GENERATE, "--tensor-parallel", "3d", words="--tensor-parallel")

    def test_prompts_are_shared_out(self):
        prompts = ("hello", "this is", "yes")
        alone = [self.document("generate", self.model, "-p", p, *GENERATE[2:])["tokens"] for p in prompts]
        options = [word for prompt in prompts for word in ("-p", prompt)]
        for sharing in ((), ("--mesh", "1x2"), ("--mesh", "2x2", "--data-parallel", "2"),
                        ("--mesh", "1x3", "--data-parallel", "3")):
            with self.subTest(sharing=sharing):
                done = self.document("generate", self.model, *options, *GENERATE[2:], *sharing)
                self.assertEqual([result["tokens"] for result in done["results"]], alone)
        self.refuse("generate", self.model, *GENERATE, "--mesh", "1x2", "--data-parallel", "2",
                    words="1 prompts for 2 copies of the model")

    def test_a_chat(self):
        """Every chip hears every message, also what is refused and what begins anew."""
        text = "first\n" + "word " * 300 + "\nsecond\n/reset\n\nthird\n"
        alone = self.tessera("chat", self.model, "-n", "8", stdin=text)
        for sharing in (("--mesh", "1x2"), ("--mesh", "2x2"), ("--device", "n300")):
            shared = self.tessera("chat", self.model, "-n", "8", *sharing, stdin=text)
            self.assertEqual((shared.returncode, shared.stdout), (0, alone.stdout), shared.stderr)
            self.assertEqual(harness.complaints(shared.stderr), harness.complaints(alone.stderr))

    def test_a_ring_of_eight_and_a_line_of_two_give_the_text_of_one(self):
        """The chips of a card reach their neighbours only."""
        alone = self.document("generate", self.model, *GENERATE)
        for device in ("n300", "loudbox", "galaxy"):
            with self.subTest(device=device):
                shared = self.document("generate", self.model, *GENERATE, "--device", device)
                self.assertEqual(shared["tokens"], alone["tokens"])

    def test_bench(self):
        sizes = ("--prompt", "8", "--gen", "4", "--batch", "2", "--repeats", "1")
        report = self.document("bench", self.model, *sizes, "--mesh", "2x2", "--data-parallel", "2")
        self.assertEqual((report["mesh"], report["copies"]), ("2x2", 2))
        self.assertEqual([row["batch"] for row in report["results"]], [4, 4])

    def test_what_does_not_fit(self):
        generate = ("generate", self.model, *GENERATE)
        self.refuse(*generate, "--mesh", "two", words="rows x columns expected")
        self.refuse(*generate, "--mesh", "1x4", "--device", "n300", words="n300 has 2 chips")
        self.refuse("bench", self.model, "--mesh", "1x4", "--data-parallel", "3", words="data parallel 3")
        self.refuse("bench", self.model, "--data-parallel", "2", words="data parallel 2")


class Launched(harness.CommandTest):
    def job(self, ranks: int, *arguments, stdin=subprocess.DEVNULL, **changes) -> subprocess.Popen:
        """The program as so many ranks."""
        # OpenMPI leaks, in components that it has unloaded by then, and takes its locks in two orders: under a
        # sanitizer only what is ours counts.
        changes = {
            "ASAN_OPTIONS": "detect_leaks=0",
            "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:detect_deadlocks=0",
            **changes,
        }
        env = self.environment_of_ranks(OMPI_ALLOW_RUN_AS_ROOT=1, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, **changes)
        return subprocess.Popen(
            [MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=env,
            cwd=self.folder,
        )

    def environment_of_ranks(self, **changes) -> dict[str, str]:
        return self.environment(**changes)

    def finish(self, job: subprocess.Popen, timeout: float = harness.TIMEOUT) -> tuple[int, str, str]:
        """Status, stdout and stderr; a job that does not end is a failure."""
        out, err = job.communicate(timeout=timeout)
        return job.returncode, out, err


class Processes(Launched):
    def ranks_of(self, job: subprocess.Popen, count: int) -> list[int]:
        """Process ids by rank, once all of them run."""
        for _ in range(600):
            found = {}
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) != job.pid:
                        continue
                    for entry in (folder / "environ").read_text(errors="replace").split("\0"):
                        if entry.startswith("OMPI_COMM_WORLD_RANK="):
                            found[int(entry.split("=")[1])] = int(folder.name)
                except (OSError, IndexError):
                    continue
            if len(found) == count:
                return [found[rank] for rank in range(count)]
            time.sleep(0.1)
        self.fail(f"{count} ranks did not start")

    def ladder(self, ranks: int) -> subprocess.Popen:
        """A bring-up whose ranks have met: rank 0 is at the first phase, the others wait for the last. (OpenMPI
        4.1.4's launcher was seen to wait for ever when one dies in MPI_Init.)"""
        job = self.job(ranks, harness.TESSERA, "bringup", self.model, "--out", f"killed{ranks}")
        while job.stderr.readline() != "tessera: baseline\n":
            self.assertIsNone(job.poll())
        return job

    def test_two_and_four_ranks_give_the_same_text(self):
        alone = self.document("generate", self.model, *GENERATE)
        for ranks in (2, 4):
            status, out, err = self.finish(self.job(ranks, harness.TESSERA, "generate", self.model, *GENERATE, "--json"))
            self.assertEqual(status, 0, err)
            self.assertEqual(json.loads(out)["tokens"], alone["tokens"])

    def test_prompts_are_shared_out_among_processes(self):
        options = ("generate", self.model, "-p", "hello", "-p", "yes", "--raw", "-n", "8")
        alone = self.document(*options)
        status, out, err = self.finish(self.job(2, harness.TESSERA, *options, "--data-parallel", "2", "--json"))
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)["results"], alone["results"])

    def test_a_chat_of_processes(self):
        alone = self.succeed("chat", self.model, "-n", "8", stdin="first\nsecond\n")
        job = self.job(2, harness.TESSERA, "chat", self.model, "-n", "8", stdin=subprocess.PIPE)
        out, err = job.communicate("first\nsecond\n", timeout=harness.TIMEOUT)
        self.assertEqual((job.returncode, out), (0, alone), err)

    def test_one_report(self):
        status, out, err = self.finish(
            self.job(2, harness.TESSERA, "bringup", self.model, "--phases", "7", "--out", "mpi", "--json")
        )
        self.assertEqual(status, 0, err)
        report = json.loads(out)
        self.assertEqual(report["checklist"][9]["status"], "pass", report["checklist"][9])
        self.assertEqual(report["mesh"]["transport"], "MPI")

    def test_a_report_in_a_file_has_no_colours(self):
        """OpenMPI's launcher gives rank 0 a terminal."""
        status, out, err = self.finish(
            self.job(2, harness.TESSERA, "bringup", self.model, "--phases", "0", "--out", "plain")
        )
        self.assertEqual(status, 0, err)
        self.assertIn("Baseline validation", out)
        self.assertNotIn("\x1b", out)

    def test_a_mistake_is_told_once(self):
        status, out, err = self.finish(self.job(3, harness.TESSERA, "generate", "no-such-model", *GENERATE))
        self.assertEqual((status, out), (2, ""), err)
        self.assertEqual(err.count("tessera: no model 'no-such-model'"), 1, err)

    def test_another_mesh_than_processes(self):
        arguments = ("generate", self.model, *GENERATE, "--mesh", "1x4")
        status, _, err = self.finish(self.job(2, harness.TESSERA, *arguments))
        self.assertEqual(status, 2, err)
        self.assertIn("mesh 1x4: 2 processes: start 4", err)

    def test_a_killed_rank_ends_the_job(self):
        job = self.ladder(3)
        os.kill(self.ranks_of(job, 3)[1], signal.SIGKILL)
        status, _, err = self.finish(job)
        # The launcher's status of a process that a signal has ended, or that of a rank that was faster.
        self.assertIn(status, (128 + signal.SIGKILL, 2), err)
        lines = harness.complaints("\n".join(line for line in err.splitlines() if line.startswith("tessera: ")))
        self.assertEqual(len(lines), 1, err)
        self.assertIn("tessera: rank 1 ended before the work was done: killed", lines[0])

    def test_the_first_rank_killed_is_named_by_the_second(self):
        job = self.ladder(2)
        os.kill(self.ranks_of(job, 2)[0], signal.SIGKILL)
        status, _, err = self.finish(job)
        self.assertIn(status, (128 + signal.SIGKILL, 2), err)
        self.assertIn("tessera: rank 0 ended before the work was done: killed", err)

    def test_what_one_process_can_say_is_said_once(self):
        for arguments in (("inspect", self.model), ("plan", self.model), ("devices",), ("models",), ("--version",),
                          ("golden", self.model, "--out", "one.safetensors", "--forced-tokens", "8", "--greedy-tokens", "2")):
            with self.subTest(arguments=arguments):
                alone = self.tessera(*arguments)
                status, out, err = self.finish(self.job(3, harness.TESSERA, *arguments))
                self.assertEqual((status, out), (0, alone.stdout), err)

    def test_a_rank_that_stops_is_named_within_the_limit(self):
        # Long enough for ranks that a busy machine starts one after the other.
        job = self.job(2, harness.TESSERA, "bringup", self.model, "--phases", "7", "--out", "stopped",
                       TESSERA_COMM_TIMEOUT=6)
        stopped = self.ranks_of(job, 2)[1]
        while job.stderr.readline() != "tessera: phase 7: mesh\n":
            self.assertIsNone(job.poll())
        os.kill(stopped, signal.SIGSTOP)
        try:
            status, _, err = self.finish(job)
        finally:
            try:
                os.kill(stopped, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.assertNotEqual(status, 0)
        self.assertIn("rank 1 did not arrive in", err)

    def test_a_process_that_never_comes(self):
        """mpirun starts it, and it is another program."""
        command = ("sh", "-c", f'[ "$OMPI_COMM_WORLD_RANK" = 1 ] && exec sleep 600; exec "$@"', "sh")
        job = self.job(2, *command, harness.TESSERA, "generate", self.model, *GENERATE, TESSERA_COMM_TIMEOUT=2)
        status, _, err = self.finish(job)
        self.assertEqual(status, 2, err)
        self.assertIn("not all of the 2 processes arrived in 2 s", err)


class RealModel(Launched):
    """smollm2-135m, from the user's own cache."""

    def environment_of_ranks(self, **changes) -> dict[str, str]:
        return harness.own_environment(**changes)

    def test_two_and_four_ranks_share_it_in_every_way(self):
        self.succeed("pull", "smollm2-135m", env=harness.own_environment())
        for ranks, ways in ((2, 4), (4, 5)):
            with self.subTest(ranks=ranks):
                job = self.job(ranks, harness.TESSERA, "bringup", "smollm2-135m", "--phases", "7",
                               "--out", f"ranks{ranks}", "--json")
                status, out, err = self.finish(job, harness.LONG_TIMEOUT)
                self.assertEqual(status, 0, err)
                harness.check_mesh(self, json.loads(out), ways)


if __name__ == "__main__":
    unittest.main()
