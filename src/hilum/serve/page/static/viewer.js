// @ts-check
/** The page of a film: its parts put together, its keys, its buttons. */
import { askJson } from "./ask.js";
import { PreTest } from "./bayes.js";
import { fetchInto, showBeside, stepPrior } from "./beside.js";
import { about, activate, besideChoice, follow, mapLabel, setStatus, state, views } from "./desk.js";
import { find } from "./dom.js";
import { handle } from "./hand.js";
import { listen, showHelp } from "./keys.js";
import { endOfList, neighbour } from "./list.js";
import { prepareOpinions } from "./opinion.js";
import { fetchTold, showMaps, tellPrint } from "./shown.js";
import { Strike } from "./strike.js";
import * as tools from "./tools.js";

const id = about.film;

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

const pretest = new PreTest(id, about.label, about.prevalence);
const strike = new Strike(id, {
  changed: (regions) => {
    views.film.chosen = regions;
    views.film.changed();
  },
  read: async () => {
    tools.choose("window");
    await fetchTold();
    besideChoice.value = "struck";
    await showBeside();
  },
});
tools.regions.add = (region) => strike.add(region);
tools.regions.undo = () => strike.undo();
const opinions = prepareOpinions({
  film: id,
  blinded: about.blinded,
  answer: () => state.whole,
  pretest: () => (pretest.pretest === null ? null : { [pretest.label]: pretest.pretest }),
  saved: () => pretest.clear(),
});

for (const view of [views.film, views.beside]) {
  handle(view, { tool: () => state.tool, looked: follow, drawn: tools.drawn, taken: activate });
  view.stage.addEventListener("focus", () => activate(view));
}
activate(views.film);

/** @type {Record<string, () => void>} */
const buttons = {
  invert: tools.invert, actual: tools.actual, map: tools.toggleMap, link: tools.toggleLink, fit: tools.fit, reset: tools.reset,
  auto: () => state.active.auto(),
  previous: () => void go(neighbour(id, -1)),
  next: () => void go(neighbour(id, 1)),
  help: () => showHelp("film"),
};
find("#tools", HTMLElement).addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (button?.dataset.tool) tools.choose(/** @type {import("./hand.js").Tool} */ (button.dataset.tool));
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
  if (!tools.moveCross(event)) act(event);
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
  move: crossOr(tools.move),
  priorNext: () => stepPrior(1),
  priorBack: () => stepPrior(-1),
  link: tools.toggleLink,
  zoomIn: () => tools.zoom(1.25),
  zoomOut: () => tools.zoom(0.8),
  fit: tools.fit,
  actual: tools.actual,
  invert: tools.invert,
  reset: tools.reset,
  level: (event) => tools.changeWindow(event.key === "f" ? 0.02 : -0.02, 0),
  width: (event) => tools.changeWindow(0, event.key === "t" ? -0.04 : 0.04),
  auto: buttons.auto,
  toolWindow: () => tools.choose("window"),
  toolPan: () => tools.choose("pan"),
  toolZoom: () => tools.choose("zoom"),
  toolMeasure: () => tools.choose("measure"),
  toolStrike: () => tools.choose("strike"),
  place: tools.place,
  undo: tools.undo,
  cancel: () => tools.choose("window"),
  map: tools.toggleMap,
  mapNext: tools.nextMap,
  opacity: (event) => tools.changeOpacity(event.key === "]" ? 10 : -10),
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

async function begin() {
  const pixels = fetchInto(views.film, id);
  try {
    await fetchTold();
    await opinions.fetch();
  } catch (error) {
    setStatus(error instanceof Error ? error.message : "What is known of the film cannot be fetched.");
  }
  await pixels;
  await waitForAnswer();
}

views.film.stage.focus({ preventScroll: true });
void begin();
