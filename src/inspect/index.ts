// heed/inspect: looking into models.

export type { Theme } from "./colour.js";
export { type HeatMapSvgOptions, heatMapSvg } from "./heatmap.js";
export { type HeatMapTextOptions, heatMapText } from "./heatmap-text.js";
export type { HeatMapOptions, Pattern } from "./pattern.js";
export { Summary, type SummaryInputs, type SummaryOptions, type SummaryRow, summary } from "./summary.js";
