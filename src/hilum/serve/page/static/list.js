// @ts-check
/** The worklist as it was when a film was opened, so that the next film is the next of that list. */
import { askJson } from "./ask.js";

const KEPT = "hilum-list";
const PAGE = 50;

/** @typedef {{ query: string, offset: number, total: number, ids: string[] }} Kept */

/**
 * @param {Kept} list
 */
export function keepList(list) {
  sessionStorage.setItem(KEPT, JSON.stringify(list));
}

/** @returns {Kept | null} */
function keptList() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    return found && Array.isArray(found.ids) ? found : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} query Filters and order, as the interface takes them.
 * @param {number} offset
 * @returns {Promise<Kept>}
 */
async function fetchList(query, offset) {
  const found = await askJson(`/api/v1/films?${query}&limit=${PAGE}&offset=${offset}`, { background: true });
  return { query, offset, total: found.total, ids: found.entries.map((/** @type {{ film: string }} */ each) => each.film) };
}

/**
 * Return the film that comes after, or before, this one.
 * @param {string} film
 * @param {1 | -1} step
 * @returns {Promise<string | null>} null at the end of the list.
 */
export async function neighbour(film, step) {
  let list = keptList();
  if (!list || !list.ids.includes(film)) {
    list = await fetchList(list?.query ?? "", 0);
    keepList(list);
  }
  const at = list.ids.indexOf(film);
  if (at < 0) return step > 0 ? list.ids[0] ?? null : null;
  const found = list.ids[at + step];
  if (found) return found;
  const offset = step > 0 ? list.offset + list.ids.length : list.offset - PAGE;
  if (offset < 0 || offset >= list.total) return null;
  const next = await fetchList(list.query, offset);
  const other = step > 0 ? next.ids[0] : next.ids.at(-1);
  if (other && other !== film) keepList(next);
  return other && other !== film ? other : null;
}

/**
 * @param {"first" | "last"} which
 * @returns {Promise<string | null>}
 */
export async function endOfList(which) {
  const list = keptList() ?? (await fetchList("", 0));
  return (which === "first" ? list.ids[0] : list.ids.at(-1)) ?? null;
}
