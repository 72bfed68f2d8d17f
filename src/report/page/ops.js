// The per-op table: sorted by any column, filtered, and drawn in pages, so that thousands of rows stay quick.
(() => {
  const PAGE = 200;
  const {columns, rows} = JSON.parse(document.getElementById("ops-rows").textContent);
  const table = document.getElementById("ops-table");
  if (!table) return;
  const at = Object.fromEntries(columns.map((name, i) => [name, i]));

  // null in the JSON is a figure that is not finite. It sorts as the worst there is.
  const fixed = (digits) => (v) => (v === null ? "not finite" : v.toFixed(digits));
  const short = (v) => v === null ? "not finite" : v === 0 ? "0" :
    Math.abs(v) < 1e-3 ? v.toExponential(1) : String(Number(v.toPrecision(3)));
  const plain = (v) => String(v);
  const shown = [
    ["phase", "phase", plain], ["mode", "mode", plain], ["input", "input", plain],
    ["layer", "layer", (v) => (v < 0 ? "" : String(v))], ["path", "path", plain], ["op", "op", plain],
    ["pcc", "PCC", fixed(6), -Infinity], ["max_abs", "max abs", short, Infinity],
    ["rel_l2", "rel L2", short, Infinity], ["scale", "scale", fixed(4), Infinity],
    ["own_pcc", "own PCC", fixed(6), -Infinity], ["input_pcc", "input PCC", fixed(6), -Infinity],
    ["threshold", "needs", plain, -Infinity], ["pass", "result", (v) => (v ? "pass" : "fail")],
    ["ms", "ms", short, Infinity], ["note", "note", plain],
  ].map(([key, title, text, worst]) => ({key, title, text, worst, i: at[key]}))
    .filter(({i}) => rows.some((row) => row[i] !== ""));

  const natural = new Intl.Collator("en", {numeric: true}).compare;
  const order = {column: null, down: false};
  const filters = {phase: "", mode: "", input: "", failed: false, words: []};
  let limit = PAGE;

  function chosen() {
    const kept = rows.filter((row) =>
      ["phase", "mode", "input"].every((key) => !filters[key] || row[at[key]] === filters[key]) &&
      (!filters.failed || !row[at.pass]) &&
      filters.words.every((w) => `${row[at.path]} ${row[at.op]} ${row[at.note]}`.toLowerCase().includes(w)));
    const column = order.column;
    if (!column) return kept;
    const value = (row) => row[column.i] ?? column.worst;
    const compare = (a, b) => {
      const x = value(a), y = value(b);
      if (typeof x === "string") return natural(x, y);
      return x === y ? 0 : x < y ? -1 : 1;
    };
    return kept.sort(order.down ? (a, b) => compare(b, a) : compare);
  }

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function cell(row, column) {
    const value = row[column.i];
    const numeric = typeof value === "number" || value === null;
    const text = column.text(value);
    if (column.key === "pass") return make("td", {}, make("span", {className: `mark ${text}`, textContent: text}));
    if (numeric) return make("td", {className: "n", textContent: text});
    const parts = text.split(/(?<=[._])/).flatMap((part) => [part, document.createElement("wbr")]);
    return make("td", {className: column.key}, ...parts);
  }

  const body = make("tbody");
  const count = document.getElementById("ops-count");
  const more = document.getElementById("ops-more");
  const all = make("button", {type: "button", textContent: "Show all"});
  more.after(all);

  function draw() {
    const kept = chosen();
    body.replaceChildren(...kept.slice(0, limit).map((row) =>
      make("tr", {className: row[at.pass] ? "" : "failed"}, ...shown.map((column) => cell(row, column)))));
    const drawn = Math.min(limit, kept.length);
    count.textContent = kept.length === 0 ? "No row matches." : `${drawn} of ${kept.length} rows shown` +
      (kept.length < rows.length ? `, ${rows.length} in all` : "");
    more.hidden = all.hidden = drawn === kept.length;
  }

  function sort_by(column, heading) {
    // The first click shows what is most often wanted: the lowest PCC, the largest error.
    const first = column.worst === Infinity;
    order.down = order.column === column ? !order.down : first;
    order.column = column;
    for (const th of heading.parentNode.children) th.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    draw();
  }

  const head = make("tr");
  for (const column of shown) {
    const button = make("button", {type: "button", textContent: column.title});
    const heading = make("th", {scope: "col", className: column.worst || column.key === "layer" ? "n" : ""}, button);
    button.onclick = () => sort_by(column, heading);
    head.append(heading);
  }
  table.append(make("thead", {}, head), body);

  function changed(change) {
    return (event) => { change(event.target); limit = PAGE; draw(); };
  }
  const bar = document.getElementById("ops-filters");
  for (const key of ["phase", "mode", "input"]) {
    const values = [...new Set(rows.map((row) => row[at[key]]))];
    const select = make("select", {name: key, onchange: changed((s) => { filters[key] = s.value; })},
      make("option", {value: "", textContent: "all"}),
      ...values.map((v) => make("option", {value: v, textContent: v || "(none)"})));
    bar.append(make("label", {}, `${key} `, select));
  }
  bar.append(make("label", {}, make("input",
    {type: "checkbox", name: "failed", onchange: changed((box) => { filters.failed = box.checked; })}), " only failed"));
  bar.append(make("input", {type: "search", name: "words", placeholder: "path, op or note", ariaLabel: "Search",
    oninput: changed((box) => { filters.words = box.value.toLowerCase().split(/\s+/).filter(Boolean); })}));
  more.onclick = () => { limit += 5 * PAGE; draw(); };
  all.onclick = () => { limit = Infinity; draw(); };
  draw();
})();
