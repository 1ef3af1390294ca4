// @ts-check
/** Keys: what each does, in one table that the page, its help and its tests read. */
import { el, find } from "./dom.js";

/**
 * @typedef {{ keys: string[], act: string, words: string, group: string, where: "list" | "film" | "both", ohif?: boolean }} Key
 *   `ohif`: the same key does the same in OHIF's viewer.
 */

/** @type {Key[]} */
export const KEYS = [
  { keys: ["j", "ArrowDown"], act: "next", words: "next film", group: "Films", where: "list" },
  { keys: ["k", "ArrowUp"], act: "previous", words: "previous film", group: "Films", where: "list" },
  { keys: ["Home"], act: "first", words: "first film of the page", group: "Films", where: "list" },
  { keys: ["End"], act: "last", words: "last film of the page", group: "Films", where: "list" },
  { keys: ["Enter"], act: "open", words: "open the film", group: "Films", where: "list" },
  { keys: ["]"], act: "later", words: "next page of the list", group: "Films", where: "list" },
  { keys: ["["], act: "earlier", words: "previous page of the list", group: "Films", where: "list" },
  { keys: ["/"], act: "find", words: "find a name or number", group: "Films", where: "list" },
  { keys: ["PageDown", "ArrowDown", "j"], act: "next", words: "next film of the worklist", group: "Films", where: "film", ohif: true },
  { keys: ["PageUp", "ArrowUp", "k"], act: "previous", words: "previous film of the worklist", group: "Films", where: "film", ohif: true },
  { keys: ["Home"], act: "first", words: "first film of the worklist", group: "Films", where: "film", ohif: true },
  { keys: ["End"], act: "last", words: "last film of the list's page", group: "Films", where: "film", ohif: true },
  { keys: ["ArrowRight", "ArrowLeft"], act: "other", words: "the other of two films shown", group: "Films", where: "film", ohif: true },
  { keys: ["."], act: "priorNext", words: "next prior beside it, in the end none", group: "Films", where: "film", ohif: true },
  { keys: [","], act: "priorBack", words: "the prior before", group: "Films", where: "film", ohif: true },
  { keys: ["u"], act: "link", words: "zoom and move both films, or each", group: "Films", where: "film" },
  { keys: ["+"], act: "zoomIn", words: "zoom in", group: "Looking", where: "film", ohif: true },
  { keys: ["-"], act: "zoomOut", words: "zoom out", group: "Looking", where: "film", ohif: true },
  { keys: ["="], act: "fit", words: "fit to the window", group: "Looking", where: "film", ohif: true },
  { keys: ["o"], act: "actual", words: "one film pixel on one screen pixel", group: "Looking", where: "film" },
  { keys: ["i"], act: "invert", words: "invert", group: "Looking", where: "film", ohif: true },
  { keys: ["Space"], act: "reset", words: "reset", group: "Looking", where: "film", ohif: true },
  { keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], act: "move", words: "move the film", group: "Looking", where: "film" },
  { keys: ["f", "g"], act: "level", words: "darker, brighter", group: "Looking", where: "film" },
  { keys: ["t", "y"], act: "width", words: "more, less contrast", group: "Looking", where: "film" },
  { keys: ["a"], act: "auto", words: "window on the film's own greys", group: "Looking", where: "film" },
  { keys: ["w"], act: "toolWindow", words: "drag sets window and level", group: "Tools", where: "film" },
  { keys: ["p"], act: "toolPan", words: "drag moves", group: "Tools", where: "film" },
  { keys: ["z"], act: "toolZoom", words: "drag zooms", group: "Tools", where: "film", ohif: true },
  { keys: ["d"], act: "toolMeasure", words: "drag measures a distance", group: "Tools", where: "film" },
  { keys: ["x"], act: "toolStrike", words: "drag strikes out a region", group: "Tools", where: "film" },
  { keys: ["Enter"], act: "place", words: "while measuring or striking out: set a corner; arrows move the cross", group: "Tools", where: "film" },
  { keys: ["Control+z", "Backspace"], act: "undo", words: "take back the last region or distance", group: "Tools", where: "film", ohif: true },
  { keys: ["Escape"], act: "cancel", words: "leave the tool, close what is open", group: "Tools", where: "film", ohif: true },
  { keys: ["m"], act: "map", words: "evidence map on or off", group: "Answer", where: "film" },
  { keys: ["n"], act: "mapNext", words: "map of the next class", group: "Answer", where: "film" },
  { keys: ["[", "]"], act: "opacity", words: "map fainter, stronger", group: "Answer", where: "film" },
  { keys: ["1"], act: "agree", words: "agree; Enter then saves", group: "Opinion", where: "film" },
  { keys: ["2"], act: "disagree", words: "disagree", group: "Opinion", where: "film" },
  { keys: ["3"], act: "otherFinding", words: "other finding", group: "Opinion", where: "film" },
  { keys: ["4"], act: "unreadable", words: "unreadable", group: "Opinion", where: "film" },
  { keys: ["Shift+P"], act: "print", words: "print", group: "Page", where: "film" },
  { keys: ["q"], act: "list", words: "back to the worklist", group: "Page", where: "film" },
  { keys: ["?"], act: "help", words: "these keys", group: "Page", where: "both" },
];

const NAMES = { ArrowLeft: "\u2190", ArrowRight: "\u2192", ArrowUp: "\u2191", ArrowDown: "\u2193", PageDown: "Page Down", PageUp: "Page Up", Escape: "Esc", Control: "Ctrl" };
const KEPT_ON = "hilum-keys";

/**
 * @param {{ key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean, shiftKey?: boolean }} event
 * @returns {string} As the table names it.
 */
export function nameOf(event) {
  const key = event.key === " " ? "Space" : event.key;
  if (event.altKey) return `Alt+${key}`;
  if (event.ctrlKey || event.metaKey) return `Control+${key.toLowerCase()}`;
  if (event.shiftKey && (key.length > 1 || /^[A-Z]$/.test(key))) return `Shift+${key}`;
  return key;
}

/**
 * @param {string} name From `nameOf`.
 * @param {"list" | "film"} where
 * @returns {Key | null}
 */
export function keyFor(name, where) {
  return KEYS.find((key) => (key.where === where || key.where === "both") && key.keys.includes(name)) ?? null;
}

/** @returns {boolean} Whether single letters do something; those who speak to their machine turn them off. */
export function lettersOn() {
  return localStorage.getItem(KEPT_ON) !== "off";
}

/**
 * Call what a key means, unless somebody is typing.
 * @param {"list" | "film"} where
 * @param {Record<string, (event: KeyboardEvent) => boolean | void>} acts By `act`; false leaves the key to the browser.
 */
export function listen(where, acts) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    const key = keyFor(name, where);
    if (!key || isForElement(event.target, name) || (name.length === 1 && !lettersOn())) return;
    const act = key.act === "help" ? showHelp.bind(null, where) : acts[key.act];
    if (act && act(event) !== false) event.preventDefault();
  });
}

/**
 * @param {EventTarget | null} target
 * @param {string} name
 * @returns {boolean} Whether the key belongs to the element that has the focus.
 */
function isForElement(target, name) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=range])")) return true;
  if (name === "Enter" || name === "Space") return target.closest("button, a, summary, input") !== null;
  const slides = name.startsWith("Arrow") || name === "Home" || name === "End";
  return slides && target.closest("input, .panel, [role=group][tabindex]") !== null;
}

/**
 * @param {"list" | "film"} where
 * @returns {HTMLElement}
 */
export function keyList(where) {
  const shown = KEYS.filter((key) => key.where === where || key.where === "both");
  const groups = [...new Set(shown.map((key) => key.group))];
  return el("div", { class: "keys-list" }, groups.map((group) =>
    el("section", {}, [
      el("h3", { text: group }),
      el("dl", {}, shown.filter((key) => key.group === group).flatMap(inList)),
    ]),
  ));
}

/**
 * @param {Key} key
 * @returns {HTMLElement[]}
 */
function inList(key) {
  const moves = key.keys.every((name) => name.startsWith("Shift+Arrow"));
  const shown = moves ? ["Shift + \u2190 \u2192 \u2191 \u2193"] : key.keys.map(shownName);
  const names = shown.flatMap((name, index) => [...(index ? [" "] : []), el("kbd", { text: name })]);
  const words = [key.words, ...(key.ohif ? [" ", el("span", { class: "ohif", text: "(OHIF)" })] : [])];
  return [el("dt", {}, names), el("dd", {}, words)];
}

/**
 * @param {string} name
 * @returns {string}
 */
function shownName(name) {
  return name.split(/\+(?=.)/).map((part) => /** @type {Record<string, string>} */ (NAMES)[part] ?? part).join(" + ");
}

/** @returns {HTMLElement} A box to tick: whether single letters do something. */
export function letterSwitch() {
  const box = el("input", { type: "checkbox", id: "letters" });
  if (box instanceof HTMLInputElement) {
    box.checked = lettersOn();
    box.addEventListener("change", () => localStorage.setItem(KEPT_ON, box.checked ? "on" : "off"));
  }
  return el("p", {}, [box, " ", el("label", { for: "letters", text: "Single letters, digits and signs are keys. Turn this off if you dictate." })]);
}

/** @param {"list" | "film"} where */
export function showHelp(where) {
  const close = el("button", { type: "button", text: "Close" });
  const dialog = el("dialog", { "aria-labelledby": "keys-title" }, [
    el("div", { class: "bar" }, [el("h2", { id: "keys-title", text: "Keys" }), close]),
    keyList(where),
    el("p", { class: "dim", text: "(OHIF): the same key as there. Films are never flipped or turned: OHIF's h, v, r and l do nothing here. Sides are never lettered by hilum; look for the marker on the film." }),
    letterSwitch(),
  ]);
  close.addEventListener("click", () => find("dialog[open]", HTMLDialogElement).close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}
