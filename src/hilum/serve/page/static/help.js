// @ts-check
/** The page of keys. */
import { el, find } from "./dom.js";
import { keyList, letterSwitch } from "./keys.js";

find("#keys", HTMLElement).append(
  el("h2", { text: "On a film" }), keyList("film"), el("h2", { text: "In the worklist" }), keyList("list"), letterSwitch(),
);
