// Import this first. It lets a benchmark take the kernels out of a run: everything happens up to the call into the addon, and nothing in
// it, so that what a replay costs outside the kernels is measured by itself and not as a small difference of large numbers.

type Exports = { run: (...args: unknown[]) => number };

export const kernels = {
  /** False: calls into the addon return at once. */
  work: true,
  /** Whether the addon has been loaded through here. */
  within: false,
};

const load = process.dlopen;
process.dlopen = (...[module, ...rest]: Parameters<typeof load>) => {
  load.call(process, module, ...rest);
  const loaded = module as { exports: Exports };
  const { run } = loaded.exports;
  kernels.within = true;
  loaded.exports = { ...loaded.exports, run: (...args) => (kernels.work ? run(...args) : 0) };
};
