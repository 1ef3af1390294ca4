// What the page works out without a page: run by `node --test`, from pytest.
import assert from "node:assert/strict";
import { test } from "node:test";

const { camera, keys, heat, region, ruler, sample, upload, words, window: levels, bayes, ask } = Object.fromEntries(
  await Promise.all(
    ["camera", "keys", "heat", "region", "ruler", "sample", "upload", "words", "window", "bayes", "ask"].map(async (name) => [
      name, await import(new URL(`${name}.js`, process.env.STATIC)),
    ]),
  ),
);
const grey = (table, level) => table[level] & 0xff;

test("a window maps its ends to black and white and its middle to grey", () => {
  const table = levels.greyTable({ center: 128, width: 256 }, false, 256);
  assert.deepEqual([grey(table, 0), grey(table, 127), grey(table, 128), grey(table, 255)], [0, 127, 128, 255]);
  assert.equal(table[255] >>> 0, 0xffffffff);
});

test("the table is DICOM's linear function on sixteen bits", () => {
  const window = { center: 30000, width: 8000 };
  const table = levels.greyTable(window, false, 65536);
  for (const level of [26001, 28000, 30000, 33998]) {
    const wanted = Math.round(((level - 29999.5) / 7999 + 0.5) * 255);
    assert.equal(grey(table, level), wanted);
  }
  assert.deepEqual([grey(table, 0), grey(table, 65535)], [0, 255]);
});

test("inverting turns every grey round", () => {
  const [plain, turned] = [false, true].map((inverted) => levels.greyTable({ center: 90, width: 60 }, inverted, 256));
  for (let level = 0; level < 256; level++) assert.equal(grey(plain, level) + grey(turned, level), 255);
});

test("dragging right widens the window and dragging down darkens", () => {
  const from = { center: 2000, width: 1000 };
  const to = levels.draggedWindow(from, 60, 60, 4095);
  assert.ok(to.width > from.width && to.center > from.center);
  assert.equal(levels.draggedWindow(from, -99999, 0, 4095).width, 1);
});

test("the automatic window leaves out one per cent at each end, and a flat film keeps the whole range", () => {
  const pixels = Uint16Array.from({ length: 1000 }, (_, index) => (index < 995 ? 1000 + index : 60000));
  const { center, width } = levels.autoWindow(pixels, 65535);
  assert.ok(center - width / 2 >= 1000 && center + width / 2 < 2100);
  assert.deepEqual(levels.autoWindow(new Uint16Array(50), 65535), levels.wholeWindow(65535));
});

test("at one to one a film is sampled pixel for pixel", () => {
  const grid = { pixels: Uint16Array.from({ length: 80 * 70 }, (_, index) => (index * 7919) % 65536), width: 80, height: 70 };
  const screen = { width: 80, height: 70 };
  const camera = { scale: 1, x: 40, y: 35 };
  const box = sample.boxOnScreen(camera, grid, screen);
  const out = new Uint16Array(80 * 70);
  sample.sampleFilm(sample.pyramid(grid), grid, camera, screen, box, out);
  assert.deepEqual(out, grid.pixels);
});

test("a reduced film keeps its mean and nothing is written beside it", () => {
  const grid = { pixels: new Uint16Array(512 * 512).fill(1234), width: 512, height: 512 };
  const screen = { width: 200, height: 100 };
  const camera = { scale: 100 / 512, x: 256, y: 256 };
  const box = sample.boxOnScreen(camera, grid, screen);
  assert.deepEqual(box, { left: 50, top: 0, right: 150, bottom: 100 });
  const out = new Uint16Array(200 * 100);
  sample.sampleFilm(sample.pyramid(grid), grid, camera, screen, box, out);
  assert.equal(out[100 * 200 - 1], 0);
  assert.ok(out.filter((level) => level === 1234).length === 100 * 100);
});

test("finer pixels of the same film lie in the same place", () => {
  const coarse = { pixels: new Uint8Array([10, 20, 30, 40]), width: 2, height: 2 };
  const screen = { width: 8, height: 8 };
  const box = sample.boxOnScreen({ scale: 2, x: 2, y: 2 }, { width: 4, height: 4 }, screen);
  const out = new Uint16Array(64);
  sample.sampleFilm([coarse], { width: 4, height: 4 }, { scale: 2, x: 2, y: 2 }, screen, box, out);
  assert.deepEqual([out[0], out[7], out[56], out[63]], [10, 20, 30, 40]);
});

test("a film out of sight leaves an empty box", () => {
  const box = sample.boxOnScreen({ scale: 1, x: -500, y: 10 }, { width: 100, height: 100 }, { width: 50, height: 50 });
  assert.equal(box.right - box.left, 0);
});

test("zooming keeps the film under the cursor where it is", () => {
  const film = { width: 2000, height: 1500 };
  const screen = { width: 800, height: 600 };
  const before = camera.fitted(film, screen);
  const cursor = { x: 200, y: 450 };
  const after = camera.zoomed(before, film, screen, 3, cursor);
  const [one, two] = [before, after].map((each) => camera.toFilm(each, screen, cursor));
  assert.ok(Math.hypot(one.x - two.x, one.y - two.y) < 1e-6);
  assert.ok(Math.abs(after.scale / before.scale - 3) < 1e-9);
});

test("film to screen and back is the same point", () => {
  const look = { scale: 0.7, x: 300, y: 20 };
  const screen = { width: 640, height: 480 };
  const back = camera.toFilm(look, screen, camera.toScreen(look, screen, { x: 12, y: 34 }));
  assert.ok(Math.hypot(back.x - 12, back.y - 34) < 1e-9);
});

test("linked films of different size show the same share as much enlarged", () => {
  const [film, other] = [{ width: 2000, height: 2000 }, { width: 500, height: 500 }];
  const screen = { width: 400, height: 400 };
  const found = camera.linked({ scale: 0.4, x: 500, y: 1500 }, film, screen, other, screen);
  assert.deepEqual(found, { scale: 1.6, x: 125, y: 375 });
});

test("a region is cut to the film and a slip of the hand is none", () => {
  const film = { width: 1000, height: 500 };
  assert.deepEqual(region.regionOf({ x: 900, y: 400 }, { x: 2000, y: -50 }, film), [0, 0.9, 0.8, 0.0999]);
  assert.equal(region.regionOf({ x: 10, y: 10 }, { x: 12, y: 300 }, film), null);
  assert.equal(region.regionOf({ x: -90, y: 0 }, { x: -10, y: 300 }, film), null);
});

test("a region given to the server never reaches beyond the film", () => {
  for (let tries = 0; tries < 500; tries++) {
    const [one, other] = [0, 1].map(() => ({ x: Math.random() * 1400 - 200, y: Math.random() * 900 - 200 }));
    const found = region.regionOf(one, other, { width: 1000, height: 500 });
    if (found) assert.ok(found[0] + found[2] <= 1 && found[1] + found[3] <= 1 && Math.min(...found) >= 0);
  }
});

test("an evidence map is enlarged to its peak and no further", () => {
  const found = heat.enlarged([[0, 0, 0], [0, 4, 0], [0, 0, 0]], 30, 30);
  assert.ok(Math.max(...found) <= 1 && found[15 * 30 + 15] > 0.9);
  assert.ok(found[0] < 0.05);
});

test("a constant map stays constant to its edges", () => {
  for (const value of heat.enlarged([[2, 2], [2, 2]], 17, 9)) assert.ok(Math.abs(value - 1) < 1e-6);
});

test("a map of rounding noise is empty, and so is one that is not finite", () => {
  const maps = { a: [[3, 1]], b: [[1e-9, 0]], c: [[Number.NaN, 1]], d: [[0, 0]] };
  assert.deepEqual(["a", "b", "c", "d", "e"].map((label) => heat.isEmpty(maps, label)), [false, true, true, true, true]);
});

test("faint heat leaves the film as it is", () => {
  assert.deepEqual([heat.opacityOf(0), heat.opacityOf(0.18), heat.opacityOf(1)], [0, 0, Math.round(255 * 0.65)]);
});

test("no spacing, no length", () => {
  assert.equal(ruler.spacingOf(null, null, 1), null);
  assert.equal(ruler.spacingOf("0,0.2", "detector", 1), null);
  assert.equal(ruler.spacingOf("nonsense", "detector", 1), null);
});

test("a distance respects both spacings, and what kind they are is said", () => {
  const spacing = ruler.spacingOf("0.2,0.4", "detector", 0.5);
  assert.deepEqual(spacing, { rows: 0.1, columns: 0.2, kind: "detector" });
  assert.equal(ruler.distanceMm(spacing, { x: 0, y: 0 }, { x: 15, y: 40 }), 5);
  assert.equal(ruler.kindInWords(spacing), "on the detector");
  assert.equal(ruler.kindInWords({ ...spacing, kind: "calibrated" }), "calibrated");
});

test("a scale fits its room", () => {
  assert.equal(ruler.scaleMm(0.5, 130), 50);
  assert.equal(ruler.scaleMm(0.001, 10), 1);
});

test("each key means one thing on each page", () => {
  for (const where of ["list", "film"]) {
    const all = keys.KEYS.filter((key) => key.where === where || key.where === "both").flatMap((key) => key.keys);
    assert.equal(new Set(all).size, all.length, String(all.filter((key, index) => all.indexOf(key) !== index)));
  }
});

test("OHIF's keys do here what they do there, and flips and turns do nothing", () => {
  const wanted = { i: "invert", "+": "zoomIn", "-": "zoomOut", "=": "fit", Space: "reset", z: "toolZoom", PageDown: "next", PageUp: "previous", ArrowDown: "next", ArrowUp: "previous", Home: "first", End: "last", Escape: "cancel", "Control+z": "undo" };
  for (const [key, act] of Object.entries(wanted)) assert.equal(keys.keyFor(key, "film")?.act, act, key);
  for (const key of ["h", "v", "r", "l"]) assert.equal(keys.keyFor(key, "film"), null);
});

test("keys are named as they are pressed on any keyboard", () => {
  assert.equal(keys.nameOf({ key: " " }), "Space");
  assert.equal(keys.nameOf({ key: "+", shiftKey: true }), "+");
  assert.equal(keys.nameOf({ key: "?", shiftKey: true }), "?");
  assert.equal(keys.nameOf({ key: "ArrowLeft", shiftKey: true }), "Shift+ArrowLeft");
  assert.equal(keys.nameOf({ key: "P", shiftKey: true }), "Shift+P");
  assert.equal(keys.nameOf({ key: "z", metaKey: true }), "Control+z");
  assert.equal(keys.nameOf({ key: "i", altKey: true }), "Alt+i");
});

test("an upload waits as long as the server asks, and longer from try to try where it does not", () => {
  assert.equal(upload.waitS(1, 7, () => 0), 7);
  const waits = [1, 2, 3, 4, 9].map((tries) => upload.waitS(tries, null, () => 0.5));
  assert.deepEqual(waits, [1, 2, 4, 8, 60]);
});

test("what the film itself is to blame for is not tried again", () => {
  assert.deepEqual([0, 408, 429, 503, 507].map(upload.isWorthAgain), Array(5).fill(true));
  assert.deepEqual([400, 403, 409, 413, 415, 422].map(upload.isWorthAgain), Array(6).fill(false));
});

test("probabilities are never shown as certain", () => {
  assert.deepEqual([0.8321, 0.00001, 0.99999, null].map(words.percent), ["83.2 %", "< 0.1 %", "> 99.9 %", ""]);
});

test("dates stand as they are known", () => {
  assert.deepEqual(["20210302", "2021", null, "<img>"].map(words.dated), ["2021-03-02", "2021", "", "<img>"]);
});

test("a difference has a sign and is in points", () => {
  assert.deepEqual([words.difference(0.5, 0.75), words.difference(0.75, 0.5), words.difference(0.5, 0.5)], ["+25.0", "\u221225.0", "\u00b10.0"]);
});

test("the slider of the pre-test probability runs in odds and comes back", () => {
  assert.equal(bayes.fromSlider(0), 0.5);
  for (const share of [0.01, 0.1, 0.5, 0.9]) assert.ok(Math.abs(bayes.fromSlider(bayes.toSlider(share)) - share) < 0.012);
  assert.deepEqual([bayes.fromSlider(-9999), bayes.fromSlider(9999)], [0.001, 0.999]);
});

test("a problem is told in the server's words", () => {
  assert.equal(ask.wordsOf({ detail: "No room.", problems: ["a", "b"] }, 507), "No room. a b");
  assert.equal(ask.wordsOf(null, 500), "The server answered 500.");
  assert.equal(ask.wordsOf(null, 0), "The server cannot be reached.");
  assert.deepEqual([ask.retryAfter("5"), ask.retryAfter(null), ask.retryAfter("soon"), ask.retryAfter("")], [5, null, null, null]);
});
