// @ts-check
/** Numbers, dates and states as a reader says them. */

/**
 * @param {number | null | undefined} share In [0, 1].
 * @returns {string} "83.2 %"; never 0 or 100, which no calibrated probability is.
 */
export function percent(share) {
  if (share === null || share === undefined) return "";
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

/**
 * @param {number} before
 * @param {number} after
 * @returns {string} In percentage points, with a sign.
 */
export function difference(before, after) {
  const points = 100 * (after - before);
  const sign = points > 0 ? "+" : points < 0 ? "\u2212" : "\u00b1";
  return `${sign}${Math.abs(points).toFixed(1)}`;
}

/**
 * @param {string | null} date As DICOM has it.
 * @returns {string}
 */
export function dated(date) {
  return date && /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date ?? "";
}

/**
 * @param {string} iso
 * @returns {string} In the reader's time zone, to the minute.
 */
export function moment(iso) {
  const at = new Date(/[zZ]|[+-]\d\d:\d\d$/.test(iso) ? iso : `${iso}Z`);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/**
 * @param {{ kind: string, name?: string, class?: string, value?: number }} rule
 * @returns {string}
 */
export function ruleInWords(rule) {
  if (rule.kind !== "at_least") return "the most probable class";
  return `"${rule.name}": ${rule.class} from ${percent(rule.value)}`;
}

/**
 * @param {number} bytes
 * @returns {string}
 */
export function sized(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
