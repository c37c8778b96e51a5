import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src/", import.meta.url));

export default defineConfig({
  // Examples import Heed by name, as users do; under test the names are those of the sources.
  resolve: {
    alias: [
      { find: /^heed$/, replacement: `${src}index.ts` },
      { find: /^heed\/(\w+)$/, replacement: `${src}$1/index.ts` },
    ],
  },
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000, pool: "forks", maxWorkers: 2 },
});
