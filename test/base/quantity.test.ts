// Numbers of bytes and operations in programs and summaries: three digits where there is a unit to shorten by.

import { expect, it } from "vitest";
import { quantity } from "../../src/base/quantity.js";
import { explain, ones } from "../../src/index.js";

it("shortens to three digits, also where rounding makes one more of them", () => {
  const texts = [0, 12, 999, 999.4, 1000, 12_340, 99_940, 99_960, 123_400, 999_499, 999_500, 2.5e12].map((n) =>
    quantity(n, "B"),
  );
  expect(texts).toEqual([
    ...["0 B", "12 B", "999 B", "999 B", "1.0 kB", "12.3 kB", "99.9 kB", "100 kB", "123 kB", "999 kB", "1.0 MB"],
    "2.5 TB",
  ]);
});

it("is what explain prints", () => {
  expect(explain(ones(12_495).evaluate().exp())).toContain(" 100 kB "); // 99,960 bytes
});
