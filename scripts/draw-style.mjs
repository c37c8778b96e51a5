// What the diagrams of docs/ share: one style, light and dark, and boxes with arrows between them.

const LIGHT = {
  text: "#57606a",
  page: "#ffffff",
  strong: "#1f2328",
  box: "#f6f8fa",
  line: "#d0d7de",
  arrow: "#8b949e",
  accent: "#2f6fde",
  soft: "#dbe7fd",
};
const DARK = {
  text: "#9198a1",
  page: "#0d1117",
  strong: "#f0f6fc",
  box: "#161b22",
  line: "#30363d",
  arrow: "#6e7681",
  accent: "#6ea8ff",
  soft: "#1b2f52",
};

const rules = (c) => `
  .diagram text { fill: ${c.text} } .diagram .page { fill: ${c.page} } .diagram .title, .diagram .strong { fill: ${c.strong} }
  .diagram .box { fill: ${c.box}; stroke: ${c.line} } .diagram .big { fill: ${c.soft}; stroke: ${c.accent} }
  .diagram .arrow { stroke: ${c.arrow}; fill: none } .diagram .head { fill: ${c.arrow} }
  .diagram .skipped { fill: ${c.box}; stroke: ${c.line} } .diagram .whole { fill: ${c.accent} } .diagram .edge { fill: ${c.soft}; stroke: ${c.accent} }`;

export const STYLE = `
  .diagram { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif }
  .diagram .title { font-size: 19px; font-weight: 650 } .diagram .strong { font-weight: 600 }
  .diagram .mono { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .diagram .arrow { stroke-width: 1.5 }${rules(LIGHT)}
  @media (prefers-color-scheme: dark) {${rules(DARK).replaceAll("\n", "\n  ")}
  }
`;

export const rect = (x, y, width, height, name, corner = 6) =>
  `<rect class="${name}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${corner}"/>`;

/** Down from a point to another, beginning and ending upright. */
export function arrow([x1, y1], [x2, y2]) {
  const bend = Math.max(16, 0.5 * (y2 - y1));
  const path =
    x1 === x2 ? `M${x1} ${y1}V${y2 - 6}` : `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - 6 - bend} ${x2} ${y2 - 6}`;
  return `<path class="arrow" d="${path}"/><path class="head" d="M${x2 - 4} ${y2 - 7}h8l-4 7z"/>`;
}
