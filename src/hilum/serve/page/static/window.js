// @ts-check
/** Window and level: from the film's own grey levels to those of the screen. */

/**
 * @typedef {{ center: number, width: number }} Window In the film's grey levels; width is at least 1.
 */

/**
 * @param {number} white The level that stands for white.
 * @returns {Window} Everything from black to white.
 */
export function wholeWindow(white) {
  return { center: (white + 1) / 2, width: white + 1 };
}

/**
 * Return what each grey level becomes, as DICOM's linear function has it (PS3.3, C.11.2.1.2.1).
 * @param {Window} window
 * @param {boolean} inverted
 * @param {number} levels How many there are: 256 or 65,536.
 * @returns {Uint32Array} Opaque grey of each, as four bytes of a picture.
 */
export function greyTable(window, inverted, levels) {
  const table = new Uint32Array(levels);
  const middle = window.center - 0.5;
  const slope = 255 / Math.max(window.width - 1, 1e-6);
  for (let level = 0; level < levels; level++) {
    let grey = Math.round((level - middle) * slope + 127.5);
    grey = grey < 0 ? 0 : grey > 255 ? 255 : grey;
    if (inverted) grey = 255 - grey;
    table[level] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
  return table;
}

/**
 * Return a window that was dragged: to the right wider, downwards darker.
 * @param {Window} from
 * @param {number} right Pixels of the screen.
 * @param {number} down Pixels of the screen.
 * @param {number} white
 * @returns {Window}
 */
export function draggedWindow(from, right, down, white) {
  const step = (white + 1) / 600;
  return clampedWindow({ center: from.center + down * step, width: from.width + right * step }, white);
}

/**
 * @param {Window} window
 * @param {number} white
 * @returns {Window}
 */
export function clampedWindow(window, white) {
  return {
    center: Math.min(Math.max(window.center, 0), white + 1),
    width: Math.min(Math.max(window.width, 1), 4 * (white + 1)),
  };
}

/**
 * Return the window on the middle 98 % of a film's grey levels.
 * @param {Uint8Array | Uint16Array} pixels
 * @param {number} white
 * @returns {Window} The whole one if the film has no contrast.
 */
export function autoWindow(pixels, white) {
  const counts = new Uint32Array(65536);
  for (const level of pixels) counts[level]++;
  const low = levelAt(counts, pixels.length * 0.01);
  const high = levelAt(counts, pixels.length * 0.99);
  if (high <= low) return wholeWindow(white);
  return { center: (low + high) / 2 + 0.5, width: high - low + 1 };
}

/**
 * @param {Uint32Array} counts
 * @param {number} wanted
 * @returns {number}
 */
function levelAt(counts, wanted) {
  let seen = 0;
  for (let level = 0; level < counts.length; level++) {
    seen += counts[level];
    if (seen >= wanted) return level;
  }
  return counts.length - 1;
}
