// Hugging Face's patterns are written for Oniguruma; this translates the ones that tokenizers use into JavaScript's.
// What differs: white space (Oniguruma's \s has U+0085 and lacks U+FEFF), `.` (stops at "\n" only), inline (?i:...),
// possessive quantifiers, names of properties. What has no translation here is refused by name, never guessed.

import { unsupported } from "./check.js";

/** GPT-2's split into words, numbers, runs of other signs and white space, each with the space before it. */
export const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The JavaScript expression, with flags "gu", of an Oniguruma pattern.
 * @throws HeedError for constructs that differ in JavaScript and are not translated
 */
export function translatePattern(source: string): RegExp {
  const translated = new Translation(source).all();
  try {
    return new RegExp(translated, "gu");
  } catch (error) {
    unsupported(`the pattern ${quote(source)}, ${(error as Error).message}`);
  }
}

/** Characters that fold together under (?i:...) although they differ by more than ASCII case. */
const folded: Readonly<Record<string, string>> = { s: "\u017F", k: "\u212A" };

function bothCases(letter: string): string {
  const lower = letter.toLowerCase();
  if (!/^[a-z]$/.test(lower)) return letter;
  return lower + lower.toUpperCase() + (folded[lower] ?? "");
}

class Translation {
  private at = 0;
  private possessives = 0;

  constructor(private readonly source: string) {
    if (source.length > 10_000) unsupported(`a pattern of ${source.length} characters`);
  }

  all(): string {
    const out = this.alternatives(false, 0);
    if (this.at < this.source.length) this.refuse('")" without "("');
    return out;
  }

  private refuse(what: string): never {
    unsupported(`${what} in the pattern ${quote(this.source)}`);
  }

  /** `a|b|c` up to the closing parenthesis or the end. */
  private alternatives(anyCase: boolean, depth: number): string {
    if (depth > 50) this.refuse("groups nested more than 50 deep");
    let out = "";
    while (this.at < this.source.length && this.source[this.at] !== ")") {
      if (this.source[this.at] === "|") {
        out += "|";
        this.at++;
      } else out += this.quantified(this.atom(anyCase, depth));
    }
    return out;
  }

  /** An atom with the quantifier that follows it; a possessive one becomes a look-ahead that does not give back. */
  private quantified(atom: string): string {
    const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(this.source.slice(this.at, this.at + 24))?.[0];
    if (quantifier === undefined) {
      if (/^\{,\d/.test(this.source.slice(this.at, this.at + 3))) this.refuse('"{,n}"');
      return atom;
    }
    this.at += quantifier.length;
    const mode = this.source[this.at];
    if (mode === "?" && !quantifier.startsWith("{")) {
      this.at++;
      return `${atom}${quantifier}?`;
    }
    if (mode === "+" && !quantifier.startsWith("{")) {
      this.at++;
      const name = `p${this.possessives++}`;
      return `(?=(?<${name}>${atom}${quantifier}))\\k<${name}>`;
    }
    if (mode !== undefined && "*+?{".includes(mode)) this.refuse(`a quantifier after ${JSON.stringify(quantifier)}`);
    return atom + quantifier;
  }

  private atom(anyCase: boolean, depth: number): string {
    const character = this.source[this.at]!;
    if (character === "(") return this.group(anyCase, depth);
    if (character === "[") return this.class(anyCase);
    if (character === "\\") return this.escape(false);
    if (character === ".") {
      this.at++;
      return "[^\\n]";
    }
    if ("^$*+?".includes(character)) this.refuse(JSON.stringify(character));
    const literal = this.literal();
    const cases = anyCase ? bothCases(literal) : literal;
    return cases === literal ? escapeLiteral(literal) : `[${cases}]`;
  }

  private literal(): string {
    const literal = String.fromCodePoint(this.source.codePointAt(this.at)!);
    this.at += literal.length;
    return literal;
  }

  private group(anyCase: boolean, depth: number): string {
    const opening = /^\((?:\?(?:i:|:|=|!|<=|<!)|(?!\?))/.exec(this.source.slice(this.at, this.at + 5))?.[0];
    if (opening === undefined) this.refuse(`the group ${JSON.stringify(this.source.slice(this.at, this.at + 5))}`);
    this.at += opening.length;
    const inside = this.alternatives(anyCase || opening === "(?i:", depth + 1);
    if (this.source[this.at] !== ")") this.refuse('"(" without ")"');
    this.at++;
    // A plain group would be numbered; nothing here refers to numbers.
    return `${opening === "(" || opening === "(?i:" ? "(?:" : opening}${inside})`;
  }

  private class(anyCase: boolean): string {
    let out = "[";
    this.at++;
    if (this.source[this.at] === "^") {
      out += "^";
      this.at++;
    }
    for (let first = true; ; first = false) {
      const character = this.source[this.at];
      if (character === undefined) this.refuse('"[" without "]"');
      if (character === "]" && !first) break;
      if (character === "[" || character === "]") this.refuse("a class inside a class");
      if (this.source.startsWith("&&", this.at)) this.refuse('"&&" in a class');
      if (character === "\\") out += this.escape(true);
      else if (character === "-") {
        out += this.at + 1 < this.source.length && this.source[this.at + 1] !== "]" && !first ? "-" : "\\-";
        this.at++;
      } else {
        const literal = this.literal();
        const inRange = this.source[this.at] === "-" || this.source[this.at - literal.length - 1] === "-";
        if (anyCase && inRange && bothCases(literal) !== literal) this.refuse("a range of letters in (?i:...)");
        out += anyCase ? bothCases(literal) : escapeLiteral(literal);
      }
    }
    this.at++;
    return `${out}]`;
  }

  private escape(inClass: boolean): string {
    const rest = this.source.slice(this.at, this.at + 48);
    const property = /^\\([pP])\{(\^?)([A-Za-z_]+)\}/.exec(rest);
    if (property !== null) {
      this.at += property[0].length;
      return `\\${(property[1] === "P") !== (property[2] === "^") ? "P" : "p"}{${this.property(property[3]!)}}`;
    }
    const hex = /^\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\})/.exec(rest);
    if (hex !== null) {
      this.at += hex[0].length;
      return `\\u{${hex[1] ?? hex[2] ?? hex[3]}}`;
    }
    const letter = rest[1];
    if (letter === undefined) this.refuse('"\\" at the end');
    if (/[\p{Surrogate}\p{L}\p{N}]/u.test(letter) && !"rntfsSdD".includes(letter)) this.refuse(`"\\${letter}"`);
    this.at += 2;
    if (letter === "s") return "\\p{White_Space}";
    if (letter === "S") return "\\P{White_Space}";
    if (letter === "d") return "\\p{Nd}";
    if (letter === "D") return "\\P{Nd}";
    if ("rntf".includes(letter)) return `\\${letter}`;
    return inClass && letter === "-" ? "\\-" : escapeLiteral(letter);
  }

  /** A general category as it is, the name of a script as `Script=Name`. */
  private property(name: string): string {
    for (const candidate of [name, `Script=${name[0]!.toUpperCase()}${name.slice(1).toLowerCase()}`]) {
      try {
        new RegExp(`\\p{${candidate}}`, "u");
        return candidate;
      } catch {
        // Not a name that JavaScript knows; the next candidate may be.
      }
    }
    this.refuse(`the property ${JSON.stringify(name)}`);
  }
}

/** The characters that u-mode wants escaped, in or out of a class. */
function escapeLiteral(literal: string): string {
  return /^[\^$\\.*+?()[\]{}|/]$/.test(literal) ? `\\${literal}` : literal;
}

function quote(source: string): string {
  return JSON.stringify(source.length > 80 ? `${source.slice(0, 80)}...` : source);
}
