"""tessera advise from outside: keys, the file, the page, a target out of reach, errors."""

import json
import unittest

import harness


class Advise(harness.CommandTest):
    def test_keys_the_file_and_the_page(self):
        out, page = self.folder / "precision.json", self.folder / "advise.html"
        doc = self.document("advise", self.model, "--tokens", "8", "--out", out, "--html", page)
        for key in ("model", "device", "tokens", "reference", "base", "groups", "layers", "points", "target", "verdict"):
            self.assertIn(key, doc)
        self.assertTrue(doc["met"])
        self.assertEqual(doc["tokens"], 8)
        self.assertEqual({row["engine"] for row in doc["groups"]}, {"exact", "fast"})
        self.assertTrue(all(row["fidelity"] is None for row in doc["groups"] if row["engine"] == "fast"))
        self.assertTrue(any(point["on_front"] for point in doc["points"]))
        layers = json.loads(out.read_text())["decoders"]
        chosen = doc["chosen"]["groups"]
        for layer in layers.values():
            self.assertEqual(layer["fidelity_cfg"]["LI_FF2"], chosen["FF2"]["fidelity"])
        self.assertIn("One group at a time", page.read_text())
        # Every command takes the file.
        self.succeed("generate", self.model, "--engine", "exact", "--precision", out, "-p", "a", "-n", "2")

    def test_a_target_out_of_reach(self):
        out = self.folder / "none.json"
        done = self.tessera("advise", self.model, "--tokens", "4", "--no-layers", "--target-kl", "0", "--out", out)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No configuration reaches KL <= 0", done.stdout)
        self.assertFalse(out.exists())

    def test_bad_input(self):
        empty = self.folder / "empty.txt"
        empty.write_text("")
        self.refuse("advise", self.model, "--text", empty, words="two are needed")
        self.refuse("advise", self.model, "--device", "cpu", words="no bandwidth")
        self.refuse("advise", self.model, "--out", self.folder, words="folder")
        self.refuse("advise", self.model, "--grid", "--html", self.folder / "x.html", words="only prints")


if __name__ == "__main__":
    unittest.main()
