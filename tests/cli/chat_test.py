"""Conversations, from a pipe and on a terminal."""

import os
import pty
import select
import signal
import subprocess
import time
import unittest

import harness


class Chat(harness.CommandTest):
    def test_piped(self):
        out = self.succeed("chat", self.model, "-n", "5", stdin="first\n\nsecond\n/reset\nfirst\n/exit\nnever\n")
        answers = out.splitlines()
        again = self.succeed("chat", self.model, "-n", "5", stdin="first").splitlines()
        self.assertTrue(out.endswith("".join(again) + "\n"), (out, again))
        self.assertEqual(answers[: len(again)], again)

    def test_history_is_used(self):
        """A second turn answers another prompt than the same message alone."""
        alone = self.succeed("chat", self.model, "-n", "12", stdin="tell me\n")
        both = self.succeed("chat", self.model, "-n", "12", stdin="the sky is blue\ntell me\n")
        self.assertNotEqual(both.split("\n", 1)[-1], alone)

    def test_kept_keys_and_values(self):
        """Turns that prefill only what is new answer as one prefill of the whole history would."""
        messages = ["What is a tile, and why has it 32 rows?", "And a face?", "Go on"]
        history, before = "", ""
        for i, message in enumerate(messages):
            out = self.succeed("chat", self.model, "-n", "36", stdin="\n".join(messages[: i + 1]))
            answer = out[len(before) : -1]
            history += f"<|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n"
            whole = self.succeed("generate", self.model, "--raw", "-n", "36", "--context", "256", "-p", history)
            self.assertEqual(answer, whole[:-1], i)
            self.assertGreater(len(answer), 20)
            history += answer + "<|im_end|>\n"
            before = out

    def test_reset_forgets(self):
        """Other texts that are as long, so that every page of the cache would be taken for the new one's."""
        first, second = "tiles of 32 rows " * 6, "faces of 16 rows " * 6
        out = self.succeed("chat", self.model, "-n", "20", stdin=f"{first}\n/reset\n{second}\n")
        alone = [self.succeed("chat", self.model, "-n", "20", stdin=m) for m in (first, second)]
        self.assertEqual(out, "".join(alone))

    def test_beyond_the_context(self):
        """The message is refused, the conversation goes on as if it had not been said."""
        long = "word " * 300
        done = self.tessera("chat", self.model, "-n", "4", stdin=f"hello\n{long}\nbye\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("/reset", lines[0])
        self.assertEqual(done.stdout, self.succeed("chat", self.model, "-n", "4", stdin="hello\nbye\n"))

    def test_not_utf8(self):
        done = self.tessera("chat", self.model, "-n", "4", stdin="ok\n", env=self.environment())
        bad = subprocess.run(
            [harness.TESSERA, "chat", str(self.model), "-n", "4"],
            input=b"\xff\xfe\nok\n",
            capture_output=True,
            env=self.environment(),
            timeout=harness.TIMEOUT,
        )
        self.assertEqual(bad.returncode, 0)
        self.assertEqual(bad.stdout.decode(), done.stdout)
        self.assertEqual(len(bad.stderr.decode().splitlines()), 1)

    def test_interrupted_pipe(self):
        process = subprocess.Popen(
            [harness.TESSERA, "chat", str(self.model)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=self.environment(),
        )
        process.stdin.write("hello\n")
        process.stdin.flush()
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=harness.TIMEOUT)
        self.assertEqual(process.returncode, 2)
        self.assertIn("interrupted", stderr)

    def test_terminal(self):
        """Ctrl-C stops the answer, the conversation goes on; at the prompt it leaves."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(
                harness.TESSERA,
                [harness.TESSERA, "chat", str(self.model), "-n", "100000", "--context", "256"],
                self.environment(),
            )
        seen = self.wait_for(fd, b"\n> ")
        self.assertIn(b"/reset", seen)
        os.write(fd, b"hello\r")
        seen = self.wait_for(fd, b"hello\r\n", more=1)
        os.write(fd, b"\x03")
        self.wait_for(fd, b"\n> ")
        os.write(fd, b"\x03")
        status = self.status_of(pid, fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)

    def wait_for(self, fd: int, text: bytes, more: int = 0) -> bytes:
        """What the program printed up to the text and `more` bytes behind it."""
        seen, deadline = b"", time.monotonic() + harness.TIMEOUT
        while time.monotonic() < deadline:
            at = seen.find(text)
            if at >= 0 and len(seen) >= at + len(text) + more:
                return seen
            if select.select([fd], [], [], 1)[0]:
                seen += os.read(fd, 1)
        self.fail(f"waited for {text!r}, saw {seen!r}")

    def status_of(self, pid: int, fd: int) -> int:
        """Reads until the program ends."""
        try:
            while os.read(fd, 1024):
                pass
        except OSError:  # the terminal's other side is closed
            pass
        return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    unittest.main()
