// @ts-check
/** What the parts of a film's page share: the two views, and what they show now. */
import { linked } from "./camera.js";
import { find, say } from "./dom.js";
import { View } from "./view.js";

/** @typedef {import("./answer.js").Answer} Answer */

const room = find("#film", HTMLElement);
const json = (/** @type {string | undefined} */ text) => JSON.parse(text ?? "{}");

/** What the server told the page. */
export const about = {
  film: room.dataset.film ?? "",
  label: room.dataset.label ?? "",
  bundle: room.dataset.bundle ?? "",
  blinded: room.dataset.blinded === "yes",
  /** @type {Record<string, number>} */ prevalence: json(room.dataset.prevalence),
};

export const views = { film: new View(find("#view-film", HTMLElement)), beside: new View(find("#view-beside", HTMLElement)) };
export const mapLabel = find("#map-label", HTMLSelectElement);
export const besideChoice = find("#beside", HTMLSelectElement);
mapLabel.value = about.label;

export const state = {
  /** @type {import("./facts.js").Told | null} */ told: null,
  /** @type {Answer | null} */ whole: null,
  /** @type {Answer | null} */ struck: null,
  /** @type {import("./facts.js").Told | null} */ prior: null,
  /** @type {import("./hand.js").Tool} */ tool: "window",
  active: views.film,
  linked: true,
  map: true,
};

/** Have the other film look where this one looks. @param {View} view */
export function follow(view) {
  const other = view === views.film ? views.beside : views.film;
  if (!state.linked || other.element.hidden || !view.film || !other.film) return;
  other.look(linked(view.camera, view.film, view.screen, other.film, other.screen), { fit: view.untouched });
}

/** @param {View} view */
export function activate(view) {
  state.active = view;
  for (const each of [views.film, views.beside]) each.element.classList.toggle("active", each === view);
  tellInverted();
}

/** @param {string} words */
export function setStatus(words) {
  say(find("#status", HTMLElement), words);
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => say(find("#status", HTMLElement), ""), 8000);
}
let statusTimer = 0;

export function tellInverted() {
  find('[data-do="invert"]', HTMLElement).setAttribute("aria-pressed", String(state.active.inverted));
}
