// @ts-check
/** Regions of a film as the server has them: (top, left, height, width), shares of its height and width. */

/**
 * @typedef {[number, number, number, number]} Region
 * @typedef {{ x: number, y: number }} Point
 * @typedef {{ width: number, height: number }} Size
 */

/** A region smaller than this share of a side is a slip of the hand. */
export const LEAST = 0.004;

/**
 * @param {Point} one A corner, in film pixels.
 * @param {Point} other The corner opposite.
 * @param {Size} film
 * @returns {Region | null} Cut to the film; null if nothing is left.
 */
export function regionOf(one, other, film) {
  const cut = (/** @type {number} */ value) => Math.min(Math.max(value, 0), 1);
  const left = cut(Math.min(one.x, other.x) / film.width);
  const top = cut(Math.min(one.y, other.y) / film.height);
  const width = cut(Math.max(one.x, other.x) / film.width) - left;
  const height = cut(Math.max(one.y, other.y) / film.height) - top;
  if (width < LEAST || height < LEAST) return null;
  return [rounded(top), rounded(left), rounded(height), rounded(width)];
}

/**
 * @param {Region} region
 * @param {Size} film
 * @returns {{ x: number, y: number, width: number, height: number }} In film pixels.
 */
export function boxOf(region, film) {
  const [top, left, height, width] = region;
  return { x: left * film.width, y: top * film.height, width: width * film.width, height: height * film.height };
}

/**
 * @param {Region} region
 * @returns {string}
 */
export function regionInWords(region) {
  const [top, left, height, width] = region.map((share) => (100 * share).toFixed(1));
  return `${width} x ${height} % of the film, ${left} % from its left, ${top} % from its top`;
}

/**
 * @param {number} share
 * @returns {number} To a ten-thousandth, but never beyond what it was.
 */
function rounded(share) {
  return Math.floor(share * 10000) / 10000;
}
