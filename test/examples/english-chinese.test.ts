// The pairs that examples translate: what is held out is not in what they learn from.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (name: string) =>
  readFileSync(new URL(`../../data/${name}.tsv`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t"));
const words = (english: string) => english.toLowerCase().match(/[a-z0-9]+/g) ?? [];
const signs = (chinese: string) => chinese.replace(/[^\p{L}\p{N}]/gu, "");

describe("the English-Chinese pairs", () => {
  const [pairs, heldOut] = [read("english-chinese"), read("english-chinese-held-out")];

  it("are one English and one Chinese text a line, short and trimmed", () => {
    expect([pairs.length, heldOut.length]).toEqual([8675, 500]);
    const odd = [...pairs, ...heldOut].filter(
      ([english, chinese, ...more]) =>
        more.length > 0 ||
        english.trim() !== english ||
        chinese.trim() !== chinese ||
        !/^[\x20-\x7e]+$/.test(english) ||
        !/\p{Script=Han}/u.test(chinese) ||
        words(english).length > 16 ||
        [...chinese].length > 32,
    );
    expect(odd).toEqual([]);
  });

  it("hold out no sentence and no translation that is learnt from, and no character that is not", () => {
    const sentences = new Set(pairs.map(([english]) => words(english).join(" ")));
    const translations = new Set(pairs.map(([, chinese]) => signs(chinese)));
    const characters = new Set(pairs.flatMap(([, chinese]) => [...chinese]));
    expect(sentences.size).toBe(pairs.length);
    expect(heldOut.filter(([english]) => sentences.has(words(english).join(" ")))).toEqual([]);
    expect(heldOut.filter(([, chinese]) => translations.has(signs(chinese)))).toEqual([]);
    expect(heldOut.filter(([, chinese]) => [...chinese].some((character) => !characters.has(character)))).toEqual([]);
  });

  it("hold out no sentence that has three quarters of its words in common with one to learn from", () => {
    const sets = pairs.map(([english]) => new Set(words(english)));
    const near = heldOut.filter(([english]) => {
      const own = new Set(words(english));
      return sets.some((set) => {
        if (set.size < 0.75 * own.size || own.size < 0.75 * set.size) return false;
        const shared = [...own].filter((word) => set.has(word)).length;
        return shared / (own.size + set.size - shared) >= 0.75;
      });
    });
    expect(near).toEqual([]);
  });
});
