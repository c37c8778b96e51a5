// The slope of docs/map.md: imports fall downhill, only the tensor layer's meeting places know both compiler and executors, and no two
// files need each other.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** What each folder may import, besides itself. */
const BELOW: Record<string, readonly string[]> = {
  base: [],
  graph: ["base"],
  program: ["base"],
  compiler: ["base", "graph", "program"],
  executors: ["base", "program"],
  tensor: ["base", "graph", "program", "compiler", "executors"],
  nn: ["base", "tensor"],
  text: ["base"],
  models: ["base", "tensor", "nn", "text"],
  train: ["base", "tensor", "nn", "models", "text"],
  inspect: ["base", "tensor", "nn", "models", "text"],
};
/** Everything above; the index, which only names things, may import all that is public. */
const ANYTHING = new Set(["cli", ""]);
/** Where graph, compiler and executor meet. */
const MEETING_PLACES = new Set(["tensor/evaluate.ts", "tensor/compiled.ts", "tensor/explain.ts", "tensor/profile.ts"]);
/** Core runs in browsers: only these may import Node's modules. */
const NODE = [/^cli\//, /^executors\/native\.ts$/, /-(file|atomic|folder)\.ts$/];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : path.endsWith(".ts") ? [path] : [];
  });
}

const named = (path: string) => relative(source, path).split(sep).join("/");

/** import and export ... from, and import(); `import type` and imports of types alone are marked. */
function importsOf(path: string): Import[] {
  const text = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const found: Import[] = [];
  for (const match of text.matchAll(
    /^(?:import|export)\s+(type\s+)?([^"';]*?)from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  )) {
    const to = match[3] ?? match[4] ?? match[5];
    const names = /^\s*\{([^}]*)\}\s*$/.exec(match[2] ?? "")?.[1];
    const types =
      names
        ?.split(",")
        .filter((n) => n.trim() !== "")
        .every((n) => n.trim().startsWith("type ")) ?? false;
    const target = to.startsWith(".") ? named(normalize(join(dirname(path), to)).replace(/\.js$/, ".ts")) : to;
    found.push({ from: named(path), to: target, typeOnly: match[1] !== undefined || types });
  }
  return found;
}

const files = filesBelow(source);
const imports = files.flatMap(importsOf);
const inside = imports.filter((i) => i.to.endsWith(".ts"));
const folderOf = (file: string) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "");
const arrow = (i: Import) => `${i.from} -> ${i.to}`;

describe("imports", () => {
  it("are found at all, and lead to files that are there", () => {
    const known = new Set(files.map(named));
    expect(imports.length).toBeGreaterThan(files.length);
    expect(inside.filter((i) => !known.has(i.to)).map(arrow)).toEqual([]);
  });

  it("fall downhill, those of types too", () => {
    const uphill = inside.filter(({ from, to }) => {
      const [a, b] = [folderOf(from), folderOf(to)];
      return !ANYTHING.has(a) && a !== b && !BELOW[a]?.includes(b);
    });
    expect(uphill.map(arrow)).toEqual([]);
  });

  it("meet compiler and executors in few places", () => {
    const above = files.map(named).filter((f) => folderOf(f) === "tensor" && !MEETING_PLACES.has(f));
    const both = above.filter((f) => {
      const folders = new Set(inside.filter((i) => i.from === f && !i.typeOnly).map((i) => folderOf(i.to)));
      return folders.has("compiler") && folders.has("executors");
    });
    expect(both).toEqual([]);
  });

  it("of Node's modules stay out of what browsers run", () => {
    const core = imports.filter((i) => i.to.startsWith("node:") && !NODE.some((allowed) => allowed.test(i.from)));
    expect(core.map(arrow)).toEqual([]);
  });

  it("need no package at run time", () => {
    expect(imports.filter((i) => !i.typeOnly && !i.to.endsWith(".ts") && !i.to.startsWith("node:")).map(arrow)).toEqual(
      [],
    );
  });

  it("make no circle", () => {
    expect(circles(inside.filter((i) => !i.typeOnly))).toEqual([]);
  });
});

function circles(edges: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      found.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    state.set(file, "open");
    path.push(file);
    next.get(file)?.forEach(visit);
    path.pop();
    state.set(file, "done");
  };
  [...next.keys()].forEach(visit);
  return found;
}
