// @ts-check
/** What the tools of a film's page do. */
import { moved, zoomed } from "./camera.js";
import { besideChoice, follow, mapLabel, setStatus, state, tellInverted, views } from "./desk.js";
import { find, maybe } from "./dom.js";
import { regionOf } from "./region.js";
import { showMaps } from "./shown.js";
import { clampedWindow } from "./window.js";

/** @typedef {import("./view.js").View} View */

/** What is done with a region that was drawn; the page sets it. @type {{ add: (region: import("./region.js").Region) => void, undo: () => boolean }} */
export const regions = { add: () => {}, undo: () => false };

/** @param {import("./hand.js").Tool} tool */
export function choose(tool) {
  const film = state.active.film;
  if (tool === "strike" && !maybe('[data-tool="strike"]')) return;
  if (tool === "measure" && film && !film.spacing) {
    setStatus("The file does not say how far apart its pixels are, so no length can be given.");
    return;
  }
  state.tool = tool;
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.tool === tool));
  }
  for (const view of [views.film, views.beside]) {
    view.cross = null;
    view.drawing = null;
    view.changed();
  }
}

/**
 * @param {View} view
 * @param {"measure" | "strike"} kind
 */
export function drawn(view, kind) {
  const drawing = view.drawing;
  view.drawing = null;
  if (!drawing || !view.film) return;
  if (kind === "measure") {
    if (Math.hypot(drawing[1].x - drawing[0].x, drawing[1].y - drawing[0].y) * view.camera.scale > 4) view.distances.push(drawing);
    return;
  }
  const region = regionOf(drawing[0], drawing[1], view.film);
  if (region && isThisFilm(view)) regions.add(region);
}

/**
 * @param {View} view
 * @returns {boolean} Whether it shows the film of this page, not a prior.
 */
function isThisFilm(view) {
  return view === views.film || besideChoice.value === "struck";
}

/** @param {KeyboardEvent} event @returns {boolean} */
export function moveCross(event) {
  const view = state.active;
  const drawing = state.tool === "measure" || state.tool === "strike";
  if (!view.film || !drawing || !event.key.startsWith("Arrow")) return false;
  const far = (event.shiftKey ? 0.002 : 0.01) * Math.max(view.film.width, view.film.height);
  const at = view.cross ?? { x: view.film.width / 2, y: view.film.height / 2 };
  const right = event.key === "ArrowRight" ? far : event.key === "ArrowLeft" ? -far : 0;
  const down = event.key === "ArrowDown" ? far : event.key === "ArrowUp" ? -far : 0;
  view.cross = { x: Math.min(Math.max(at.x + right, 0), view.film.width), y: Math.min(Math.max(at.y + down, 0), view.film.height) };
  if (view.drawing) view.drawing = [view.drawing[0], view.cross];
  view.changed();
  return true;
}

/** @returns {boolean} */
export function place() {
  const view = state.active;
  if (!view.film || (state.tool !== "measure" && state.tool !== "strike")) return false;
  view.cross ??= { x: view.film.width / 2, y: view.film.height / 2 };
  if (view.drawing) drawn(view, state.tool);
  else {
    view.drawingKind = state.tool;
    view.drawing = [view.cross, view.cross];
  }
  view.changed();
  return true;
}

export function invert() {
  state.active.inverted = !state.active.inverted;
  state.active.changed({ table: true });
  tellInverted();
}

/** @param {number} factor */
export function zoom(factor) {
  const view = state.active;
  if (!view.film) return;
  view.look(zoomed(view.camera, view.film, view.screen, factor));
  follow(view);
}

export function actual() {
  const view = state.active;
  if (view.film) zoom(1 / view.camera.scale);
}

/** @param {KeyboardEvent} event */
export function move(event) {
  const view = state.active;
  if (!view.film) return;
  const far = 0.08 * Math.min(view.screen.width, view.screen.height);
  const right = event.key === "ArrowLeft" ? far : event.key === "ArrowRight" ? -far : 0;
  const down = event.key === "ArrowUp" ? far : event.key === "ArrowDown" ? -far : 0;
  view.look(moved(view.camera, view.film, right, down));
  follow(view);
}

/**
 * @param {number} center Share of the whole range by which it rises.
 * @param {number} width
 */
export function changeWindow(center, width) {
  const view = state.active;
  if (!view.film) return;
  const all = view.film.white + 1;
  view.setWindow(clampedWindow({ center: view.window.center + center * all, width: view.window.width + width * all }, view.film.white));
}

export function toggleMap() {
  state.map = !state.map;
  find('[data-do="map"]', HTMLElement).setAttribute("aria-pressed", String(state.map));
  showMaps();
}

export function nextMap() {
  mapLabel.selectedIndex = (mapLabel.selectedIndex + 1) % mapLabel.options.length;
  mapLabel.dispatchEvent(new Event("change"));
}

/** @param {number} by */
export function changeOpacity(by) {
  const slider = find("#opacity", HTMLInputElement);
  slider.value = String(slider.valueAsNumber + by);
  slider.dispatchEvent(new Event("input"));
}

export function toggleLink() {
  state.linked = !state.linked;
  find('[data-do="link"]', HTMLElement).setAttribute("aria-pressed", String(state.linked));
  if (state.linked) follow(state.active);
}

/** @returns {boolean} */
export function undo() {
  if (regions.undo()) return true;
  const had = state.active.distances.pop();
  state.active.changed();
  return had !== undefined;
}

export function fit() {
  state.active.fit();
  follow(state.active);
}

export function reset() {
  state.active.reset();
  tellInverted();
  follow(state.active);
}
