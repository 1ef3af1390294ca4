// @ts-check
/** What lies on a film: the evidence, the corners of what the network saw, regions, lengths. */
import { boxOf } from "./region.js";
import { distanceMm, kindInWords, scaleMm } from "./ruler.js";

const LIGHT = "#e4e4e4";
const DARK = "rgba(0, 0, 0, 0.75)";

/** @typedef {import("./view.js").View} View */

/** @param {View} view With a film. */
export function drawMarks(view) {
  const context = view.marks.getContext("2d");
  if (!context || !view.film) return;
  context.clearRect(0, 0, view.marks.width, view.marks.height);
  if (view.heat && view.heatShown) drawHeat(context, view, view.heat);
  for (const region of view.struck) drawRegion(context, view, region, true);
  for (const region of view.chosen) drawRegion(context, view, region, false);
  for (const [one, other] of view.distances) drawDistance(context, view, one, other);
  if (view.drawing) drawDrawing(context, view, view.drawing);
  if (view.cross) drawCross(context, view);
  drawScale(context, view);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {NonNullable<View["heat"]>} heat
 */
function drawHeat(context, view, heat) {
  const box = onScreen(view, heat.region);
  const film = onScreen(view, [0, 0, 1, 1]);
  context.save();
  context.beginPath();
  context.rect(film.x, film.y, film.width, film.height);
  context.clip();
  context.globalAlpha = view.heatOpacity;
  context.imageSmoothingQuality = "high";
  context.drawImage(heat.picture, box.x, box.y, box.width, box.height);
  context.restore();
  drawCorners(context, view, box);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {{ x: number, y: number, width: number, height: number }} box
 */
function drawCorners(context, view, box) {
  const arm = Math.min(box.width, box.height) / 24;
  const right = box.x + box.width;
  const bottom = box.y + box.height;
  context.beginPath();
  for (const [x, inward] of [[box.x, 1], [right, -1]]) {
    for (const [y, down] of [[box.y, 1], [bottom, -1]]) {
      context.moveTo(x, y + down * arm);
      context.lineTo(x, y);
      context.lineTo(x + inward * arm, y);
    }
  }
  stroke(context, view, 1);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {import("./region.js").Region} region
 * @param {boolean} struck Already left out by the network; else only chosen.
 */
function drawRegion(context, view, region, struck) {
  const box = onScreen(view, region);
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.setLineDash(struck ? [] : [6 * view.ratio, 4 * view.ratio]);
  stroke(context, view, 1.5);
  if (struck) {
    context.clip();
    context.beginPath();
    const step = 10 * view.ratio;
    for (let at = -box.height; at < box.width; at += step) {
      context.moveTo(box.x + at, box.y + box.height);
      context.lineTo(box.x + at + box.height, box.y);
    }
    stroke(context, view, 0.75);
  }
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {[import("./view.js").Point, import("./view.js").Point]} drawing
 */
function drawDrawing(context, view, [one, other]) {
  if (view.drawingKind === "measure") {
    drawDistance(context, view, one, other);
    return;
  }
  const a = view.screenPoint(one);
  const b = view.screenPoint(other);
  context.save();
  context.setLineDash([6 * view.ratio, 4 * view.ratio]);
  context.beginPath();
  context.rect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(b.x - a.x), Math.abs(b.y - a.y));
  stroke(context, view, 1.5);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {import("./view.js").Point} one
 * @param {import("./view.js").Point} other
 */
function drawDistance(context, view, one, other) {
  const spacing = view.film?.spacing;
  if (!spacing) return;
  const a = view.screenPoint(one);
  const b = view.screenPoint(other);
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  for (const end of [a, b]) {
    context.moveTo(end.x - 5 * view.ratio, end.y);
    context.lineTo(end.x + 5 * view.ratio, end.y);
    context.moveTo(end.x, end.y - 5 * view.ratio);
    context.lineTo(end.x, end.y + 5 * view.ratio);
  }
  stroke(context, view, 1.5);
  const words = `${distanceMm(spacing, one, other).toFixed(1)} mm ${kindInWords(spacing)}`;
  write(context, view, words, Math.max(a.x, b.x) + 8 * view.ratio, (a.x > b.x ? a : b).y, "left");
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 */
function drawCross(context, view) {
  const at = view.screenPoint(view.cross ?? { x: 0, y: 0 });
  context.beginPath();
  context.moveTo(at.x - 14 * view.ratio, at.y);
  context.lineTo(at.x + 14 * view.ratio, at.y);
  context.moveTo(at.x, at.y - 14 * view.ratio);
  context.lineTo(at.x, at.y + 14 * view.ratio);
  stroke(context, view, 1);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 */
function drawScale(context, view) {
  const spacing = view.film?.spacing;
  if (!spacing) return;
  const perPixel = spacing.rows / view.camera.scale;
  const length = scaleMm(perPixel, view.screen.height / 3);
  const x = view.screen.width - 14 * view.ratio;
  const bottom = view.screen.height - 42 * view.ratio;
  const top = bottom - length / perPixel;
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, bottom);
  const ticks = length % 5 === 0 ? 5 : 2;
  for (let tick = 0; tick <= ticks; tick++) {
    const y = bottom + ((top - bottom) * tick) / ticks;
    const arm = (tick === 0 || tick === ticks ? 9 : 5) * view.ratio;
    context.moveTo(x, y);
    context.lineTo(x - arm, y);
  }
  stroke(context, view, 1.25);
  write(context, view, `${length} mm`, x - 14 * view.ratio, top + 8 * view.ratio, "right");
  write(context, view, kindInWords(spacing), x - 14 * view.ratio, top + 24 * view.ratio, "right");
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {number} width
 */
function stroke(context, view, width) {
  context.lineWidth = (width + 2) * view.ratio;
  context.strokeStyle = DARK;
  context.stroke();
  context.lineWidth = width * view.ratio;
  context.strokeStyle = LIGHT;
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {string} words
 * @param {number} x
 * @param {number} y
 * @param {CanvasTextAlign} align
 */
function write(context, view, words, x, y, align) {
  context.font = `${13 * view.ratio}px system-ui, "DejaVu Sans", sans-serif`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineWidth = 3 * view.ratio;
  context.strokeStyle = DARK;
  context.strokeText(words, x, y);
  context.fillStyle = LIGHT;
  context.fillText(words, x, y);
}

/**
 * @param {View} view
 * @param {import("./region.js").Region} region
 * @returns {{ x: number, y: number, width: number, height: number }}
 */
function onScreen(view, region) {
  const box = boxOf(region, view.film ?? { width: 1, height: 1 });
  const { x, y } = view.screenPoint(box);
  return { x, y, width: box.width * view.camera.scale, height: box.height * view.camera.scale };
}
