// What pieces of text became, by their characters. It keeps nothing but them: a piece that was cut from a text is a window on all of the
// text to the JavaScript engine, and one such key would hold a whole document in memory.

const MOST = 1 << 16;
/** UTF-16 units; what is longer is hardly met again. */
const LONGEST = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A map from pieces to their ids that begins anew when it is full. */
export class PieceCache<V> {
  private readonly known = new Map<string, V>();

  get(piece: string): V | undefined {
    return this.known.get(piece);
  }

  /** @param piece well-formed text */
  set(piece: string, value: V): void {
    if (piece.length > LONGEST) return;
    if (this.known.size >= MOST) this.known.clear();
    this.known.set(decoder.decode(encoder.encode(piece)), value);
  }
}
