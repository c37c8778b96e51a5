// How much of an image a number deep in a convolutional network depends on (the receptive field).

import { Conv2d, MaxPool2d, type Module } from "heed/nn";

const rows = (size: number | readonly number[]) => (typeof size === "number" ? size : size[0]);

/** Pixels of a line that one number behind all these layers depends on: each window adds its reach, in steps of what it slides over. */
export function receptiveField(model: Module): number {
  const windows = model.namedModules().flatMap(([name, layer]) => {
    if (name.includes("downsample")) return []; // beside the main path, and narrower
    return layer instanceof Conv2d || layer instanceof MaxPool2d ? [[layer.kernelSize, layer.stride].map(rows)] : [];
  });
  const [field] = windows.reduce(([sum, jump], [size, stride]) => [sum + (size - 1) * jump, jump * stride], [1, 1]);
  return field;
}
