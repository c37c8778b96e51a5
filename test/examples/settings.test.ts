// What an example is told behind its name: read by the defaults' types, or the run ends with what there is.

import { afterEach, expect, test, vi } from "vitest";
import { settings } from "../../examples/lib/settings.js";

const argv = process.argv;
afterEach(() => {
  process.argv = argv;
  vi.restoreAllMocks();
});

const defaults = { steps: 258, dropout: 0.1, layer: -1, model: "", careless: false };
const told = (...words: string[]) => {
  process.argv = [argv[0], "example", ...words];
  return settings(defaults);
};

test("settings are what the example says, unless the words behind its name say otherwise", () => {
  expect(told()).toEqual(defaults);
  expect(told("--steps", "3", "--dropout", "0", "--layer=-2", "--model", "a b", "--careless")).toEqual({
    ...{ steps: 3, dropout: 0, layer: -2, model: "a b", careless: true },
  });
});

test.each([
  [
    "an unknown one",
    ["--stepps", "3"],
    /^Unknown option '--stepps'\. There are: --steps 258, --dropout 0\.1, .*--careless$/,
  ],
  ["a word alone", ["3"], /^Unexpected argument '3'/],
  ["no number", ["--steps", "abc"], /^--steps takes a whole number, not abc\. There are: /],
  ["a broken number of steps", ["--steps", "1.5"], /^--steps takes a whole number, not 1\.5/],
  ["nothing where a number stands", ["--dropout="], /^--dropout takes a number, not \. /],
])("%s ends the run, in one line", (_, words, line) => {
  const lines = vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(process, "exit").mockImplementation(() => {
    throw new Error("ended");
  });
  expect(() => told(...words)).toThrow("ended");
  expect(lines.mock.calls).toHaveLength(1);
  expect(lines.mock.calls[0][0]).toMatch(line);
});
