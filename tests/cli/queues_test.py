"""--async, --trace and --timeline: the same text by every way, and a time line that Perfetto reads."""

import json
import unittest

import harness


class Queues(harness.CommandTest):
    def generate(self, *options) -> dict:
        return self.document("generate", self.model, "-p", "Hello there", "-n", "12", *options)

    def test_every_way_gives_the_same_text(self):
        for sampling in ((), ("--temperature", "1.2", "--seed", "3")):
            plain = self.generate("--trace", "off", *sampling)
            for trace in ("on", "off"):
                for switch in ("on", "off"):
                    other = self.generate("--trace", trace, "--async", switch, *sampling)
                    self.assertEqual(other["tokens"], plain["tokens"])
                    self.assertEqual(other["finish_reason"], plain["finish_reason"])

    def test_other_values_are_refused(self):
        done = self.tessera("generate", self.model, "-p", "Hello", "--async", "maybe")
        self.assertEqual(done.returncode, 2)
        self.assertIn("maybe", done.stderr)

    def test_timeline(self):
        for switch in ("on", "off"):
            file = self.folder / f"{switch}.json"
            self.generate("--async", switch, "--timeline", file)
            events = json.loads(file.read_text())["traceEvents"]
            commands = [event for event in events if event["ph"] == "X"]
            self.assertIn("paged_scaled_dot_product_attention_decode", {event["name"] for event in commands})
            self.assertIn(("gated_linear", "layers.0.mlp"), {(e["name"], e["args"]["path"]) for e in commands})
            self.assertIn("layers.0.mlp.down_proj", {event["args"]["path"] for event in commands})
            self.assertTrue(all(event["dur"] >= 0 for event in commands))
            # A queue runs one command after the other.
            commands.sort(key=lambda event: event["ts"])
            for before, after in zip(commands, commands[1:]):
                self.assertLessEqual(before["ts"] + before["dur"], after["ts"] + 0.01)

    def test_bench_says_how_it_ran(self):
        doc = self.document(
            "bench", self.model, "--prompt", "8", "--gen", "3", "--batch", "2", "--repeats", "2", "--async", "on"
        )
        self.assertTrue(doc["async"])
        self.assertTrue(doc["trace"])
        self.assertEqual([row["kind"] for row in doc["results"]], ["prefill", "decode"])


if __name__ == "__main__":
    unittest.main()
