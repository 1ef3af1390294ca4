// @ts-check
/** The print view: its button, and the film itself where no answer draws it. */
import { find, maybe, say } from "./dom.js";
import { fetchFilm } from "./film.js";
import { applyTable, sampleFilm } from "./sample.js";
import { greyTable, wholeWindow } from "./window.js";

const WIDTH = 1000;

/** @param {HTMLCanvasElement} canvas */
async function drawPlain(canvas) {
  const film = await fetchFilm(canvas.dataset.film ?? "");
  const size = { width: WIDTH, height: Math.max(1, Math.round((WIDTH * film.height) / film.width)) };
  Object.assign(canvas, size);
  const box = { left: 0, top: 0, right: size.width, bottom: size.height };
  const samples = new Uint16Array(size.width * size.height);
  const picture = new ImageData(size.width, size.height);
  sampleFilm(film.levels, film, { scale: WIDTH / film.width, x: film.width / 2, y: film.height / 2 }, size, box, samples);
  const table = greyTable(wholeWindow(film.white), false, film.bits === 8 ? 256 : 65536);
  applyTable(samples, table, size.width, box, new Uint32Array(picture.data.buffer));
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
}

find("#print-now", HTMLButtonElement).addEventListener("click", () => window.print());
const canvas = maybe("canvas.film-print");
if (canvas instanceof HTMLCanvasElement) {
  drawPlain(canvas).catch((error) => say(find("#print-note", HTMLElement), error instanceof Error ? error.message : "The film cannot be shown."));
}
