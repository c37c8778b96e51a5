// The picture of tiles: which blocks of scores a step computes under masks made of indices, read off the bounds that its program carries.

import { rect, STYLE } from "./draw-style.mjs";

const [T, TILE, SIDE] = [256, 16, 15];

export function drawTiles({ heed, labels, svg }) {
  const { attention, explain, zeros } = heed;
  const [x, cache] = [zeros(T, 8).evaluate(), zeros(2 * T, 8).evaluate()];
  const panels = [
    { name: "causal", mixed: attention(x, x, x, { mask: { kind: "causal" } }), S: T },
    { name: "window of 64", mixed: attention(x, x, x, { mask: { kind: "window", left: 63 } }), S: T },
    {
      name: "causal, behind 256 keys of a cache",
      mixed: attention(x, cache, cache, { mask: { kind: "causal" } }),
      S: 2 * T,
    },
  ];
  const parts = [svg.text(24, 38, "Tiles that nobody computes", { name: "title" })];
  let left = 24;
  for (const { name, mixed, S } of panels) {
    const bounds = boundsOf(explain(mixed));
    const [rows, columns] = [T / TILE, S / TILE];
    const counts = { whole: 0, edge: 0, skipped: 0 };
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const kind = kindOf(bounds, i * TILE, j * TILE);
        counts[kind]++;
        parts.push(rect(left + j * SIDE, 112 + i * SIDE, SIDE - 1, SIDE - 1, kind, 2));
      }
    parts.push(svg.text(left, 76, name, { name: "strong" }));
    parts.push(svg.text(left, 98, bounds.map(({ text }) => text).join(", "), { name: "mono" }));
    const done = counts.whole + counts.edge;
    parts.push(svg.text(left, 112 + rows * SIDE + 22, `${done} of ${rows * columns} tiles`));
    left += columns * SIDE + 32;
  }
  const y = 112 + (T / TILE) * SIDE + 52;
  let at = 24;
  for (const [kind, words] of [
    ["whole", "computed"],
    ["edge", "computed, masked key by key"],
    ["skipped", "skipped"],
  ]) {
    parts.push(rect(at, y - 11, 13, 13, kind, 2), svg.text(at + 20, y, words));
    at += 44 + labels.textPixels(words, 13);
  }
  parts.push(
    svg.text(left - 32, y, `rows: queries · columns: keys · a tile here: ${TILE} × ${TILE}`, { anchor: "end" }),
  );
  const spoken = "Tiles of the scores under three masks: those above the diagonal or outside the window are skipped.";
  return svg.page(left - 8, y + 26, { name: "diagram", spoken, style: STYLE }, parts);
}

/** The inequalities of an attention line of explain: s <= t + 3, s >= t - 63. */
function boundsOf(text) {
  const [line] = text.split("\n");
  return [...line.matchAll(/s (<=|>=) t(?: ([+-]) (\d+))?/g)].map(([words, side, sign, n]) => ({
    text: words,
    side,
    constant: sign === undefined ? 0 : Number(`${sign}${n}`),
  }));
}

function kindOf(bounds, t, s) {
  const last = TILE - 1;
  let whole = true;
  for (const { side, constant } of bounds) {
    // s - t between the tile's corners
    const [least, most] = [s - t - last - constant, s - t + last - constant];
    if (side === "<=" ? least > 0 : most < 0) return "skipped";
    if (side === "<=" ? most > 0 : least < 0) whole = false;
  }
  return whole ? "whole" : "edge";
}
