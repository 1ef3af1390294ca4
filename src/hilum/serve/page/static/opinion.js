// @ts-check
/** What readers say of a film. Opinions are only added. */
import { Problem, ask, askJson } from "./ask.js";
import { el, find, foreign, maybe } from "./dom.js";
import { moment, percent } from "./words.js";

const VERDICTS = { agree: "agrees", disagree: "disagrees", other: "other finding", unreadable: "unreadable" };

/** @typedef {{ reader: string, place: number, verdict: keyof typeof VERDICTS, bundle: string, label: string | null, finding: string | null, quality: string | null, comment: string | null, pretest: Record<string, number> | null, at: string }} Opinion */

/**
 * @typedef {{ film: string, blinded: boolean, answer: () => import("./answer.js").Answer | null, pretest: () => Record<string, number> | null, saved: () => void }} About
 */

/**
 * @param {About} about
 * @returns {{ choose: (verdict: string) => void, fetch: () => Promise<void> }}
 */
export function prepareOpinions(about) {
  const form = document.querySelector("#opinion-form");
  if (form instanceof HTMLFormElement) prepareForm(form, about);
  return {
    choose: (verdict) => {
      const button = maybe(`#opinion-form [value="${verdict}"]`);
      if (!(button instanceof HTMLInputElement)) return;
      button.checked = true;
      button.dispatchEvent(new Event("change", { bubbles: true }));
      const field = verdict === "other" ? maybe("#opinion-form [name=finding]") : maybe("#opinion-save");
      field?.focus();
      field?.scrollIntoView({ block: "nearest" });
    },
    fetch: () => fetchHistory(about),
  };
}

/**
 * @param {HTMLFormElement} form
 * @param {About} about
 */
function prepareForm(form, about) {
  const label = find("[name=label]", HTMLSelectElement, form);
  form.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.name !== "verdict") return;
    const verdict = event.target.value;
    find("#finding-box", HTMLElement).hidden = verdict !== "other";
    if (verdict === "agree") label.value = about.answer()?.decision ?? "";
    else if (label.value === about.answer()?.decision) label.value = "";
    if (verdict === "unreadable") find("[name=quality]", HTMLSelectElement, form).value = "unreadable";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void save(form, about);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {About} about
 */
async function save(form, about) {
  const status = find("#opinion-status", HTMLElement);
  const button = find("#opinion-save", HTMLButtonElement);
  button.disabled = true;
  try {
    const told = new FormData(form);
    const text = (/** @type {string} */ name) => String(told.get(name) ?? "").trim() || null;
    const json = {
      verdict: text("verdict"), label: text("label"), quality: text("quality"), comment: text("comment"),
      finding: text("verdict") === "other" ? text("finding") : null,
      answer: about.answer()?.id ?? null, pretest: about.pretest(),
    };
    await ask(`/api/v1/films/${about.film}/opinions`, { method: "POST", json });
    form.reset();
    find("#finding-box", HTMLElement).hidden = true;
    status.textContent = "Your opinion is saved.";
    about.saved();
    await fetchHistory(about);
  } catch (error) {
    status.textContent = error instanceof Problem ? `Not saved. ${error.message}` : "Not saved.";
  } finally {
    button.disabled = false;
  }
}

/** @param {About} about */
async function fetchHistory(about) {
  const box = find("#history", HTMLElement);
  /** @type {Opinion[]} */
  const given = await askJson(`/api/v1/films/${about.film}/opinions`);
  const rows = given.map(inHistory).reverse();
  if (about.blinded && !given.length) {
    rows.push(el("p", { class: "dim", text: "You read second, without knowing what was said before. It is shown once your opinion is saved." }));
  } else if (!given.length) rows.push(el("p", { class: "dim", text: "Nothing yet." }));
  box.replaceChildren(...rows);
}

/**
 * @param {Opinion} said
 * @returns {HTMLElement}
 */
function inHistory(said) {
  const more = [said.label ? `class ${said.label}` : "", said.quality ? `quality ${said.quality}` : ""].filter(Boolean).join(", ");
  const before = Object.entries(said.pretest ?? {}).map(([name, share]) => `${name} held ${percent(share)} likely before`).join(", ");
  return el("div", { class: "said" }, [
    el("p", {}, [el("b", {}, [foreign(said.reader)]), said.place === 2 ? " (second reader) " : " ", VERDICTS[said.verdict] ?? said.verdict, more ? `, ${more}` : ""]),
    ...[said.finding, said.comment].filter(Boolean).map((text) => el("p", {}, [foreign(text)])),
    el("p", { class: "small", text: [moment(said.at), `bundle ${said.bundle.slice(0, 12)}`, before].filter(Boolean).join(", ") }),
  ]);
}
