// The reference executor against torch.

import { ReferenceExecutor } from "../../src/executors/reference.js";
import { conform } from "./conformance.js";

conform("the reference executor", new ReferenceExecutor());
