// The picture of recognition: the graph of attention as a textbook writes it, and what the compiler leaves of it, both as its passes print
// them. Boxes that hold an array of scores are marked with its size.

import { arrow, rect, STYLE } from "./draw-style.mjs";

const SIZES = { B: 1, H: 12, T: 512, D: 64 };
const BOX = { width: 128, height: 34 };
const ROW = 58;

/** Where the nodes of the left graph stand, by what they are: column and row. */
const PLACES = {
  query: [0, 0],
  key: [1, 0],
  s: [2, 0],
  t: [3, 0],
  value: [4, 0],
  transpose: [1, 1],
  gt: [2.5, 1],
  matmul: [0.5, 2],
  where: [2.5, 2],
  mul: [0.5, 3],
  add: [1.5, 4],
  softmax: [1.5, 5],
  mixed: [2.75, 6],
};

export function drawGraph({ heed, compile, evaluate, svg }) {
  const { before, after, line } = graphs(heed, compile, evaluate);
  const left = { x: 24, y: 104 };
  const step = BOX.width + 14;
  const at = (name) => {
    const [column, row] = PLACES[name];
    return [left.x + column * step, left.y + row * ROW];
  };
  const parts = [
    svg.text(24, 38, "What is written, and what runs", { name: "title" }),
    svg.text(24, 76, "as written", { name: "strong" }),
  ];
  for (const { name, label, from, bytes } of before) {
    const [x, y] = at(name);
    from.forEach((source, i) => {
      const [sx, sy] = at(source);
      const into = x + (BOX.width * (i + 1)) / (from.length + 1);
      parts.push(arrow([sx + BOX.width / 2, sy + BOX.height], [into, y]));
    });
    parts.push(rect(x, y, BOX.width, BOX.height, bytes ? "box big" : "box"));
    parts.push(svg.text(x + BOX.width / 2, y + 22, label, { name: "mono strong", anchor: "middle" }));
  }
  const scores = before.filter((node) => node.bytes);
  const note = `${scores.length} arrays of f32[${scores[0].shape}], ${(scores[0].bytes / 1e6).toFixed(1)} MB each, where every operation runs by itself`;
  parts.push(rect(24, left.y + 7 * ROW + 4, 14, 14, "box big", 3), svg.text(46, left.y + 7 * ROW + 16, note));

  const right = left.x + 5 * step + 40;
  const width = 3 * step - 14;
  parts.push(svg.text(right, 76, `as run: ${after.length} step`, { name: "strong" }));
  ["query", "key", "value"].forEach((name, i) => {
    const x = right + i * step;
    parts.push(arrow([x + BOX.width / 2, left.y + BOX.height], [x + BOX.width / 2, left.y + ROW + 22]));
    parts.push(rect(x, left.y, BOX.width, BOX.height, "box"));
    parts.push(svg.text(x + BOX.width / 2, left.y + 22, name, { name: "mono strong", anchor: "middle" }));
  });
  const top = left.y + ROW + 22;
  parts.push(rect(right, top, width, 172, "box big"));
  const middle = right + width / 2;
  parts.push(svg.text(middle, top + 30, "attention", { name: "strong", anchor: "middle", size: 15 }));
  const words = [
    `scores: query · keyᵀ × ${line.scale}`,
    `keys it may see: ${line.bounds}`,
    "tile by tile: exp, sum, times value",
    "kept for gradients: a log-sum-exp for each query",
  ];
  words.forEach((text, i) => {
    parts.push(svg.text(middle, top + 62 + 26 * i, text, { anchor: "middle" }));
  });
  parts.push(arrow([middle, top + 172], [middle, top + 172 + 36]));
  parts.push(rect(middle - BOX.width / 2, top + 208, BOX.width, BOX.height, "box"));
  parts.push(svg.text(middle, top + 230, "mixed", { name: "mono strong", anchor: "middle" }));
  parts.push(svg.text(right, left.y + 7 * ROW + 16, "no array of scores: the tiles stay in the cache"));
  const spoken =
    "Left, the graph of attention as a textbook writes it, with arrays of scores between its nodes; right, the one step that the compiler makes of it.";
  return svg.page(right + width + 24, left.y + 7 * ROW + 44, { name: "diagram", spoken, style: STYLE }, parts);
}

/** Both graphs, from the compiler's trace. */
function graphs(heed, { compileRequest }, { compileOptions }) {
  const { B, H, T, D } = SIZES;
  const inputs = ["query", "key", "value"].map(() => heed.zeros(B, H, T, D).evaluate());
  const [query, key, value] = inputs;
  const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(D));
  const mixed = scores.add(heed.causalMask(T)).softmax(-1).matmul(value);
  const passes = new Map();
  const request = { outputs: [mixed.rawNode], writes: [] };
  const { program } = compileRequest(request, {
    ...compileOptions(),
    trace: (pass, text) => {
      if (!passes.has(pass)) passes.set(pass, text);
    },
  });
  const [only] = program.steps;
  const bounds = heed.explain(mixed).match(/attention\s+(.*?)\s{2}/)[1];
  return { before: boxes(passes.get("simplify")), after: program.steps, line: { scale: only.scale, bounds } };
}

const LABELS = { s: "s", t: "t", gt: "s > t", where: "-∞ or 0", transpose: "transpose", mixed: "matmul" };

/** The nodes of a printed graph; constants go into the labels of those that read them. */
function boxes(text) {
  const lines = [...text.matchAll(/^%(\d+) = (\w+)\((.*)\) {2}(\w+)\[([\d,]*)\]$/gm)];
  const names = new Map();
  const constants = new Map();
  const found = [];
  let leaves = 0;
  for (const [, id, op, inside, , shape] of lines) {
    if (op === "constant") {
      constants.set(id, inside.slice("value=".length));
      continue;
    }
    const inputs = [...inside.matchAll(/%(\d+)/g)].map(([, n]) => n);
    const name = nameOf(op, inside, () => ["query", "key", "value"][leaves++], names);
    if (!(name in PLACES)) throw new Error(`draw-graph: no place for ${op}`);
    names.set(id, name);
    const from = inputs.flatMap((n) => names.get(n) ?? []);
    const constant = inputs.map((n) => constants.get(n)).find((x) => x !== undefined);
    const label = LABELS[name] ?? (op === "mul" ? `× ${constant}` : name);
    const size = shape.split(",").map(Number);
    const held = ["matmul", "mul", "add", "softmax"].includes(name);
    found.push({ name, label, from, shape, bytes: held ? 4 * size.reduce((a, b) => a * b) : 0 });
  }
  return found;
}

function nameOf(op, inside, leaf, names) {
  if (op === "leaf") return leaf();
  if (op === "permute") return "transpose";
  if (op === "iota") return inside === "dim=3" ? "s" : "t";
  return op === "matmul" && [...names.values()].includes("softmax") ? "mixed" : op;
}
