// @ts-check
/**
 * One film on the screen: two canvases, one of grey levels and one of what lies on them. It draws at
 * most once a frame, and samples the film anew only if it moved; a dragged window costs one table.
 */
import { fitted, toFilm, toScreen } from "./camera.js";
import { drawMarks } from "./marks.js";
import { find, say } from "./dom.js";
import { applyTable, boxOnScreen, sampleFilm } from "./sample.js";
import { autoWindow, greyTable, wholeWindow } from "./window.js";

const MOST_PIXELS = 6e6;

/**
 * @typedef {import("./film.js").Film} Film
 * @typedef {import("./region.js").Region} Region
 * @typedef {{ x: number, y: number }} Point
 */

export class View {
  /** @param {HTMLElement} element Of class `view`. */
  constructor(element) {
    this.element = element;
    this.stage = find(".stage", HTMLElement, element);
    this.pixels = find(".pixels", HTMLCanvasElement, element);
    this.marks = find(".marks", HTMLCanvasElement, element);
    /** @type {Film | null} */
    this.film = null;
    this.screen = { width: 0, height: 0 };
    this.ratio = 1;
    this.camera = { scale: 1, x: 0, y: 0 };
    this.window = wholeWindow(255);
    this.inverted = false;
    /** @type {{ picture: HTMLCanvasElement, region: Region } | null} */
    this.heat = null;
    this.heatShown = true;
    this.heatOpacity = 0.7;
    /** @type {Region[]} */
    this.struck = [];
    /** @type {Region[]} Drawn, not yet sent. */
    this.chosen = [];
    /** @type {[Point, Point] | null} A rectangle or a distance that is being drawn, in film pixels. */
    this.drawing = null;
    /** @type {"strike" | "measure" | null} */
    this.drawingKind = null;
    /** @type {[Point, Point][]} */
    this.distances = [];
    /** @type {Point | null} The cross that keys move, in film pixels. */
    this.cross = null;
    /** @type {(() => void)[]} */
    this.onDraw = [];
    this.samples = new Uint16Array(0);
    /** @type {ImageData | null} */
    this.picture = null;
    this.box = { left: 0, top: 0, right: 0, bottom: 0 };
    this.table = greyTable(this.window, false, 256);
    this.stale = { samples: true, table: true, marks: true };
    this.frame = 0;
    this.untouched = true;
    new ResizeObserver(() => this.#resized()).observe(this.stage);
  }

  /**
   * Show a film, or the same film in finer pixels.
   * @param {Film | null} film
   * @param {{ same?: boolean }} [how]
   */
  show(film, how = {}) {
    this.film = film;
    if (film && !how.same) {
      this.window = wholeWindow(film.white);
      this.inverted = false;
      this.distances = [];
      this.untouched = true;
      this.camera = fitted(film, this.screen);
    }
    this.veil("");
    this.changed({ samples: true, table: true });
  }

  /** @param {string} words What is said instead of a film; empty to show it. */
  veil(words) {
    say(find(".veil", HTMLElement, this.element), words);
  }

  /**
   * @param {import("./sample.js").Camera} camera
   * @param {{ fit?: boolean }} [how] `fit`: keep it fitted when the window changes its size.
   */
  look(camera, how = {}) {
    this.camera = camera;
    this.untouched = Boolean(how.fit);
    this.changed({ samples: true });
  }

  /** Fit the film to its window. */
  fit() {
    if (this.film) this.look(fitted(this.film, this.screen), { fit: true });
  }

  /** @param {import("./window.js").Window} window */
  setWindow(window) {
    this.window = window;
    this.changed({ table: true });
  }

  /** Take the window from the film's own grey levels. */
  auto() {
    if (!this.film) return;
    const coarse = this.film.levels[Math.min(1, this.film.levels.length - 1)];
    this.setWindow(autoWindow(coarse.pixels, this.film.white));
  }

  /** Show it as it came. */
  reset() {
    if (!this.film) return;
    this.window = wholeWindow(this.film.white);
    this.inverted = false;
    this.distances = [];
    this.fit();
    this.changed({ table: true });
  }

  /**
   * Draw with the next frame.
   * @param {{ samples?: boolean, table?: boolean }} [what] A table alone leaves what lies on the film as it is.
   */
  changed(what = {}) {
    this.stale.samples ||= Boolean(what.samples);
    this.stale.table ||= Boolean(what.table);
    this.stale.marks ||= Boolean(what.samples) || !what.table;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** Draw now. */
  draw() {
    this.frame = 0;
    const context = this.pixels.getContext("2d", { alpha: false });
    if (!context || !this.picture || !this.film) {
      if (context) context.fillRect(0, 0, this.pixels.width, this.pixels.height);
      this.marks.getContext("2d")?.clearRect(0, 0, this.marks.width, this.marks.height);
      this.onDraw.forEach((each) => each());
      return;
    }
    const marks = this.stale.marks;
    if (this.#drawPixels(this.film, this.picture)) context.putImageData(this.picture, 0, 0);
    if (marks) drawMarks(this);
    this.onDraw.forEach((each) => each());
  }

  /**
   * @param {Film} film
   * @param {ImageData} picture
   * @returns {boolean} Whether anything changed.
   */
  #drawPixels(film, picture) {
    const stale = this.stale;
    stale.marks = false;
    if (!stale.samples && !stale.table) return false;
    const out = new Uint32Array(picture.data.buffer);
    if (stale.samples) {
      this.box = boxOnScreen(this.camera, film, this.screen);
      out.fill(0xff000000);
      sampleFilm(film.levels, film, this.camera, this.screen, this.box, this.samples);
    }
    if (stale.table) this.table = greyTable(this.window, this.inverted, film.bits === 8 ? 256 : 65536);
    applyTable(this.samples, this.table, this.screen.width, this.box, out);
    this.stale = { samples: false, table: false, marks: false };
    return true;
  }

  #resized() {
    const { clientWidth, clientHeight } = this.stage;
    if (!clientWidth || !clientHeight) return;
    const most = Math.sqrt(MOST_PIXELS / (clientWidth * clientHeight));
    this.ratio = Math.min(devicePixelRatio || 1, most);
    const before = this.screen;
    this.screen = { width: Math.round(clientWidth * this.ratio), height: Math.round(clientHeight * this.ratio) };
    for (const canvas of [this.pixels, this.marks]) Object.assign(canvas, this.screen);
    this.samples = new Uint16Array(this.screen.width * this.screen.height);
    this.picture = new ImageData(this.screen.width, this.screen.height);
    if (this.film && (this.untouched || !before.width)) this.camera = fitted(this.film, this.screen);
    this.changed({ samples: true, table: true });
    this.draw();
  }

  /**
   * @param {{ clientX: number, clientY: number }} event
   * @returns {Point} On the screen, in its pixels.
   */
  pointOf(event) {
    const place = this.stage.getBoundingClientRect();
    return { x: (event.clientX - place.left) * this.ratio, y: (event.clientY - place.top) * this.ratio };
  }

  /**
   * @param {Point} point On the screen.
   * @returns {Point} On the film.
   */
  filmPoint(point) {
    return toFilm(this.camera, this.screen, point);
  }

  /**
   * @param {Point} point On the film.
   * @returns {Point} On the screen.
   */
  screenPoint(point) {
    return toScreen(this.camera, this.screen, point);
  }
}
