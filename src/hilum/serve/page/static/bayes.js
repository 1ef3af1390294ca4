// @ts-check
/** The pre-test probability: what the reader knows beforehand moves the answer, with the working shown. */
import { Problem, askJson } from "./ask.js";
import { el, find } from "./dom.js";
import { percent } from "./words.js";

/** Of a ward, of a clinic ...: how common a class may be before anything is known of one person. */
const PRESETS = [0.01, 0.05, 0.1, 0.3, 0.5];

/**
 * The slider runs in odds: as much room between 1 and 2 % as between 98 and 99 %.
 * @param {number} share In (0, 1).
 * @returns {number}
 */
export function toSlider(share) {
  return Math.round((100 * Math.log10(share / (1 - share))) / 5) * 5;
}

/**
 * @param {number} value Hundredths of a power of ten.
 * @returns {number} In (0, 1), to a tenth of a per cent.
 */
export function fromSlider(value) {
  const odds = 10 ** (value / 100);
  return Math.min(Math.max(Math.round((1000 * odds) / (1 + odds)) / 1000, 0.001), 0.999);
}

export class PreTest {
  /**
   * @param {string} film
   * @param {string} label
   * @param {Record<string, number>} prevalence By class, where the bundle was calibrated.
   */
  constructor(film, label, prevalence) {
    this.film = film;
    this.label = label;
    this.prevalence = prevalence;
    /** @type {number | null} What the reader holds likely; null if nothing was said. */
    this.pretest = null;
    this.slider = find("#pretest", HTMLInputElement);
    this.number = find("#pretest-number", HTMLInputElement);
    this.timer = 0;
    this.asked = 0;
    find("#bayes-label", HTMLElement).textContent = label;
    this.#presets();
    this.slider.addEventListener("input", () => this.set(fromSlider(this.slider.valueAsNumber), "slider"));
    this.number.addEventListener("input", () => {
      if (this.number.checkValidity() && this.number.value) this.set(this.number.valueAsNumber / 100, "number");
    });
    find("#bayes-form", HTMLFormElement).addEventListener("submit", (event) => event.preventDefault());
    this.clear();
  }

  #presets() {
    const box = find("#presets", HTMLElement);
    const known = this.prevalence[this.label];
    for (const share of PRESETS) {
      const button = el("button", { type: "button", text: `${100 * share} %` });
      button.addEventListener("click", () => this.set(share, "preset"));
      box.append(button);
    }
    if (known === undefined) return;
    const same = el("button", { type: "button", class: "plain", text: `as calibrated (${percent(known)})` });
    same.addEventListener("click", () => this.clear());
    box.append(same);
  }

  /** As common as where the bundle was calibrated: the answer as it stands. */
  clear() {
    const known = this.prevalence[this.label];
    this.pretest = null;
    this.asked += 1;
    clearTimeout(this.timer);
    find("#bayes", HTMLElement).hidden = known === undefined;
    if (known === undefined) return;
    this.slider.value = String(toSlider(known));
    this.#speak(known);
    this.number.value = (100 * known).toFixed(1);
    find("#bayes-result", HTMLElement).replaceChildren(
      el("p", { class: "small", text: `As it stands the answer holds where ${percent(known)} of the films have the class.` }),
    );
  }

  /**
   * @param {number} share
   * @param {"slider" | "number" | "preset"} by
   */
  set(share, by) {
    this.pretest = share;
    if (by !== "slider") this.slider.value = String(toSlider(share));
    if (by !== "number") this.number.value = (100 * share).toFixed(1);
    this.#speak(share);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.#ask(share), 120);
  }

  /** @param {number} share */
  #speak(share) {
    this.slider.setAttribute("aria-valuetext", percent(share));
  }

  /** @param {number} share */
  async #ask(share) {
    const number = ++this.asked;
    const box = find("#bayes-result", HTMLElement);
    const told = new URLSearchParams({ pretest: String(share), label: this.label });
    try {
      const found = await askJson(`/api/v1/films/${this.film}/bayes?${told}`);
      if (number !== this.asked) return;
      box.replaceChildren(
        el("p", { class: "post" }, [`${this.label}: ${percent(found.probability)} becomes `, el("b", { text: percent(found.posttest) })]),
        el("ol", { class: "working" }, found.working.map((/** @type {string} */ text) => el("li", { text }))),
      );
    } catch (error) {
      if (number === this.asked) box.replaceChildren(el("p", { text: error instanceof Problem ? error.message : "It could not be worked out." }));
    }
  }
}
