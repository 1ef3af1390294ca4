// @ts-check
/** Lengths: only where the file says how far apart its pixels are, and never without saying what kind. */

/**
 * @typedef {{ rows: number, columns: number, kind: string }} Spacing mm a film pixel.
 */

const STEPS_MM = [1, 2, 5, 10, 20, 50, 100, 200];

/**
 * @param {string | null} header X-Spacing-Mm: rows, columns, of the pixels that were sent.
 * @param {string | null} kind X-Spacing-Kind.
 * @param {number} share Pixels sent a film pixel.
 * @returns {Spacing | null} null where it is not known.
 */
export function spacingOf(header, kind, share) {
  const sizes = (header ?? "").split(",").map(Number);
  if (!header || sizes.length !== 2 || !sizes.every((size) => Number.isFinite(size) && size > 0)) return null;
  return { rows: sizes[0] * share, columns: sizes[1] * share, kind: kind || "unknown" };
}

/**
 * @param {Spacing} spacing
 * @returns {string}
 */
export function kindInWords(spacing) {
  if (spacing.kind === "calibrated") return "calibrated";
  return spacing.kind === "detector" ? "on the detector" : "of unknown kind";
}

/**
 * @param {Spacing} spacing
 * @param {{ x: number, y: number }} one In film pixels.
 * @param {{ x: number, y: number }} other
 * @returns {number} mm.
 */
export function distanceMm(spacing, one, other) {
  return Math.hypot((other.x - one.x) * spacing.columns, (other.y - one.y) * spacing.rows);
}

/**
 * @param {number} mmPerPixel Of the screen.
 * @param {number} room Screen pixels.
 * @returns {number} Length of a scale that fits, mm.
 */
export function scaleMm(mmPerPixel, room) {
  const fitting = STEPS_MM.filter((length) => length / mmPerPixel <= room);
  return fitting.at(-1) ?? STEPS_MM[0];
}
