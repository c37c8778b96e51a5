// Reads heat maps back: what colours their squares have, wherever they are drawn as rectangles or as runs; and whether they are XML at all.

import { expect } from "vitest";

/** Readers of XML forgive nothing: every tag closes, nothing is left unescaped, no number is missing. */
export function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, end, name, selfClosed] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^<>]*?(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name);
    else if (!selfClosed) open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
  expect(svg).not.toMatch(/="[^"]*(NaN|Infinity|undefined)[^"]*"/);
  expect(svg.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\p{Cs}/u);
}

/** The classes of the squares of each panel, row by row. */
export function squaresOf(svg: string, rows: number, columns: number): string[][] {
  const groups = [...svg.matchAll(/<g transform="translate\(\S+ \S+\)[^>]*>([\s\S]*?)<\/g>/g)].map(([, body]) => body);
  const panels = groups.filter((body) => !body.includes('d="M0 .5h2"')); // all but the legend's scale
  return panels.map((body) => {
    const found: string[] = new Array(rows * columns).fill("");
    const put = (x: number, y: number, name: string) => {
      if (!(x < columns && y < rows) || found[y * columns + x] !== "") throw new Error(`a second square at ${x} ${y}`);
      found[y * columns + x] = name;
    };
    const rects = [...body.matchAll(/<rect class="(\w+)" x="(\d+)" y="(\d+)" width="(\d+)"/g)];
    const side = Math.max(...rects.map(([, , x]) => Number(x))) / Math.max(1, columns - 1) || 1;
    for (const [, name, x, y] of rects) put(Number(x) / side, Number(y) / side, name);
    for (const [, name, d] of body.matchAll(/<path class="(\w+)" d="M0 \.5([^"]*)"/g)) {
      let [x, y] = [0, 0];
      for (const [, kind, a, b] of d.matchAll(/([mh])(-?\d+)(?: (-?\d+))?/g)) {
        if (kind === "h") for (let i = 0; i < Number(a); i++) put(x++, y, name);
        else [x, y] = [x + Number(a), y + Number(b)];
      }
    }
    return found;
  });
}
