import { describe, expect, it } from "vitest";
import { duration, Progress, progressLine, short } from "../../src/cli/progress.js";

const CLEAR = "\u001b[K";
const state = { step: 500, total: 2000, loss: 1.5235, validationLoss: 1.6, tokensPerSecond: 48_230, secondsLeft: 83 };

/** A terminal, or a file when it has no columns, and a clock that is set by hand. */
function setUp(columns?: number, quiet = false) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const stream = { write: (text: string) => written.push(text), isTTY: columns !== undefined, columns };
  const progress = new Progress({ total: 100, stream, quiet, now: () => clock.ms });
  return { progress, clock, written, text: () => written.join("") };
}

describe("progress", () => {
  it("says where it is in one line that fits", () => {
    expect(progressLine(state, 100)).toBe(
      "██████░░░░░░░░░░░░░░░░░░  500/2000  loss 1.5235  val 1.6000  48.2k tok/s   1:23 left",
    );
    expect(progressLine(state)).toBe(" 500/2000  loss 1.5235  val 1.6000  48.2k tok/s   1:23 left");
    for (let width = 0; width < 120; width++) expect(progressLine(state, width).length).toBeLessThanOrEqual(width);
    expect(progressLine(state, 38)).toBe(" 500/2000  loss 1.5235   1:23 left");
    expect(progressLine(state, 12)).toBe(" 500/2000");
  });

  it("keeps its length while the numbers change, so that nothing jumps", () => {
    const later = {
      step: 1999,
      total: 2000,
      loss: 12.5,
      validationLoss: 0.31,
      tokensPerSecond: 950,
      secondsLeft: 3599,
    };
    expect(progressLine(later, 100).length).toBe(progressLine(state, 100).length);
  });

  it("rewrites one line in a terminal, not at every step, and leaves it when it stops", () => {
    const { progress, clock, written, text } = setUp(80);
    for (let step = 1; step <= 100; step++) {
      clock.ms += 10;
      progress.update(step, { loss: 2 });
    }
    progress.stop();
    expect(text().split("\n").length).toBe(2);
    expect(written.length).toBeGreaterThan(10);
    expect(written.length).toBeLessThan(20);
    expect(written.every((part) => part === "\n" || (part.startsWith("\r") && part.endsWith(CLEAR)))).toBe(true);
    expect(written.at(-2)).toContain("100/100  loss 2.0000  0:01 in all");
  });

  it("reckons the time left, from where a resumed run began", () => {
    const written: string[] = [];
    let ms = 0;
    const stream = { write: (text: string) => written.push(text), isTTY: true, columns: 80 };
    const progress = new Progress({ total: 100, start: 50, stream, now: () => ms });
    ms = 10_000;
    progress.update(60, { tokensPerSecond: 1000 });
    expect(written.at(-1)).toContain("0:40 left");
    ms = 20_000;
    progress.update(70);
    expect(written.at(-1)).toContain("1.0k tok/s");
    expect(written.at(-1)).toContain("0:30 left");
  });

  it("reckons it without the first step, which compiles", () => {
    const { progress, clock, written, text } = setUp();
    clock.ms = 30_000;
    progress.update(1, { loss: 2 });
    expect(text()).toBe("  1/100  loss 2.0000\n");
    clock.ms = 41_000;
    progress.update(12);
    expect(written.at(-1)).toBe(" 12/100  loss 2.0000   1:28 left\n");
  });

  it("lets a line through above the bar", () => {
    const { progress, written } = setUp(80);
    progress.update(1);
    progress.line("saved");
    expect(written.slice(1, 3)).toEqual([`\r${CLEAR}`, "saved\n"]);
    expect(written[3]).toMatch(/^\r.*1\/100/);
  });

  it("prints plain lines now and then where there is no terminal", () => {
    const { progress, clock, text } = setUp();
    for (let step = 1; step <= 100; step++) {
      clock.ms += 600;
      progress.update(step, { loss: 1 });
    }
    progress.stop();
    for (const sign of ["\r", CLEAR, "█"]) expect(text()).not.toContain(sign);
    const steps = text()
      .trimEnd()
      .split("\n")
      .map((line) => Number.parseInt(line, 10));
    expect(steps).toEqual([1, 18, 35, 52, 69, 86, 100]);
  });

  it("says nothing at all when quiet", () => {
    const { progress, text } = setUp(80, true);
    progress.update(1);
    progress.line("saved");
    progress.update(100);
    progress.stop();
    expect(text()).toBe("");
  });

  it.each<[number, string]>([
    [0, "0"],
    [999.4, "999"],
    [999.6, "1.0k"],
    [48_230, "48.2k"],
    [123_456, "123k"],
    [999_960, "1.0M"],
    [2.5e9, "2.5G"],
  ])("shortens %d to %s", (count, text) => expect(short(count)).toBe(text));

  it.each<[number, string]>([
    [0, "0:00"],
    [59.6, "1:00"],
    [754, "12:34"],
    [11_100, "3:05:00"],
    [Number.POSITIVE_INFINITY, "?"],
  ])("writes %d s as %s", (seconds, text) => expect(duration(seconds)).toBe(text));
});
