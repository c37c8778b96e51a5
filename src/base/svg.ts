// The pieces that pictures are made of: SVG elements as strings, without script, font or picture from elsewhere.

/** Words as XML takes them: neither its own signs, nor control characters, nor half a surrogate pair. */
export function xml(words: string): string {
  const safe = words.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, " ");
  return safe.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A coordinate, to a tenth of a pixel. */
export const round = (x: number) => Math.round(x * 10) / 10 + 0;

export interface TextStyle {
  readonly name?: string;
  readonly anchor?: "start" | "middle" | "end";
  /** Degrees, around its own place. */
  readonly turn?: number;
  readonly size?: number;
}

export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { name, anchor = "start", turn = 0, size } = style;
  const at = turn
    ? `transform="translate(${round(x)} ${round(y)}) rotate(${turn})"`
    : `x="${round(x)}" y="${round(y)}"`;
  const attributes = [
    at,
    name ? `class="${name}"` : "",
    anchor === "start" ? "" : `text-anchor="${anchor}"`,
    size ? `font-size="${round(size)}"` : "",
  ];
  return `<text ${attributes.filter(Boolean).join(" ")}>${xml(words)}</text>`;
}

export interface PageStyle {
  /** The class that all rules of the style begin with: within an HTML page they concern this picture alone. */
  readonly name: string;
  /** What is read to those who do not see it. */
  readonly spoken: string;
  readonly style: string;
}

/** A whole picture on a page of its own, light or dark as its reader's. */
export function page(
  width: number,
  height: number,
  { name, spoken, style }: PageStyle,
  parts: readonly string[],
): string {
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="${name}" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-label="${xml(spoken)}">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${w}" height="${h}" rx="8"/>`,
    ...parts.filter(Boolean),
    "</svg>\n",
  ].join("\n");
}
