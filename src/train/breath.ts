// A long computation in JavaScript lets others in now and then: Ctrl-C, timers, a page that wants to draw.

const EVERY = 20; // ms

export class Breath {
  private last = performance.now();

  /** Lets waiting events through, where the last time was a while ago. */
  async take(): Promise<void> {
    if (performance.now() - this.last < EVERY) return;
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === "function") setImmediate(resolve);
      else setTimeout(resolve);
    });
    this.last = performance.now();
  }
}
