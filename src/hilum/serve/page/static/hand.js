// @ts-check
/** Mouse, pen and fingers on a film. */
import { moved, zoomed } from "./camera.js";
import { draggedWindow } from "./window.js";

/**
 * @typedef {"window" | "pan" | "zoom" | "measure" | "strike"} Tool
 * @typedef {import("./view.js").View} View
 * @typedef {{ tool: () => Tool, looked: (view: View) => void, drawn: (view: View, kind: "measure" | "strike") => void, taken: (view: View) => void }} Hand
 *   What the page is told: `looked` after a movement, `drawn` after a rectangle or a distance,
 *   `taken` when somebody touches a film.
 */

/**
 * @param {View} view
 * @param {Hand} hand
 */
export function handle(view, hand) {
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();
  /** @type {Tool} */
  let tool = "window";

  view.stage.addEventListener("pointerdown", (event) => {
    if (!view.film) return;
    hand.taken(view);
    view.stage.setPointerCapture(event.pointerId);
    view.stage.focus({ preventScroll: true });
    fingers.set(event.pointerId, view.pointOf(event));
    if (fingers.size > 1) {
      view.drawing = null;
      return;
    }
    tool = event.button === 1 ? "pan" : event.button === 2 ? "zoom" : hand.tool();
    if (tool === "measure" || tool === "strike") {
      const start = view.filmPoint(view.pointOf(event));
      view.drawingKind = tool;
      view.drawing = [start, start];
    }
    event.preventDefault();
  });

  view.stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before || !view.film) return;
    const now = view.pointOf(event);
    if (fingers.size > 1) pinched(view, fingers, event.pointerId, now);
    else dragged(view, tool, before, now);
    fingers.set(event.pointerId, now);
    if (fingers.size > 1 || tool === "pan" || tool === "zoom") hand.looked(view);
  });

  const up = (/** @type {PointerEvent} */ event) => {
    if (!fingers.delete(event.pointerId) || !view.drawing || !view.drawingKind) return;
    if (event.type === "pointercancel") view.drawing = null;
    else hand.drawn(view, view.drawingKind);
    view.changed();
  };
  view.stage.addEventListener("pointerup", up);
  view.stage.addEventListener("pointercancel", up);
  view.stage.addEventListener("contextmenu", (event) => event.preventDefault());
  view.stage.addEventListener("auxclick", (event) => event.preventDefault());
  view.stage.addEventListener("dblclick", () => {
    view.fit();
    hand.looked(view);
  });
  view.stage.addEventListener("wheel", (event) => {
    if (!view.film) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const factor = Math.exp((-event.deltaY * lines) / 500);
    view.look(zoomed(view.camera, view.film, view.screen, factor, view.pointOf(event)));
    hand.looked(view);
  }, { passive: false });
}

/**
 * @param {View} view
 * @param {Tool} tool
 * @param {{ x: number, y: number }} before
 * @param {{ x: number, y: number }} now
 */
function dragged(view, tool, before, now) {
  const film = view.film;
  if (!film) return;
  const right = now.x - before.x;
  const down = now.y - before.y;
  if (tool === "window") view.setWindow(draggedWindow(view.window, right / view.ratio, down / view.ratio, film.white));
  else if (tool === "pan") view.look(moved(view.camera, film, right, down));
  else if (tool === "zoom") view.look(zoomed(view.camera, film, view.screen, Math.exp(-down / 200)));
  else if (view.drawing) {
    view.drawing = [view.drawing[0], view.filmPoint(now)];
    view.changed();
  }
}

/**
 * @param {View} view
 * @param {Map<number, { x: number, y: number }>} fingers Where they were.
 * @param {number} id The finger that moved.
 * @param {{ x: number, y: number }} now Where it is.
 */
function pinched(view, fingers, id, now) {
  const film = view.film;
  const before = fingers.get(id);
  const other = [...fingers].find(([key]) => key !== id)?.[1];
  if (!film || !before || !other) return;
  const wide = Math.hypot(before.x - other.x, before.y - other.y);
  const factor = wide > 4 ? Math.hypot(now.x - other.x, now.y - other.y) / wide : 1;
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  const slid = moved(view.camera, film, (now.x - before.x) / 2, (now.y - before.y) / 2);
  view.look(zoomed(slid, film, view.screen, factor, middle));
}
