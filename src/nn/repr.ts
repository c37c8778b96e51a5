// How modules print: PyTorch's nested text, equal neighbours in a list folded into one line.

import { Fields } from "./naming.js";

/** `Name(extra)` for a module without parts; else the parts one to a line, indented, under their names. */
export function describeModule(module: Fields): string {
  const extra = module.extraRepr();
  const parts = partsOf(module);
  if (parts.length === 0) return `${module.typeName}(${extra})`;
  return nest(module.typeName, extra === "" ? parts : [extra, ...parts]);
}

function nest(name: string, lines: readonly string[]): string {
  return `${name}(\n${lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`).join("\n")}\n)`;
}

function partsOf(module: Fields): string[] {
  const names = module.stateNames();
  const parts: [name: string, text: string][] = [];
  for (const [field, value] of Object.entries(module)) {
    const name = names[field] ?? field;
    if (value instanceof Fields) parts.push([name, describeModule(value)]);
    else if (Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Fields)) {
      parts.push([name, nest("ModuleList", folded(value.map(describeModule)))]);
    }
  }
  return module.isList ? folded(parts.map(([, text]) => text)) : parts.map(([name, text]) => `(${name}): ${text}`);
}

function folded(texts: readonly string[]): string[] {
  const lines: string[] = [];
  for (let start = 0, end = 0; start < texts.length; start = end) {
    while (end < texts.length && texts[end] === texts[start]) end++;
    const many = end - start > 1;
    lines.push(many ? `(${start}-${end - 1}): ${end - start} x ${texts[start]}` : `(${start}): ${texts[start]}`);
  }
  return lines;
}
