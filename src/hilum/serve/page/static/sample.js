// @ts-check
/**
 * A film at the size of the screen. Only what is seen is worked on, whatever the film's size: the
 * grey levels are sampled once a movement, and the window is laid over the samples alone.
 */

/**
 * @typedef {Uint8Array | Uint16Array} Levels
 * @typedef {{ pixels: Levels, width: number, height: number }} Grid
 * @typedef {{ scale: number, x: number, y: number }} Camera `scale` in screen pixels a film pixel; (x, y)
 *   is the point of the film in the middle of the screen, in film pixels.
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Box Screen pixels, right and bottom excluded.
 */

/**
 * @param {Grid} grid
 * @returns {Grid[]} The film, and means over 2 x 2, 4 x 4 ... pixels of it.
 */
export function pyramid(grid) {
  const levels = [grid];
  for (let last = grid; Math.min(last.width, last.height) >= 64; ) {
    last = halved(last);
    levels.push(last);
  }
  return levels;
}

/**
 * @param {Grid} grid
 * @returns {Grid}
 */
export function halved(grid) {
  const width = grid.width >> 1;
  const height = grid.height >> 1;
  const from = grid.pixels;
  const pixels = from instanceof Uint8Array ? new Uint8Array(width * height) : new Uint16Array(width * height);
  for (let row = 0, at = 0; row < height; row++) {
    let above = 2 * row * grid.width;
    let below = above + grid.width;
    for (let column = 0; column < width; column++, above += 2, below += 2) {
      pixels[at++] = (from[above] + from[above + 1] + from[below] + from[below + 1] + 2) >> 2;
    }
  }
  return { pixels, width, height };
}

/**
 * @param {number} levels How many the pyramid has.
 * @param {number} step Film pixels a screen pixel.
 * @returns {number} Which of them to sample.
 */
export function levelFor(levels, step) {
  const wanted = Math.floor(Math.log2(Math.max(step, 1e-6)) + 0.5);
  return Math.min(Math.max(wanted, 0), levels - 1);
}

/**
 * Return where the film lies on the screen.
 * @param {Camera} camera
 * @param {{ width: number, height: number }} film
 * @param {{ width: number, height: number }} screen
 * @returns {Box} Cut to the screen; empty if the film is out of sight.
 */
export function boxOnScreen(camera, film, screen) {
  const left = screen.width / 2 - camera.x * camera.scale;
  const top = screen.height / 2 - camera.y * camera.scale;
  const cut = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(Math.max(Math.round(value), 0), most);
  return {
    left: cut(left, screen.width),
    top: cut(top, screen.height),
    right: cut(left + film.width * camera.scale, screen.width),
    bottom: cut(top + film.height * camera.scale, screen.height),
  };
}

/**
 * Sample a film for the screen, between neighbouring pixels linearly.
 * @param {Grid[]} levels From `pyramid`.
 * @param {{ width: number, height: number }} film In film pixels; the grid may be coarser.
 * @param {Camera} camera
 * @param {{ width: number, height: number }} screen
 * @param {Box} box What is to be filled.
 * @param {Uint16Array} out `screen.width` a row.
 */
export function sampleFilm(levels, film, camera, screen, box, out) {
  const step = levels[0].width / film.width / camera.scale;
  const grid = levels[levelFor(levels.length, step)];
  const across = places(box.left, box.right, screen.width, camera.x, camera.scale, film.width, grid.width);
  const down = places(box.top, box.bottom, screen.height, camera.y, camera.scale, film.height, grid.height);
  const { pixels, width } = grid;
  for (let row = box.top; row < box.bottom; row++) {
    const above = down.first[row - box.top] * width;
    const below = down.second[row - box.top] * width;
    const low = down.share[row - box.top];
    let at = row * screen.width + box.left;
    for (let column = 0; column < across.first.length; column++) {
      const one = across.first[column];
      const two = across.second[column];
      const right = across.share[column];
      const a = pixels[above + one];
      const c = pixels[below + one];
      const upper = a + (pixels[above + two] - a) * right;
      const lower = c + (pixels[below + two] - c) * right;
      out[at++] = upper + (lower - upper) * low + 0.5;
    }
  }
}

/**
 * @param {number} from
 * @param {number} to
 * @param {number} screen
 * @param {number} middle
 * @param {number} scale
 * @param {number} film
 * @param {number} size Of the grid.
 * @returns {{ first: Int32Array, second: Int32Array, share: Float32Array }} For each screen pixel two
 *   neighbours in the grid, and how much of the second.
 */
function places(from, to, screen, middle, scale, film, size) {
  const count = Math.max(to - from, 0);
  const first = new Int32Array(count);
  const second = new Int32Array(count);
  const share = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    const inFilm = middle + (from + index + 0.5 - screen / 2) / scale;
    const place = Math.min(Math.max((inFilm * size) / film - 0.5, 0), size - 1);
    const whole = Math.floor(place);
    first[index] = whole;
    second[index] = Math.min(whole + 1, size - 1);
    share[index] = place - whole;
  }
  return { first, second, share };
}

/**
 * Lay a table of greys over samples.
 * @param {Uint16Array} samples
 * @param {Uint32Array} table From `greyTable`.
 * @param {number} width Of the screen.
 * @param {Box} box
 * @param {Uint32Array} out Four bytes a pixel.
 */
export function applyTable(samples, table, width, box, out) {
  for (let row = box.top; row < box.bottom; row++) {
    const end = row * width + box.right;
    for (let at = row * width + box.left; at < end; at++) out[at] = table[samples[at]];
  }
}
