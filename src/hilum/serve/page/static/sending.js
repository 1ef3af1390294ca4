// @ts-check
/** The list of what is being sent. Its rows are made once and told what changed. */
import { el, find, say } from "./dom.js";
import { sized } from "./words.js";

const SHOWN = 200;
const STATES = { queued: "waits its turn", sending: "being sent", waiting: "waits", sent: "sent", known: "was here already", failed: "not sent" };

/** @typedef {import("./upload.js").Uploads} Uploads @typedef {import("./upload.js").Item} Item */

export class SendingList {
  /** @param {() => Uploads} uploads */
  constructor(uploads) {
    this.uploads = uploads;
    this.section = find("#sending", HTMLElement);
    this.list = find("#sending-list", HTMLElement);
    /** @type {Map<Item, { row: HTMLElement, bar: HTMLElement, words: HTMLElement, again: HTMLElement }>} */
    this.rows = new Map();
    find("#sending-clear", HTMLButtonElement).addEventListener("click", () => this.uploads().clear());
  }

  /** @param {Item | null} item What changed; null for the list itself. */
  update(item) {
    const { items } = this.uploads();
    this.section.hidden = items.length === 0;
    if (item === null) this.#arrange(items);
    const changed = item === null ? items.slice(0, SHOWN) : [item];
    changed.forEach((each) => this.#tell(each));
    const done = items.filter((each) => each.state === "sent" || each.state === "known").length;
    const failed = items.filter((each) => each.state === "failed").length;
    const lost = items.some((each) => each.state === "waiting");
    const parts = [`${done} of ${items.length} sent`, failed ? `${failed} not sent` : "", lost ? "some wait to be tried again" : ""];
    say(find("#sending-sum", HTMLElement), parts.filter(Boolean).join(", "));
  }

  /** @param {Item[]} items */
  #arrange(items) {
    const shown = new Set(items.slice(0, SHOWN));
    for (const [item, { row }] of this.rows) {
      if (!shown.has(item)) {
        row.remove();
        this.rows.delete(item);
      }
    }
    for (const item of shown) if (!this.rows.has(item)) this.#add(item);
  }

  /** @param {Item} item */
  #add(item) {
    const bar = el("progress", { max: 1, value: 0, "aria-label": `${item.name}: share sent` });
    const words = el("span", {});
    const again = el("button", { type: "button", text: "Send again" });
    const leave = el("button", { type: "button", class: "leave", text: "Leave out", "aria-label": `Leave out ${item.name}` });
    again.addEventListener("click", () => this.uploads().again(item));
    leave.addEventListener("click", () => this.uploads().leaveOut(item));
    const row = el("li", {}, [el("span", {}, [el("bdi", { text: item.name }), ` (${sized(item.file.size)})`]), bar, words, el("span", {}, [again, " ", leave])]);
    this.rows.set(item, { row, bar, words, again });
    this.list.append(row);
  }

  /** @param {Item} item */
  #tell(item) {
    const found = this.rows.get(item);
    if (!found) return;
    const ended = item.state === "sent" || item.state === "known";
    if (found.bar instanceof HTMLProgressElement) found.bar.value = ended ? 1 : item.sent;
    say(found.words, [STATES[item.state], item.words].filter(Boolean).join(": "));
    found.again.hidden = item.state !== "failed" && item.state !== "waiting";
    found.row.dataset.state = item.state;
    find(".leave", HTMLButtonElement, found.row).hidden = ended;
  }
}
