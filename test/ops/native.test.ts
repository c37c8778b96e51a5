// The native executor against torch and against the reference executor; where there is no addon, the suite's name says why.

import { describe, it } from "vitest";
import { nativeExecutor, nativeProblem } from "../../src/executors/native.js";
import { conform } from "./conformance.js";

const native = nativeExecutor();
if (native) conform("the native executor", native);
else describe("conformance of the native executor", () => it(`not run: ${nativeProblem()}`, () => {}));
