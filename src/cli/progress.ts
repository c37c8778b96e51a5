// How far a long job is: one line rewritten in a terminal, now and then a plain line anywhere else, nothing with --quiet.
// It draws and formats; what there is to tell, and when the job ends, the caller knows.

/** What is known at a step; what is left out is not shown. */
export interface ProgressFields {
  readonly loss?: number;
  readonly validationLoss?: number;
  readonly tokensPerSecond?: number;
  /** Estimated from the time so far when left out. */
  readonly secondsLeft?: number;
}

/** What is written to: process.stdout, or anything alike. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  readonly total: number;
  /** The step it begins at: a resumed run's time left is reckoned from there. */
  readonly start?: number;
  readonly stream?: ProgressStream;
  readonly quiet?: boolean;
  /** Milliseconds, ever growing. */
  readonly now?: () => number;
}

const REDRAW = 80; // ms between two drawings in a terminal
const PLAIN = 10_000; // ms between two plain lines, and a tenth of the way at least
const BAR = 24;

export class Progress {
  private readonly stream: ProgressStream;
  private readonly terminal: boolean;
  private readonly now: () => number;
  private readonly began: number;
  private drawn = Number.NEGATIVE_INFINITY;
  private drawnStep: number;
  private shown = false;
  private step: number;
  private fields: ProgressFields = {};
  /** When the first step was done. It compiles, and tells nothing of the others. */
  private first: number | undefined;

  constructor(private readonly options: ProgressOptions) {
    this.stream = options.stream ?? process.stdout;
    this.terminal = this.stream.isTTY === true;
    this.now = options.now ?? (() => performance.now());
    this.began = this.now();
    this.step = this.drawnStep = options.start ?? 0;
  }

  /** The job has come to this step. Fields that are left out keep what they last held. Cheap enough for every step. */
  update(step: number, fields: ProgressFields = {}): void {
    this.step = step;
    if (step - (this.options.start ?? 0) === 1) this.first ??= this.now();
    this.fields = { ...this.fields, secondsLeft: undefined, ...fields };
    if (this.options.quiet) return;
    const since = this.now() - this.drawn;
    const soon = this.terminal ? since < REDRAW : since < PLAIN || step - this.drawnStep < this.options.total / 10;
    if (soon && this.drawn > Number.NEGATIVE_INFINITY && step < this.options.total) return;
    this.draw();
  }

  /** Writes a line above the bar; with --quiet, nothing. */
  line(text: string): void {
    if (this.options.quiet) return;
    this.clear();
    this.stream.write(`${text}\n`);
    if (this.terminal && this.drawn > Number.NEGATIVE_INFINITY) this.draw();
  }

  /** Draws the last state, where it is not drawn yet, and leaves the line. */
  stop(): void {
    if (this.options.quiet) return;
    if (this.drawn > Number.NEGATIVE_INFINITY && (this.terminal || this.drawnStep !== this.step)) this.draw();
    if (this.shown) this.stream.write("\n");
    this.shown = false;
  }

  private draw(): void {
    this.drawn = this.now();
    this.drawnStep = this.step;
    const { total } = this.options;
    const left = this.step >= total ? 0 : this.fields.secondsLeft;
    const seconds = (this.drawn - this.began) / 1000;
    const secondsLeft = left ?? this.estimate();
    const state = { step: this.step, total, ...this.fields, secondsLeft, secondsSpent: seconds };
    if (!this.terminal) {
      this.stream.write(`${progressLine(state)}\n`);
      return;
    }
    // \x1b[K clears what a longer line left behind; one column stays free, or some terminals would wrap.
    this.stream.write(`\r${progressLine(state, (this.stream.columns ?? 80) - 1)}\x1b[K`);
    this.shown = true;
  }

  /** Seconds that the steps to come will take at the pace so far. */
  private estimate(): number | undefined {
    const { total, start = 0 } = this.options;
    const [from, since] = this.first === undefined ? [start, this.began] : [start + 1, this.first];
    const steps = this.step - from;
    return steps > 0 ? ((this.drawn - since) / 1000 / steps) * (total - this.step) : undefined;
  }

  private clear(): void {
    if (this.shown) this.stream.write("\r\x1b[K");
    this.shown = false;
  }
}

interface State extends ProgressFields {
  readonly step: number;
  readonly total: number;
  readonly secondsSpent?: number;
}

/**
 * The state in one line. With a width: a bar, and fields of constant length so that nothing jumps; where there is no room
 * the bar shrinks and goes first, then the fields from the last but one. Without: the fields alone.
 */
export function progressLine(state: State, width?: number): string {
  const { step, total, loss, validationLoss, tokensPerSecond, secondsLeft, secondsSpent } = state;
  const ended = step >= total && secondsSpent !== undefined;
  const time = ended
    ? `${duration(secondsSpent)} in all`
    : secondsLeft === undefined
      ? undefined
      : `${duration(secondsLeft)} left`;
  const fields = [
    `${String(step).padStart(String(total).length)}/${total}`,
    loss === undefined ? undefined : `loss ${lossText(loss).padStart(6)}`,
    time?.padStart(10),
    tokensPerSecond === undefined ? undefined : `${short(tokensPerSecond).padStart(5)} tok/s`,
    validationLoss === undefined ? undefined : `val ${lossText(validationLoss).padStart(6)}`,
  ];
  const order = [0, 1, 4, 3, 2]; // as they stand; the list above is as they matter
  const join = (count: number) =>
    order
      .filter((i) => i < count)
      .map((i) => fields[i])
      .filter((field) => field !== undefined)
      .join("  ");
  if (width === undefined) return join(fields.length);
  let count = fields.length;
  while (count > 1 && join(count).length > width) count--;
  const text = join(count);
  const room = Math.min(BAR, width - text.length - 1);
  if (room < 6) return text.slice(0, Math.max(0, width));
  return `${bar(step / total, room)} ${text}`;
}

/** Eighths of a block, so that the bar moves before a whole column is done. */
function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share || 0)) * width * 8);
  const rest = eighths % 8 ? "▏▎▍▌▋▊▉"[(eighths % 8) - 1]! : "";
  return ("█".repeat(eighths >> 3) + rest).padEnd(width, "░");
}

/** A loss in six letters up to 9999. */
const lossText = (loss: number) => {
  const size = Math.abs(loss);
  return size < 10 ? loss.toFixed(4) : size < 100 ? loss.toFixed(3) : loss.toPrecision(4);
};

/** A count in at most five letters: 950, 48.2k, 1.3M. */
export function short(count: number): string {
  for (const [unit, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (count >= unit * 0.9995)
      return `${count / unit < 99.95 ? (count / unit).toFixed(1) : Math.round(count / unit)}${letter}`;
  }
  return String(Math.round(count));
}

/** A time in a few letters: 0:07, 12:40, 3:05:00. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
