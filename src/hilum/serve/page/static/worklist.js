// @ts-check
/** The worklist: films as they come and are read, without the reader doing anything. */
import { Problem, ask, askJson } from "./ask.js";
import { el, find, foreign, maybe, say } from "./dom.js";
import { dropAnywhere, named } from "./drop.js";
import { listen } from "./keys.js";
import { keepList } from "./list.js";
import { SendingList } from "./sending.js";
import { Uploads } from "./upload.js";
import { dated, moment, percent } from "./words.js";

const PAGE = 50;
const BUSY_MS = 1000;
const QUIET_MS = 10000;

/** @typedef {{ film: string, name: string, patient_id: string | null, patient_name: string | null, study_date: string | null, view: string | null, source: string, received_at: string, state: string, problem: string | null, answer: string | null, decision: string | null, probability: number | null, mine: boolean, conflict: boolean }} Entry */

const page = find("#worklist", HTMLElement);
const form = find("#filters", HTMLFormElement);
const table = find("#films", HTMLTableElement);
const rowsBox = find("#films tbody", HTMLTableSectionElement);
const mayJudge = page.dataset.mayJudge === "yes";

let offset = 0;
let total = 0;
/** @type {Entry[]} */
let entries = [];
/** @type {string | null} */
let marked = null;
/** @type {Map<string, { row: HTMLTableRowElement, told: string }>} */
const rows = new Map();
let timer = 0;
let asked = 0;

/** @returns {URLSearchParams} */
function query() {
  const wished = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) wished.append(name, String(value));
  return wished;
}

/** Fetch the list, and again after a while. @param {boolean} background */
async function refresh(background) {
  clearTimeout(timer);
  const number = ++asked;
  const wished = query();
  let pause = QUIET_MS;
  try {
    const found = await askJson(`/api/v1/films?${wished}&limit=${PAGE}&offset=${offset}`, { background });
    if (number !== asked) return;
    if (found.entries.length === 0 && offset > 0) {
      offset = Math.max(0, offset - PAGE);
      void refresh(background);
      return;
    }
    show(found, wished.toString());
    pause = found.counts.waiting || uploads?.busy ? BUSY_MS : QUIET_MS;
    tellConnection("");
  } catch (error) {
    if (number !== asked) return;
    tellConnection(error instanceof Problem && error.status ? error.message : "The server cannot be reached. Trying again.");
    pause = 3000;
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(() => void refresh(true), pause);
}

/** @param {string} words */
function tellConnection(words) {
  const box = find("#connection", HTMLElement);
  say(box, words);
  box.hidden = !words;
}

/**
 * @param {{ label: string, entries: Entry[], total: number, counts: Record<string, number> }} found
 * @param {string} wished
 */
function show(found, wished) {
  ({ entries, total } = found);
  keepList({ query: wished, offset, total, ids: entries.map((entry) => entry.film) });
  say(find("#probability-of", HTMLElement), `P(${found.label})`);
  const all = Object.values(found.counts).reduce((sum, count) => sum + count, 0);
  const parts = ["waiting", "read", "refused", "failed"].map((state) => `${found.counts[state] ?? 0} ${state}`);
  say(find("#counts", HTMLElement), all ? `${all} film${all === 1 ? "" : "s"}: ${parts.join(", ")}. ${total === all ? "" : `${total} shown by these filters.`}` : "");
  table.hidden = entries.length === 0;
  find("#empty", HTMLElement).hidden = all > 0;
  form.hidden = all === 0;
  find("#none", HTMLElement).hidden = all === 0 || total > 0;
  arrange();
  const last = Math.min(offset + PAGE, total);
  find("#paging", HTMLElement).hidden = total <= PAGE;
  say(find("#page-of", HTMLElement), `${offset + 1} to ${last} of ${total}`);
  find("#earlier", HTMLButtonElement).disabled = offset === 0;
  find("#later", HTMLButtonElement).disabled = last >= total;
}

/** Put the rows in order; rows that say the same as before stay as they are. */
function arrange() {
  const wanted = new Set(entries.map((entry) => entry.film));
  for (const [film, { row }] of rows) {
    if (!wanted.has(film)) {
      row.remove();
      rows.delete(film);
    }
  }
  entries.forEach((entry, index) => {
    const told = JSON.stringify(entry);
    let kept = rows.get(entry.film);
    if (!kept) {
      const row = document.createElement("tr");
      row.dataset.film = entry.film;
      kept = { row, told: "" };
      rows.set(entry.film, kept);
    }
    if (kept.told !== told) {
      const focused = kept.row.contains(document.activeElement);
      kept.row.replaceChildren(...cells(entry));
      kept.told = told;
      if (focused) maybe("a", kept.row)?.focus();
    }
    if (rowsBox.children[index] !== kept.row) rowsBox.insertBefore(kept.row, rowsBox.children[index] ?? null);
  });
  mark(marked && wanted.has(marked) ? marked : null, false);
}

/**
 * @param {Entry} entry
 * @returns {HTMLElement[]}
 */
function cells(entry) {
  const name = el("a", { href: `/films/${entry.film}` }, [foreign(entry.name || `film ${entry.film.slice(0, 8)}`)]);
  const film = el("td", { class: "film-cell" }, [name]);
  if (entry.conflict) film.append(el("span", { class: "tag", text: "same UID, other pixels" }));
  if (entry.source !== "page") film.append(el("span", { class: "tag", text: entry.source === "dicom" ? "by DICOM" : "by program" }));
  if (entry.problem) film.append(el("span", { class: "why", text: entry.problem }));
  const who = el("td", { class: "name-cell" });
  if (entry.patient_name) who.append(foreign(entry.patient_name), " ");
  if (entry.patient_id) who.append(el("bdi", { class: "dim number", text: entry.patient_id }));
  return [
    el("td", { class: "state", text: entry.state }),
    el("td", { class: "n" }, entry.probability === null ? [] : [share(entry)]),
    el("td", { text: entry.decision ?? "" }),
    film,
    who,
    el("td", { text: dated(entry.study_date) }),
    el("td", { text: entry.view ?? "" }),
    el("td", { text: moment(entry.received_at) }),
    el("td", { text: entry.mine ? "by me" : "" }),
  ];
}

/**
 * @param {Entry} entry
 * @returns {HTMLElement}
 */
function share(entry) {
  const fill = el("b", { class: entry.decision === find("[name=label]", HTMLSelectElement, form).value ? "over" : "" });
  fill.style.width = `${100 * (entry.probability ?? 0)}%`;
  return el("span", { class: "share" }, [el("i", { "aria-hidden": "true" }, [fill]), percent(entry.probability)]);
}

/**
 * @param {string | null} film
 * @param {boolean} [seen] Bring it into sight and give it the focus.
 */
function mark(film, seen = true) {
  marked = film;
  for (const [id, { row }] of rows) {
    row.classList.toggle("mark", id === film);
    if (id === film && seen) {
      row.scrollIntoView({ block: "nearest" });
      maybe("a", row)?.focus({ preventScroll: true });
    }
  }
}

/** @param {number} step */
function step(step) {
  const at = entries.findIndex((entry) => entry.film === marked);
  const next = entries[at < 0 ? 0 : Math.min(Math.max(at + step, 0), entries.length - 1)];
  if (next) mark(next.film);
}

/** @param {number} pages */
function turn(pages) {
  const next = offset + pages * PAGE;
  if (next < 0 || next >= total) return;
  offset = next;
  marked = null;
  void refresh(false);
}

/** @param {HTMLButtonElement} button */
async function drawPhantom(button) {
  button.disabled = true;
  try {
    await ask("/phantom", { method: "POST" });
    await refresh(false);
  } catch (error) {
    tellConnection(error instanceof Error ? error.message : "No phantom could be drawn.");
  } finally {
    button.disabled = false;
  }
}

/** @type {Uploads | null} */
let uploads = null;

function prepareSending() {
  const sending = new SendingList(() => /** @type {Uploads} */ (uploads));
  let arrived = 0;
  uploads = new Uploads((item) => {
    sending.update(item);
    const now = uploads?.items.filter((each) => each.state === "sent" || each.state === "known").length ?? 0;
    if (now > arrived) void refresh(true);
    arrived = now;
  });
  const take = (/** @type {import("./drop.js").Named[]} */ files) => files.length && uploads?.add(files);
  dropAnywhere(take);
  for (const [button, input] of [["#choose-files", "#files"], ["#choose-folder", "#folder"]]) {
    const field = find(input, HTMLInputElement);
    find(button, HTMLButtonElement).addEventListener("click", () => field.click());
    field.addEventListener("change", () => {
      take(named(field.files));
      field.value = "";
    });
  }
  for (const name of ["#draw-phantom", "#draw-first"]) {
    const button = find(name, HTMLButtonElement);
    button.addEventListener("click", () => void drawPhantom(button));
  }
}

if (page.dataset.mayUpload === "yes") prepareSending();
if (!mayJudge) find("[name=mine]", HTMLSelectElement, form).closest("label")?.remove();
let typing = 0;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    offset = 0;
    void refresh(false);
  }, 200);
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => {
  offset = 0;
  void refresh(false);
}));
rowsBox.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const film = target?.closest("tr")?.dataset.film;
  if (film && !target?.closest("a") && !getSelection()?.toString()) location.assign(`/films/${film}`);
});
rowsBox.addEventListener("focusin", (event) => {
  const film = event.target instanceof Element ? event.target.closest("tr")?.dataset.film : null;
  if (film) mark(film, false);
});
find("#earlier", HTMLButtonElement).addEventListener("click", () => turn(-1));
find("#later", HTMLButtonElement).addEventListener("click", () => turn(1));
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) void refresh(true);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) void refresh(true);
});
listen("list", {
  next: () => step(1),
  previous: () => step(-1),
  first: () => mark(entries[0]?.film ?? null),
  last: () => mark(entries.at(-1)?.film ?? null),
  open: () => (marked ? location.assign(`/films/${marked}`) : false),
  later: () => turn(1),
  earlier: () => turn(-1),
  find: () => find("[name=text]", HTMLInputElement, form).focus(),
});
void refresh(false);
