// @ts-check
/** Evidence maps as colours: the same as in the pictures the server draws. */
import { HEAT_COLOURS } from "./heat-colours.js";

const FAINTEST = 0.18;
const STRONGEST = 0.65;
const EMPTY = 1e-6;

/**
 * @param {Record<string, number[][]>} maps Of all classes of an answer.
 * @param {string} label
 * @returns {boolean} Whether a map holds nothing; scaled rounding noise looks just like a finding.
 */
export function isEmpty(maps, label) {
  const peaks = Object.values(maps).map((map) => Math.max(...map.flat()));
  const cells = (maps[label] ?? []).flat();
  const sum = cells.reduce((total, cell) => total + cell, 0);
  if (!cells.length || !cells.every(Number.isFinite)) return true;
  return Math.max(...cells) <= EMPTY * Math.max(...peaks.filter(Number.isFinite), 0) || sum < EMPTY;
}

/**
 * @param {number} heat In [0, 1].
 * @returns {number} Opacity, 0 to 255.
 */
export function opacityOf(heat) {
  const share = Math.min(Math.max((heat - FAINTEST) / (1 - FAINTEST), 0), 1);
  return Math.round(255 * STRONGEST * share ** 0.75);
}

/**
 * @param {number[][]} map Rows of cells, at least 0.
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array} The map enlarged smoothly (bicubic), its greatest cell being 1.
 */
export function enlarged(map, width, height) {
  const peak = Math.max(...map.flat()) || 1;
  const across = weights(map[0].length, width);
  const down = weights(map.length, height);
  const wide = map.map((row) => across.map((each) => each.reduce((sum, [at, weight]) => sum + weight * (row[at] / peak), 0)));
  const out = new Float32Array(width * height);
  down.forEach((each, y) => {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const [at, weight] of each) sum += weight * wide[at][x];
      out[y * width + x] = Math.min(Math.max(sum, 0), 1);
    }
  });
  return out;
}

/**
 * @param {number} from
 * @param {number} to
 * @returns {[number, number][][]} For each place the cells it takes from, and how much of each.
 */
function weights(from, to) {
  return Array.from({ length: to }, (_, index) => {
    const place = ((index + 0.5) * from) / to - 0.5;
    /** @type {[number, number][]} */
    const found = [];
    for (let at = Math.floor(place) - 1; at <= Math.floor(place) + 2; at++) {
      if (at >= 0 && at < from) found.push([at, cubic(place - at)]);
    }
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([at, weight]) => [at, weight / sum]);
  });
}

/**
 * @param {number} distance
 * @returns {number} Of the cubic kernel with a = -0.5.
 */
function cubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/**
 * @param {number[][]} map
 * @param {number} width
 * @param {number} height
 * @returns {ImageData} Colours, with their opacity.
 */
export function heatPicture(map, width, height) {
  const picture = new ImageData(width, height);
  const heat = enlarged(map, width, height);
  for (let at = 0; at < heat.length; at++) {
    const [red, green, blue] = HEAT_COLOURS[Math.round(255 * heat[at])];
    picture.data.set([red, green, blue, opacityOf(heat[at])], 4 * at);
  }
  return picture;
}
