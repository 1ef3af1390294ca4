// @ts-check
/** The page of a film: its views, its tools, its answer, and what the reader says. */
import { Problem, askJson } from "./ask.js";
import { answerInWords, compared } from "./answer.js";
import { PreTest } from "./bayes.js";
import { linked, moved, zoomed } from "./camera.js";
import { el, find, maybe, say } from "./dom.js";
import { showFacts } from "./facts.js";
import { fetchFilm } from "./film.js";
import { handle } from "./hand.js";
import { heatPicture, isEmpty } from "./heat.js";
import { listen, showHelp } from "./keys.js";
import { endOfList, keptList, neighbour } from "./list.js";
import { prepareOpinions } from "./opinion.js";
import { regionOf } from "./region.js";
import { Strike } from "./strike.js";
import { View } from "./view.js";
import { dated } from "./words.js";
import { clampedWindow } from "./window.js";

const HEAT_SIDE = 384;

const room = find("#film", HTMLElement);
const id = room.dataset.film ?? "";
const classes = /** @type {string[]} */ (JSON.parse(room.dataset.classes ?? "[]"));
const views = { film: new View(find("#view-film", HTMLElement)), beside: new View(find("#view-beside", HTMLElement)) };
const mapLabel = find("#map-label", HTMLSelectElement);
const besideChoice = find("#beside", HTMLSelectElement);

/** @typedef {import("./answer.js").Answer} Answer */

const state = {
  /** @type {import("./facts.js").Told | null} */ told: null,
  /** @type {Answer | null} */ whole: null,
  /** @type {Answer | null} */ struck: null,
  /** @type {import("./facts.js").Told | null} */ prior: null,
  /** @type {import("./hand.js").Tool} */ tool: "window",
  active: views.film,
  linked: true,
  map: true,
};

mapLabel.value = room.dataset.label ?? classes[0];

// What is shown

/** Fetch what is known of the film, and show it. */
async function fetchTold() {
  const told = await askJson(`/api/v1/films/${id}`);
  const last = (/** @type {Answer[]} */ answers) => answers.at(-1) ?? null;
  state.told = told;
  state.whole = last(told.answers.filter((/** @type {Answer} */ each) => !each.struck.length));
  state.struck = last(told.answers.filter((/** @type {Answer} */ each) => each.struck.length));
  showFacts(told);
  showAnswer();
}

function showAnswer() {
  const box = find("#answer", HTMLElement);
  const failed = state.told?.jobs.find((job) => job.state === "failed");
  const bundle = room.dataset.bundle ?? "";
  if (state.whole) box.replaceChildren(...answerInWords(state.whole, bundle));
  else if (failed) box.replaceChildren(el("p", { class: "decision", text: "Could not be read" }), el("p", { class: "problem", text: failed.error ?? "No reason is known." }));
  else box.replaceChildren(el("p", { class: "dim", text: "Being read." }));
  const usable = Boolean(state.whole?.accepted && state.whole.probabilities);
  if (maybe("#bayes")) find("#bayes", HTMLElement).hidden = !usable || pretest.prevalence[pretest.label] === undefined;
  if (maybe("#strike")) find("#strike", HTMLElement).hidden = !state.whole;
  showStruck();
  showMaps();
  tellPrint();
}

function showStruck() {
  const option = find('#beside [value="struck"]', HTMLOptionElement);
  option.hidden = !state.struck;
  const box = maybe("#strike-result");
  if (!box) return;
  if (state.struck && state.whole) {
    const count = state.struck.struck.length;
    box.replaceChildren(
      el("h3", { class: "small", text: `Without ${count} region${count === 1 ? "" : "s"}` }),
      compared(state.whole, state.struck),
      el("p", { class: "small", text: "What was struck out is filled from its rim; nobody knows what lay behind it." }),
    );
  } else box.replaceChildren();
}

/** Lay the chosen map on both films. */
function showMaps() {
  setHeat(views.film, state.whole);
  const choice = besideChoice.value;
  if (choice === "struck") setHeat(views.beside, state.struck);
  else setHeat(views.beside, choice ? lastWhole(state.prior) : null);
  views.beside.struck = choice === "struck" ? state.struck?.struck ?? [] : [];
  for (const view of [views.film, views.beside]) view.changed();
}

/**
 * @param {import("./facts.js").Told | null} told
 * @returns {Answer | null}
 */
function lastWhole(told) {
  return told?.answers.filter((each) => !each.struck.length).at(-1) ?? null;
}

/**
 * @param {View} view
 * @param {Answer | null} answer
 */
function setHeat(view, answer) {
  view.heat = null;
  view.heatShown = state.map;
  const map = answer?.maps?.[mapLabel.value];
  if (!answer?.maps || !map || !answer.region || isEmpty(answer.maps, mapLabel.value)) return;
  const share = map[0].length / map.length;
  const width = share >= 1 ? HEAT_SIDE : Math.max(1, Math.round(HEAT_SIDE * share));
  const height = share >= 1 ? Math.max(1, Math.round(HEAT_SIDE / share)) : HEAT_SIDE;
  const picture = document.createElement("canvas");
  Object.assign(picture, { width, height });
  picture.getContext("2d")?.putImageData(heatPicture(map, width, height), 0, 0);
  view.heat = { picture, region: answer.region };
}

/**
 * @param {View} view
 * @param {Answer | null} answer
 * @param {import("./facts.js").Told | null} told
 */
function tellCorners(view, answer, told) {
  const corner = (/** @type {string} */ name) => find(`.${name}`, HTMLElement, view.element);
  const film = view.film;
  say(corner("tl"), [dated(told?.study_date ?? null), told?.view ?? "", view === views.beside ? (besideChoice.value === "struck" ? "read without struck regions" : "prior") : ""].filter(Boolean).join("\n"));
  if (!film) return;
  const zoom = Math.round(100 * view.camera.scale);
  say(corner("bl"), [`W ${Math.round(view.window.width)} L ${Math.round(view.window.center)}${view.inverted ? " inverted" : ""}`, `${zoom} %`].join("\n"));
  say(corner("tr"), mapWords(view, answer));
}

/**
 * @param {View} view
 * @param {Answer | null} answer
 * @returns {string}
 */
function mapWords(view, answer) {
  if (!answer) return "";
  if (!answer.maps) return answer.accepted ? "no evidence map" : "refused by the gate";
  if (!state.map) return "";
  if (!view.heat) return `No evidence map for ${mapLabel.value}: the map is empty.`;
  return `Evidence for ${mapLabel.value}${answer.accepted ? "" : "\nrefused by the gate"}`;
}

for (const view of [views.film, views.beside]) {
  view.onDraw.push(() => {
    const beside = view === views.beside;
    const answer = !beside ? state.whole : besideChoice.value === "struck" ? state.struck : lastWhole(state.prior);
    tellCorners(view, answer, beside && besideChoice.value !== "struck" ? state.prior : state.told);
  });
}

// Films

/**
 * Show a film's pixels: a first look at once, all detail as soon as it is looked at closely.
 * @param {View} view
 * @param {string} film
 */
async function fetchInto(view, film) {
  view.veil("The film is being fetched.");
  try {
    view.show(await fetchFilm(film));
    refine(view, film);
  } catch (error) {
    view.show(null);
    view.veil(error instanceof Problem ? error.message : "The film cannot be shown.");
  }
}

/**
 * @param {View} view
 * @param {string} film
 */
function refine(view, film) {
  let asked = false;
  const check = async () => {
    const shown = view.film;
    if (asked || !shown || shown.whole) return;
    if (view.camera.scale * shown.width <= shown.levels[0].width * 1.05) return;
    asked = true;
    try {
      const fine = await fetchFilm(film, { fine: true });
      if (view.film === shown) view.show(fine, { same: true });
    } catch {
      setStatus("The film's finest detail could not be fetched.");
    }
  };
  view.onDraw.push(() => void check());
}

/** Show what was chosen to stand beside the film. */
async function showBeside() {
  const choice = besideChoice.value;
  views.beside.element.hidden = !choice;
  find("#views", HTMLElement).classList.toggle("pair", Boolean(choice));
  find('[data-do="link"]', HTMLElement).hidden = !choice;
  if (!choice) {
    state.prior = null;
    activate(views.film);
    return;
  }
  if (choice === "struck") {
    views.beside.show(views.film.film);
    views.beside.setWindow(views.film.window);
    views.beside.inverted = views.film.inverted;
    showMaps();
    follow(views.film);
    return;
  }
  try {
    state.prior = await askJson(`/api/v1/films/${choice}`);
    await fetchInto(views.beside, choice);
    showMaps();
    follow(views.film);
  } catch (error) {
    views.beside.veil(error instanceof Error ? error.message : "The prior film cannot be shown.");
  }
}

/** Have the other film look where this one looks. @param {View} view */
function follow(view) {
  const other = view === views.film ? views.beside : views.film;
  if (!state.linked || other.element.hidden || !view.film || !other.film) return;
  other.look(linked(view.camera, view.film, view.screen, other.film, other.screen), { fit: view.untouched });
}

/** @param {View} view */
function activate(view) {
  state.active = view;
  for (const each of [views.film, views.beside]) each.element.classList.toggle("active", each === view);
  tellInverted();
}

// Tools

/** @param {import("./hand.js").Tool} tool */
function choose(tool) {
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
function drawn(view, kind) {
  const drawing = view.drawing;
  view.drawing = null;
  if (!drawing || !view.film) return;
  if (kind === "measure") {
    if (Math.hypot(drawing[1].x - drawing[0].x, drawing[1].y - drawing[0].y) * view.camera.scale > 4) view.distances.push(drawing);
    return;
  }
  const region = regionOf(drawing[0], drawing[1], view.film);
  if (region && isThisFilm(view)) strike.add(region);
}

/**
 * @param {View} view
 * @returns {boolean} Whether it shows the film of this page, not a prior.
 */
function isThisFilm(view) {
  return view === views.film || besideChoice.value === "struck";
}

/** @param {KeyboardEvent} event @returns {boolean} */
function moveCross(event) {
  const view = state.active;
  if (!view.film || (state.tool !== "measure" && state.tool !== "strike")) return false;
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
function place() {
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

function invert() {
  state.active.inverted = !state.active.inverted;
  state.active.changed({ table: true });
  tellInverted();
}

function tellInverted() {
  find('[data-do="invert"]', HTMLElement).setAttribute("aria-pressed", String(state.active.inverted));
}

/** @param {number} factor */
function zoom(factor) {
  const view = state.active;
  if (!view.film) return;
  view.look(zoomed(view.camera, view.film, view.screen, factor));
  follow(view);
}

function actual() {
  const view = state.active;
  if (view.film) zoom(1 / view.camera.scale);
}

/** @param {KeyboardEvent} event */
function move(event) {
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
function changeWindow(center, width) {
  const view = state.active;
  if (!view.film) return;
  const all = view.film.white + 1;
  view.setWindow(clampedWindow({ center: view.window.center + center * all, width: view.window.width + width * all }, view.film.white));
}

function toggleMap() {
  state.map = !state.map;
  find('[data-do="map"]', HTMLElement).setAttribute("aria-pressed", String(state.map));
  showMaps();
}

function nextMap() {
  mapLabel.selectedIndex = (mapLabel.selectedIndex + 1) % mapLabel.options.length;
  mapLabel.dispatchEvent(new Event("change"));
}

/** @param {number} by */
function changeOpacity(by) {
  const slider = find("#opacity", HTMLInputElement);
  slider.value = String(slider.valueAsNumber + by);
  slider.dispatchEvent(new Event("input"));
}

function toggleLink() {
  state.linked = !state.linked;
  find('[data-do="link"]', HTMLElement).setAttribute("aria-pressed", String(state.linked));
  if (state.linked) follow(state.active);
}

/** @param {1 | -1} step */
function stepPrior(step) {
  const options = [...besideChoice.options].filter((option) => !option.hidden);
  const at = options.indexOf(besideChoice.options[besideChoice.selectedIndex]);
  besideChoice.value = options[(at + step + options.length) % options.length].value;
  void showBeside();
}

/** @returns {boolean} */
function undo() {
  if (strike.undo()) return true;
  const had = state.active.distances.pop();
  state.active.changed();
  return had !== undefined;
}

/** @param {Promise<string | null>} found */
async function go(found) {
  try {
    const film = await found;
    if (film && film !== id) location.assign(`/films/${film}`);
    else setStatus("There is no other film in the list.");
  } catch (error) {
    setStatus(error instanceof Error ? error.message : "The list cannot be reached.");
  }
}

/** @param {string} words */
function setStatus(words) {
  say(find("#status", HTMLElement), words);
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => say(find("#status", HTMLElement), ""), 8000);
}
let statusTimer = 0;

function tellPrint() {
  const link = maybe("#print");
  const answer = besideChoice.value === "struck" ? state.struck : state.whole;
  const told = new URLSearchParams({ label: mapLabel.value, ...(answer ? { answer: answer.id } : {}) });
  link?.setAttribute("href", `/films/${id}/print?${told}`);
}

// Putting it together

const pretest = new PreTest(id, room.dataset.label ?? "", JSON.parse(room.dataset.prevalence ?? "{}"));
const strike = new Strike(id, {
  changed: (regions) => {
    views.film.chosen = regions;
    views.film.changed();
  },
  read: async () => {
    choose("window");
    await fetchTold();
    besideChoice.value = "struck";
    await showBeside();
  },
  say: setStatus,
});
const opinions = prepareOpinions({
  film: id,
  blinded: room.dataset.blinded === "yes",
  answer: () => state.whole,
  pretest: () => (pretest.pretest === null ? null : { [pretest.label]: pretest.pretest }),
  saved: () => pretest.clear(),
});

for (const view of [views.film, views.beside]) {
  handle(view, { tool: () => state.tool, looked: follow, drawn, taken: activate });
  view.stage.addEventListener("focus", () => activate(view));
}
activate(views.film);

/** @type {Record<string, () => void>} */
const buttons = {
  invert, actual, map: toggleMap, link: toggleLink,
  auto: () => state.active.auto(),
  fit: () => { state.active.fit(); follow(state.active); },
  reset: () => { state.active.reset(); tellInverted(); follow(state.active); },
  previous: () => void go(neighbour(id, -1)),
  next: () => void go(neighbour(id, 1)),
  help: () => showHelp("film"),
};
find("#tools", HTMLElement).addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (button?.dataset.tool) choose(/** @type {import("./hand.js").Tool} */ (button.dataset.tool));
  else if (button?.dataset.do) buttons[button.dataset.do]?.();
});
mapLabel.addEventListener("change", () => { showMaps(); tellPrint(); });
besideChoice.addEventListener("change", () => { void showBeside(); tellPrint(); });
find("#opacity", HTMLInputElement).addEventListener("input", (event) => {
  const share = Number(/** @type {HTMLInputElement} */ (event.target).value) / 100;
  for (const view of [views.film, views.beside]) {
    view.heatOpacity = share;
    view.changed();
  }
});

const crossOr = (/** @type {(event: KeyboardEvent) => void} */ act) => (/** @type {KeyboardEvent} */ event) => {
  if (!moveCross(event)) act(event);
};
listen("film", {
  next: crossOr(() => void go(neighbour(id, 1))),
  previous: crossOr(() => void go(neighbour(id, -1))),
  first: () => void go(endOfList("first")),
  last: () => void go(endOfList("last")),
  other: crossOr(() => {
    const other = state.active === views.film ? views.beside : views.film;
    if (!other.element.hidden) other.stage.focus();
  }),
  move: crossOr(move),
  priorNext: () => stepPrior(1),
  priorBack: () => stepPrior(-1),
  link: toggleLink,
  zoomIn: () => zoom(1.25),
  zoomOut: () => zoom(0.8),
  fit: buttons.fit,
  actual,
  invert,
  reset: buttons.reset,
  level: (event) => changeWindow(event.key === "f" ? 0.02 : -0.02, 0),
  width: (event) => changeWindow(0, event.key === "t" ? -0.04 : 0.04),
  auto: buttons.auto,
  toolWindow: () => choose("window"),
  toolPan: () => choose("pan"),
  toolZoom: () => choose("zoom"),
  toolMeasure: () => choose("measure"),
  toolStrike: () => choose("strike"),
  place,
  undo,
  cancel: () => choose("window"),
  map: toggleMap,
  mapNext: nextMap,
  opacity: (event) => changeOpacity(event.key === "]" ? 10 : -10),
  agree: () => opinions.choose("agree"),
  disagree: () => opinions.choose("disagree"),
  otherFinding: () => opinions.choose("other"),
  unreadable: () => opinions.choose("unreadable"),
  print: () => find("#print", HTMLAnchorElement).click(),
  list: () => location.assign("/"),
});

/** Ask again while the film waits to be read; when nobody looks, do not. */
async function waitForAnswer() {
  while (state.told?.jobs.some((job) => job.state === "queued")) {
    await new Promise((done) => setTimeout(done, 700));
    if (document.hidden) continue;
    const { waiting } = await askJson(`/films/${id}/state`, { background: true }).catch(() => ({ waiting: 1 }));
    if (!waiting) await fetchTold();
  }
}

/** Fetch the next film's pixels into the browser's memory of answers, once this one stands. */
function prepareNext() {
  const ids = keptList()?.ids ?? [];
  const next = ids[ids.indexOf(id) + 1];
  if (next && ids.includes(id)) setTimeout(() => void fetchFilm(next).catch(() => null), 800);
}

async function begin() {
  const pixels = fetchInto(views.film, id);
  try {
    await fetchTold();
    await opinions.fetch();
  } catch (error) {
    setStatus(error instanceof Error ? error.message : "What is known of the film cannot be fetched.");
  }
  await pixels;
  prepareNext();
  await waitForAnswer();
}

views.film.stage.focus({ preventScroll: true });
void begin();
