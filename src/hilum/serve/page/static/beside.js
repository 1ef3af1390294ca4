// @ts-check
/** Fetching films into their views, and choosing what stands beside the film. */
import { Problem, askJson } from "./ask.js";
import { activate, besideChoice, follow, setStatus, state, views } from "./desk.js";
import { find } from "./dom.js";
import { fetchFilm } from "./film.js";
import { showMaps } from "./shown.js";

/** @typedef {import("./view.js").View} View */

/**
 * Show a film's pixels: a first look at once, all detail as soon as it is looked at closely.
 * @param {View} view
 * @param {string} film
 */
export async function fetchInto(view, film) {
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
export async function showBeside() {
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

/** @param {1 | -1} step */
export function stepPrior(step) {
  const options = [...besideChoice.options].filter((option) => !option.hidden);
  const at = options.indexOf(besideChoice.options[besideChoice.selectedIndex]);
  besideChoice.value = options[(at + step + options.length) % options.length].value;
  void showBeside();
}
