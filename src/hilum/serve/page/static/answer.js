// @ts-check
/** What a bundle said of a film, in words and bars. */
import { el } from "./dom.js";
import { difference, percent, ruleInWords } from "./words.js";

/**
 * @typedef {{
 *   id: string, film: string, bundle: string, bundle_name: string, accepted: boolean, reasons: string[],
 *   warnings: string[], probabilities: Record<string, number> | null, calibrated: boolean,
 *   decision: string | null, threshold: { kind: string, name: string, class?: string, value?: number },
 *   struck: import("./region.js").Region[], region: import("./region.js").Region | null,
 *   maps: Record<string, number[][]> | null, created_at: string
 * }} Answer
 */

/**
 * @param {Answer} answer
 * @param {string} bundle Id of the bundle in use.
 * @returns {HTMLElement[]}
 */
export function answerInWords(answer, bundle) {
  const parts = [...verdict(answer)];
  if (answer.probabilities) parts.push(bars(answer, answer.probabilities));
  if (answer.warnings.length) {
    parts.push(el("div", { class: "problem" }, [el("b", { text: "Look twice" }), list(answer.warnings)]));
  }
  const other = answer.bundle === bundle ? "" : " This bundle is not in use any more; the figures below are of another.";
  parts.push(el("p", { class: "small", text: `Bundle ${answer.bundle_name} ${answer.bundle.slice(0, 12)}.${other}` }));
  return parts;
}

/**
 * @param {Answer} answer
 * @returns {HTMLElement[]}
 */
function verdict(answer) {
  if (answer.accepted) {
    return [
      el("p", { class: "decision", text: answer.decision ?? "" }),
      el("p", { class: "small", text: `Decided by ${ruleInWords(answer.threshold)}. The gate took the film for a frontal chest radiograph.` }),
    ];
  }
  const forced = answer.probabilities ? " What follows was asked for all the same and means little." : "";
  return [
    el("p", { class: "decision", text: "Refused by the gate" }),
    el("div", { class: "problem" }, [list(answer.reasons)]),
    el("p", { class: "small", text: `The bundle answers only for frontal chest radiographs of the kind it was trained on.${forced}` }),
  ];
}

/**
 * @param {Answer} answer
 * @param {Record<string, number>} probabilities
 * @returns {HTMLElement}
 */
function bars(answer, probabilities) {
  const kind = answer.calibrated ? "Calibrated probability" : "Probability, not calibrated";
  const rows = Object.entries(probabilities).map(([label, share]) => bar(answer, label, share));
  return el("div", { class: "chances", role: "group", "aria-label": kind }, [el("span", { class: "small", text: kind }), ...rows]);
}

/**
 * @param {Answer} answer
 * @param {string} label
 * @param {number} share
 * @returns {HTMLElement}
 */
function bar(answer, label, share) {
  const fill = el("span", { class: "fill" });
  fill.style.width = `${100 * share}%`;
  const track = el("span", { class: "track", "aria-hidden": "true" }, [fill]);
  const row = el("div", { class: answer.decision === label && answer.accepted ? "chance decided" : "chance" }, [
    el("span", { text: label }), el("b", { text: percent(share) }), track,
  ]);
  const { kind, value } = answer.threshold;
  if (kind === "at_least" && answer.threshold.class === label && value !== undefined) {
    const mark = el("span", { class: "mark" });
    mark.style.left = `${100 * value}%`;
    track.append(mark);
    row.append(el("span", { class: "small", text: `threshold ${percent(value)}` }));
  }
  return row;
}

/**
 * @param {Answer} before
 * @param {Answer} after
 * @returns {HTMLElement} Both answers in one table, with what changed.
 */
export function compared(before, after) {
  const head = ["", "whole film", "without", "points"].map((text, index) => el(text ? "th" : "td", text ? { scope: "col", class: index ? "n" : "", text } : {}));
  const old = before.probabilities ?? {};
  const now = after.probabilities ?? {};
  const rows = [...new Set([...Object.keys(old), ...Object.keys(now)])].map((label) => el("tr", {}, [
    el("th", { scope: "row", text: label }),
    el("td", { class: "n", text: percent(old[label]) }),
    el("td", { class: "n", text: percent(now[label]) }),
    el("td", { class: "n", text: label in old && label in now ? difference(old[label], now[label]) : "" }),
  ]));
  const last = el("tr", {}, [
    el("th", { scope: "row", text: "decision" }),
    el("td", { class: "n", text: before.decision ?? "refused" }),
    el("td", { class: "n", text: after.accepted ? after.decision ?? "" : "refused" }),
    el("td", { class: "n", text: before.decision === after.decision ? "same" : "changed" }),
  ]);
  return el("table", { class: "figures" }, [el("thead", {}, [el("tr", {}, head)]), el("tbody", {}, [...rows, last])]);
}

/**
 * @param {string[]} lines
 * @returns {HTMLElement}
 */
function list(lines) {
  return el("ul", { class: "plain-list" }, lines.map((text) => el("li", { text })));
}
