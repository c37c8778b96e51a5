// Waiting until this process has come to rest. Thread pools spin for a while after the last piece of work, Heed's for 50 µs and
// PyTorch's (OpenMP) for some milliseconds: whoever comes next would be measured with one core less. Each side therefore waits for
// itself, outside the timed part; the Python side does the same (peers/peer.py).

const LOOK_MS = 2;
const MOST_LOOKS = 60;

/** Returns when this process has used next to no processor time for two milliseconds, or after an eighth of a second. */
export async function settle(): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { user, system } = process.cpuUsage(before);
    if (user + system < LOOK_MS * 1000 * 0.25) return;
  }
}
