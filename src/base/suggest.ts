// The name that somebody probably meant: by letters mistyped, by its beginning, or by its initials.

/** The nearest of the names to a word, or undefined where none is near: typos, prefixes, initials (lr: learning-rate). */
export function suggest(word: string, names: readonly string[]): string | undefined {
  const plain = bare(word);
  if (plain === "") return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const cost = distance(plain, bare(name));
    if (cost < least) [best, least] = [name, cost];
  }
  if (least <= Math.max(1, Math.floor(plain.length / 3))) return best;
  const initials = names.find((name) => plain.length > 1 && bare(name).replace(/(\w)\w*-?/g, "$1") === plain);
  return (
    initials ??
    names.find(
      (name) =>
        plain.length > 1 &&
        bare(name)
          .split("-")
          .some((part) => part.startsWith(plain)),
    )
  );
}

const bare = (name: string) =>
  name
    .replace(/^-+/, "")
    .replaceAll("_", "-")
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .toLowerCase();

/** Letters to insert, drop, change or swap with their neighbour (Damerau 1964, "A technique for computer detection and correction of spelling errors"). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : change;
      row.push(Math.min(change, swap, rows[i - 1]![j]! + 1, row[j - 1]! + 1));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
