// @ts-check
/** A film's answers on the page: in words, as maps on the film, beside each other. */
import { askJson } from "./ask.js";
import { answerInWords, compared } from "./answer.js";
import { about, besideChoice, mapLabel, state, views } from "./desk.js";
import { el, find, maybe, say } from "./dom.js";
import { showFacts } from "./facts.js";
import { heatPicture, isEmpty } from "./heat.js";
import { dated } from "./words.js";

const HEAT_SIDE = 384;

/** @typedef {import("./answer.js").Answer} Answer @typedef {import("./view.js").View} View */

/** Fetch what is known of the film, and show it. */
export async function fetchTold() {
  const told = await askJson(`/api/v1/films/${about.film}`);
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
  if (state.whole) box.replaceChildren(...answerInWords(state.whole, about.bundle));
  else if (failed) box.replaceChildren(el("p", { class: "decision", text: "Could not be read" }), el("p", { class: "problem", text: failed.error ?? "No reason is known." }));
  else box.replaceChildren(el("p", { class: "dim", text: "Being read." }));
  const usable = Boolean(state.whole?.accepted && state.whole.probabilities);
  if (maybe("#bayes")) find("#bayes", HTMLElement).hidden = !usable || about.prevalence[about.label] === undefined;
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
export function showMaps() {
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
  say(corner("tl"), [dated(told?.study_date ?? null), told?.view ?? "", view === views.beside ? besideWords(told) : ""].filter(Boolean).join("\n"));
  if (!film) return;
  const zoom = Math.round(100 * view.camera.scale);
  say(corner("bl"), [`W ${Math.round(view.window.width)} L ${Math.round(view.window.center)}${view.inverted ? " inverted" : ""}`, `${zoom} %`].join("\n"));
  say(corner("tr"), mapWords(view, answer));
}

/**
 * @param {import("./facts.js").Told | null} told
 * @returns {string} How what stands beside the film is related to it.
 */
function besideWords(told) {
  if (besideChoice.value === "struck") return "read without struck regions";
  const [date, here] = [told?.study_date, state.told?.study_date];
  if (!date || !here || date === here) return "other film under this number";
  return date < here ? "prior film" : "later film";
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

export function tellPrint() {
  const link = maybe("#print");
  const answer = besideChoice.value === "struck" ? state.struck : state.whole;
  const told = new URLSearchParams({ label: mapLabel.value, ...(answer ? { answer: answer.id } : {}) });
  link?.setAttribute("href", `/films/${about.film}/print?${told}`);
}

for (const view of [views.film, views.beside]) {
  view.onDraw.push(() => {
    const beside = view === views.beside;
    const answer = !beside ? state.whole : besideChoice.value === "struck" ? state.struck : lastWhole(state.prior);
    tellCorners(view, answer, beside && besideChoice.value !== "struck" ? state.prior : state.told);
  });
}
