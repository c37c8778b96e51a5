// Decimal texts of numbers as Python writes them: JavaScript's toFixed and toExponential round a tie up and Python rounds it
// to the even digit, JavaScript drops the sign of -0, and Python's exponents have two digits or more.

/** Most digits after the point that ties are told apart for. */
export const MOST_DIGITS = 30;
const EXTRA = 40; // a double that is no tie differs from it within this many further digits
const TIE = "5".padEnd(EXTRA, "0");

/** Python's f"{x:.{digits}f}". */
export function fixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) return notFinite(x);
  const size = Math.abs(x);
  if (size >= 1e21) return sign(x) + BigInt(size).toString() + (digits > 0 ? "." + "0".repeat(digits) : "");
  return sign(x) + rounded(size.toFixed(digits), () => size.toFixed(digits + EXTRA));
}

/** Python's f"{x:.{digits}e}". */
export function scientific(x: number, digits: number): string {
  if (!Number.isFinite(x)) return notFinite(x);
  const size = Math.abs(x);
  const [mantissa, exponent] = size.toExponential(digits).split("e") as [string, string];
  const text = rounded(mantissa, () => size.toExponential(digits + EXTRA).split("e")[0]!);
  return `${sign(x)}${text}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** `text`, in which a tie went up, or the number below where that one ends in an even digit. */
function rounded(text: string, longer: () => string): string {
  if (isEven(text)) return text;
  const long = longer();
  if (!long.endsWith(TIE)) return text;
  const below = long.slice(0, -EXTRA);
  const whole = below.endsWith(".") ? below.slice(0, -1) : below;
  return isEven(whole) ? whole : text; // 9.5 went up to 1e+01, past an odd digit
}

function isEven(text: string): boolean {
  return Number(text.at(-1)) % 2 === 0;
}

function sign(x: number): string {
  return x < 0 || Object.is(x, -0) ? "-" : "";
}

function notFinite(x: number): string {
  return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}
