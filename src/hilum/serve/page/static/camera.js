// @ts-check
/** Where a reader looks: zoom and place, and how two films are kept together. */

/**
 * @typedef {import("./sample.js").Camera} Camera
 * @typedef {{ width: number, height: number }} Size
 * @typedef {{ x: number, y: number }} Point
 */

const SMALLEST = 0.1;
const LARGEST = 16;

/**
 * @param {Size} film
 * @param {Size} screen
 * @returns {number} Screen pixels a film pixel at which all of the film is seen.
 */
export function fitScale(film, screen) {
  return Math.min(screen.width / film.width, screen.height / film.height);
}

/**
 * @param {Size} film
 * @param {Size} screen
 * @returns {Camera}
 */
export function fitted(film, screen) {
  return { scale: fitScale(film, screen), x: film.width / 2, y: film.height / 2 };
}

/**
 * @param {Camera} camera
 * @param {Size} screen
 * @param {Point} point On the screen.
 * @returns {Point} On the film.
 */
export function toFilm(camera, screen, point) {
  return {
    x: camera.x + (point.x - screen.width / 2) / camera.scale,
    y: camera.y + (point.y - screen.height / 2) / camera.scale,
  };
}

/**
 * @param {Camera} camera
 * @param {Size} screen
 * @param {Point} point On the film.
 * @returns {Point} On the screen.
 */
export function toScreen(camera, screen, point) {
  return {
    x: (point.x - camera.x) * camera.scale + screen.width / 2,
    y: (point.y - camera.y) * camera.scale + screen.height / 2,
  };
}

/**
 * Zoom so that the film stays where it is under a point of the screen.
 * @param {Camera} camera
 * @param {Size} film
 * @param {Size} screen
 * @param {number} factor
 * @param {Point} [point] On the screen; its middle if it is not given.
 * @returns {Camera}
 */
export function zoomed(camera, film, screen, factor, point) {
  const fit = fitScale(film, screen);
  const scale = Math.min(Math.max(camera.scale * factor, fit * SMALLEST), Math.max(fit, 1) * LARGEST);
  const held = point ?? { x: screen.width / 2, y: screen.height / 2 };
  const still = toFilm(camera, screen, held);
  return kept({ scale, x: still.x - (held.x - screen.width / 2) / scale, y: still.y - (held.y - screen.height / 2) / scale }, film);
}

/**
 * @param {Camera} camera
 * @param {Size} film
 * @param {number} right How far the film is moved, in screen pixels.
 * @param {number} down
 * @returns {Camera}
 */
export function moved(camera, film, right, down) {
  return kept({ scale: camera.scale, x: camera.x - right / camera.scale, y: camera.y - down / camera.scale }, film);
}

/**
 * @param {Camera} camera
 * @param {Size} film
 * @returns {Camera} With some of the film in the middle of the screen.
 */
function kept(camera, film) {
  return { scale: camera.scale, x: Math.min(Math.max(camera.x, 0), film.width), y: Math.min(Math.max(camera.y, 0), film.height) };
}

/**
 * Return how another film is looked at like this one: as much larger than fitted, at the same share.
 * @param {Camera} camera
 * @param {Size} film
 * @param {Size} screen
 * @param {Size} otherFilm
 * @param {Size} otherScreen
 * @returns {Camera}
 */
export function linked(camera, film, screen, otherFilm, otherScreen) {
  return {
    scale: (camera.scale / fitScale(film, screen)) * fitScale(otherFilm, otherScreen),
    x: (camera.x / film.width) * otherFilm.width,
    y: (camera.y / film.height) * otherFilm.height,
  };
}
