// @ts-check
/** Regions to strike out: drawn, given by numbers, taken back, sent; then both answers beside each other. */
import { Problem, askJson } from "./ask.js";
import { el, find, maybe, say } from "./dom.js";
import { LEAST, regionInWords } from "./region.js";

const MOST = 20;

/** @typedef {import("./region.js").Region} Region */

export class Strike {
  /**
   * @param {string} film
   * @param {{ changed: (regions: Region[]) => void, read: () => Promise<void> }} page
   *   `changed`: other regions are chosen; `read`: the film was read without them.
   */
  constructor(film, page) {
    this.film = film;
    this.page = page;
    /** @type {Region[]} */
    this.regions = [];
    this.present = maybe("#strike") !== null;
    if (!this.present) return;
    find("#strike-send", HTMLButtonElement).addEventListener("click", () => void this.send());
    find("#strike-undo", HTMLButtonElement).addEventListener("click", () => this.undo());
    const form = find("#strike-numbers", HTMLFormElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const share = (/** @type {string} */ name) => find(`[name=${name}]`, HTMLInputElement, form).valueAsNumber / 100;
      const [top, left] = [share("top"), share("left")];
      /** @type {Region} */
      const region = [top, left, Math.min(share("height"), 1 - top), Math.min(share("width"), 1 - left)];
      if (Math.min(region[2], region[3]) < LEAST) this.#say("That region has no size within the film.");
      else this.add(region);
    });
  }

  /** @param {Region} region */
  add(region) {
    if (this.regions.length >= MOST) this.#say(`At most ${MOST} regions can be struck out at once.`);
    else this.#set([...this.regions, region]);
  }

  /** Take the last one back. @returns {boolean} Whether there was one. */
  undo() {
    const had = this.regions.length > 0;
    this.#set(this.regions.slice(0, -1));
    return had;
  }

  /** @param {Region[]} regions */
  #set(regions) {
    this.regions = regions;
    if (!this.present) return;
    if (regions.length) this.#say("");
    find("#regions", HTMLElement).replaceChildren(...regions.map((region, index) => {
      const gone = el("button", { type: "button", text: "Remove", "aria-label": `Remove region ${index + 1}` });
      gone.addEventListener("click", () => this.#set(this.regions.filter((_, at) => at !== index)));
      return el("li", {}, [el("span", { text: regionInWords(region) }), gone]);
    }));
    find("#strike-send", HTMLButtonElement).disabled = !regions.length;
    find("#strike-undo", HTMLButtonElement).disabled = !regions.length;
    this.page.changed(regions);
  }

  /** @param {string} words */
  #say(words) {
    const box = maybe("#strike-status");
    if (box) say(box, words);
  }

  /** Have the film read without them. */
  async send() {
    const button = find("#strike-send", HTMLButtonElement);
    if (!this.regions.length || button.disabled) return;
    button.disabled = true;
    this.#say("The film is read without the struck-out regions.");
    try {
      let job = await askJson(`/api/v1/films/${this.film}/strike?wait=30`, { method: "POST", json: { regions: this.regions } });
      for (let tries = 0; job.state === "queued" && tries < 120; tries++) {
        await new Promise((done) => setTimeout(done, 1000));
        const state = await askJson(`/films/${this.film}/state`, { background: true });
        if (!state.waiting) job = { ...job, state: "done" };
      }
      if (job.state === "failed") throw new Problem(422, job.error ?? "It could not be read.");
      this.#set([]);
      await this.page.read();
      this.#say("Read without the struck-out regions; both answers are shown.");
    } catch (error) {
      this.#say(error instanceof Problem ? error.message : "The film could not be read again.");
      button.disabled = !this.regions.length;
    }
  }
}
