// @ts-check
/** A film's grey levels, as the server sends them. */
import { ask } from "./ask.js";
import { pyramid } from "./sample.js";
import { spacingOf } from "./ruler.js";

const FIRST_LOOK = 2048;
const MOST = 4096;
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * @typedef {{
 *   levels: import("./sample.js").Grid[], width: number, height: number, white: number, bits: number,
 *   spacing: import("./ruler.js").Spacing | null, whole: boolean
 * }} Film `width` and `height` are the film's own; `whole`: no finer pixels can be had.
 */

/**
 * @param {string} id
 * @param {{ fine?: boolean, signal?: AbortSignal }} [how] `fine`: all the detail there is, instead of a first look.
 * @returns {Promise<Film>}
 */
export async function fetchFilm(id, how = {}) {
  const longest = how.fine ? MOST : FIRST_LOOK;
  const path = `/api/v1/films/${id}/pixels?longest=${longest}`;
  const answer = await ask(path, { accept: "application/octet-stream", signal: how.signal });
  const number = (/** @type {string} */ name) => Number(answer.headers.get(name));
  const size = { width: number("X-Columns"), height: number("X-Rows") };
  const full = { width: number("X-Full-Columns"), height: number("X-Full-Rows") };
  const pixels = levelsOf(await answer.arrayBuffer(), number("X-Bits"));
  if (pixels.length !== size.width * size.height) throw new Error("The film did not arrive whole.");
  const share = size.width / full.width;
  const finest = size.width === full.width || Boolean(how.fine);
  return {
    levels: pyramid({ pixels, ...size }), ...full, white: number("X-White"), bits: number("X-Bits"), whole: finest,
    spacing: spacingOf(answer.headers.get("X-Spacing-Mm"), answer.headers.get("X-Spacing-Kind"), share),
  };
}

/**
 * @param {ArrayBuffer} bytes Little-endian.
 * @param {number} bits
 * @returns {Uint8Array | Uint16Array}
 */
export function levelsOf(bytes, bits) {
  if (bits === 8) return new Uint8Array(bytes);
  if (LITTLE_ENDIAN) return new Uint16Array(bytes);
  const view = new DataView(bytes);
  return Uint16Array.from({ length: bytes.byteLength / 2 }, (_, index) => view.getUint16(2 * index, true));
}
