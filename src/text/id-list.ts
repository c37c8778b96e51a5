// A growing list of token ids: a text of megabytes makes millions of them.

export class IdList {
  private ids = new Int32Array(1024);
  private length = 0;

  push(id: number): void {
    if (this.length === this.ids.length) this.reserve(1);
    this.ids[this.length++] = id;
  }

  append(ids: ArrayLike<number>): void {
    if (this.length + ids.length > this.ids.length) this.reserve(ids.length);
    this.ids.set(ids, this.length);
    this.length += ids.length;
  }

  /** The ids so far, in an array of just their length. */
  toArray(): Int32Array {
    return this.ids.slice(0, this.length);
  }

  private reserve(more: number): void {
    const larger = new Int32Array(Math.max(2 * this.ids.length, this.length + more));
    larger.set(this.ids.subarray(0, this.length));
    this.ids = larger;
  }
}
