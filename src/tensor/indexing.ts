import { TensorShapes } from "./shapes.js";
export abstract class TensorIndexing<T> extends TensorShapes<T> {}
