// Sorts and filters the per-op table through its own controls, in a document of the little that it uses.
// Usage: node ops_table_test.mjs FOLDER_OF_THE_PAGE
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";

class Element {
  constructor(tag) { this.tag = tag; this.children = []; this.attributes = {}; this.own = ""; }
  get textContent() { return this.own + this.children.map((c) => c.textContent ?? c).join(""); }
  set textContent(text) { this.own = text; this.children = []; }
  append(...children) {
    for (const child of children) if (child instanceof Element) child.parentNode = this;
    this.children.push(...children);
  }
  replaceChildren(...children) { this.children = []; this.append(...children); }
  after(element) { this.next = element; }
  setAttribute(name, value) { this.attributes[name] = value; }
  removeAttribute(name) { delete this.attributes[name]; }
}

function open_page(columns, rows) {
  const byId = Object.fromEntries(["rows", "table", "filters", "count", "more"].map(
    (name) => [`ops-${name}`, new Element("div")]));
  byId["ops-rows"].textContent = JSON.stringify({columns, rows});
  const document = {getElementById: (id) => byId[id] ?? null, createElement: (tag) => new Element(tag)};
  new Function("document", readFileSync(`${process.argv[2]}/ops.js`, "utf8"))(document);
  const [head, body] = byId["ops-table"].children;
  const headings = head.children[0].children;
  const titles = headings.map((th) => th.textContent);
  const heading = (title) => headings[titles.indexOf(title)];
  const controls = byId["ops-filters"].children.flatMap((c) => [c, ...c.children]).filter((c) => c.name);
  const change = (name, property, value) => {
    const control = controls.find((c) => c.name === name);
    control[property] = value;
    (control.onchange ?? control.oninput)({target: control});
  };
  return {
    titles, heading, change,
    click: (title) => heading(title).children[0].onclick(),
    column: (title) => body.children.map((tr) => tr.children[titles.indexOf(title)].textContent),
    classes: () => body.children.map((tr) => tr.className),
    count: () => byId["ops-count"].textContent,
    more: byId["ops-more"],
    all: byId["ops-more"].next,
  };
}

const COLUMNS = ["phase", "mode", "layer", "path", "op", "input", "pcc", "max_abs", "rel_l2", "scale", "threshold",
                 "pass", "ms", "own_pcc", "input_pcc", "note"];
const row = (phase, layer, pcc, note = "", max_abs = 0.5) =>
  [phase, phase === "prefill" ? "prefill" : "decode", layer, `layers.${layer}.mlp`, "linear",
   "normal", pcc, max_abs, 0.01, 1, 0.999, pcc !== null && pcc >= 0.999, 2.5, 1, 1, note];

{  // sorting: numbers as numbers, names with their numbers, what is not finite as the worst
  const page = open_page(COLUMNS, [row("modules", 10, 0.9995), row("modules", 2, null, "<b>", 1e-7),
                                   row("prefill", -1, 0.5, "", null)]);
  assert.deepEqual(page.column("PCC"), ["0.999500", "not finite", "0.500000"]);
  assert.deepEqual(page.column("layer"), ["10", "2", ""]);
  assert.deepEqual(page.column("note"), ["", "<b>", ""]);
  assert.deepEqual(page.classes(), ["", "failed", "failed"]);
  page.click("PCC");
  assert.deepEqual(page.column("PCC"), ["not finite", "0.500000", "0.999500"]);
  assert.equal(page.heading("PCC").attributes["aria-sort"], "ascending");
  page.click("PCC");
  assert.deepEqual(page.column("PCC"), ["0.999500", "0.500000", "not finite"]);
  page.click("max abs");  // errors: the largest first
  assert.deepEqual(page.column("max abs"), ["not finite", "0.5", "1.0e-7"]);
  assert.equal(page.heading("PCC").attributes["aria-sort"], undefined);
  page.click("path");
  assert.deepEqual(page.column("path"), ["layers.-1.mlp", "layers.2.mlp", "layers.10.mlp"]);
}

{  // filters, each and together
  const page = open_page(COLUMNS, [row("modules", 1, 0.9995), row("modules", 2, 0.5), row("prefill", 2, 0.5, "Scale 2")]);
  page.change("phase", "value", "modules");
  assert.deepEqual(page.column("path"), ["layers.1.mlp", "layers.2.mlp"]);
  assert.equal(page.count(), "2 of 2 rows shown, 3 in all");
  page.change("failed", "checked", true);
  assert.deepEqual(page.column("result"), ["fail"]);
  page.change("phase", "value", "");
  assert.equal(page.column("path").length, 2);
  page.change("words", "value", "layers.2 SCALE");
  assert.deepEqual(page.column("phase"), ["prefill"]);
  page.change("words", "value", "absent");
  assert.equal(page.count(), "No row matches.");
}

{  // thousands of rows: drawn in pages, sorted as a whole; a column without any text is left out
  const page = open_page(COLUMNS, Array.from({length: 3000}, (_, i) => row("modules", i, 1 - i / 1e5)));
  assert.ok(!page.titles.includes("note"));
  assert.equal(page.count(), "200 of 3000 rows shown");
  page.click("PCC");
  assert.equal(page.column("layer")[0], "2999");
  page.more.onclick();
  assert.equal(page.column("layer").length, 1200);
  page.all.onclick();
  assert.equal(page.count(), "3000 of 3000 rows shown");
  assert.ok(page.more.hidden && page.all.hidden);
}

{  // no row at all: the page has no table, and the script leaves it so
  const document = {getElementById: (id) => id === "ops-rows" ? {textContent: '{"columns":[],"rows":[]}'} : null};
  new Function("document", readFileSync(`${process.argv[2]}/ops.js`, "utf8"))(document);
}
// The other script needs a browser to be of use; here only that it is one.
new Function(readFileSync(`${process.argv[2]}/tips.js`, "utf8"));
