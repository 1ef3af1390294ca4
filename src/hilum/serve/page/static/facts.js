// @ts-check
/** What is known of a film, in words. All of it comes from outside and is set as text. */
import { el, find, foreign } from "./dom.js";
import { dated, moment, sized } from "./words.js";

/** @typedef {{ id: string, name: string, bytes: number, format: string, source: string, received_at: string, removed_at: string | null, conflict_with: string | null, patient_id: string | null, patient_name: string | null, study_date: string | null, view: string | null, facts: Record<string, any> | null, jobs: { id: string, state: string, error: string | null }[], answers: import("./answer.js").Answer[] }} Told */

const SOURCES = { page: "by a reader", api: "by a program", dicom: "by DICOM" };

/** @param {Told} film */
export function showFacts(film) {
  const name = film.name || `film ${film.id.slice(0, 8)}`;
  find("#who-title", HTMLElement).replaceChildren(foreign(name));
  document.title = `${name} - hilum`;
  const facts = film.facts ?? {};
  const size = facts.width ? `${facts.width} x ${facts.height}, ` : "";
  /** @type {[string, string | null][]} */
  const lines = [
    ["Name", film.patient_name], ["Number", film.patient_id], ["Date", dated(film.study_date)], ["View", film.view],
    ["File", `${size}${film.format}, ${sized(film.bytes)}`],
    ["Came", `${moment(film.received_at)}, ${/** @type {Record<string, string>} */ (SOURCES)[film.source] ?? film.source}`],
  ];
  const shown = lines.filter(([, value]) => value);
  find("#facts", HTMLElement).replaceChildren(...shown.flatMap(([term, value]) => [el("dt", { text: term }), el("dd", {}, [foreign(value)])]));
  const history = Array.isArray(facts.history) ? facts.history : [];
  if (history.length) {
    const list = el("ul", { class: "plain-list small" }, history.map((text) => el("li", { text })));
    find("#facts", HTMLElement).append(el("dt", { text: "Reading" }), el("dd", {}, [el("details", {}, [el("summary", { text: `${history.length} step${history.length === 1 ? "" : "s"}` }), list])]));
  }
  showConflict(film.conflict_with);
}

/** @param {string | null} other Id of the earlier film. */
function showConflict(other) {
  const box = find("#conflict", HTMLElement);
  box.hidden = other === null;
  if (other === null) return;
  box.replaceChildren("Same UID, other pixels: an earlier film claims to be this one. ", el("a", { href: `/films/${other}`, text: "See the earlier film" }));
}
