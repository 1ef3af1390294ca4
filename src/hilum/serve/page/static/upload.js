// @ts-check
/**
 * Sending films: three at a time, one request each. A film keeps its key from try to try, so that it
 * is taken in once even if a reply got lost.
 */
import { csrf, retryAfter, toLogin, wordsOf } from "./ask.js";

const AT_ONCE = 3;
const LONGEST_WAIT_S = 60;

/**
 * @typedef {"queued" | "sending" | "waiting" | "sent" | "known" | "failed"} State
 *   `known`: the server had these very bytes already.
 * @typedef {{ file: File, name: string, key: string, state: State, sent: number, words: string, film: string | null, tries: number, request: XMLHttpRequest | null, timer: number }} Item
 */

/**
 * Return how long to wait before a film is tried again.
 * @param {number} tries So far.
 * @param {number | null} asked Seconds the server asks for.
 * @param {() => number} [random] In [0, 1).
 * @returns {number} Seconds.
 */
export function waitS(tries, asked, random = Math.random) {
  if (asked !== null) return Math.min(Math.max(asked, 1), 600) + random();
  return Math.min(2 ** (tries - 1), LONGEST_WAIT_S) * (0.75 + random() / 2);
}

/**
 * @param {number} status HTTP; 0 if the network was lost.
 * @returns {boolean} Whether the same film may fare better later.
 */
export function isWorthAgain(status) {
  return status === 0 || status === 408 || status === 429 || status === 502 || status === 503 || status === 504 || status === 507;
}

export class Uploads {
  /** @param {(item: Item | null) => void} changed Called with what changed; null for anything. */
  constructor(changed) {
    /** @type {Item[]} */
    this.items = [];
    this.changed = changed;
    addEventListener("online", () => this.items.filter((item) => item.state === "waiting").forEach((item) => this.again(item)));
    addEventListener("beforeunload", (event) => {
      if (this.busy) event.preventDefault();
    });
  }

  /** @returns {boolean} Whether anything is still to be sent. */
  get busy() {
    return this.items.some((item) => ["queued", "sending", "waiting"].includes(item.state));
  }

  /** @param {{ file: File, name: string }[]} files */
  add(files) {
    for (const { file, name } of files) {
      this.items.push({ file, name, key: randomKey(), state: "queued", sent: 0, words: "", film: null, tries: 0, request: null, timer: 0 });
    }
    this.changed(null);
    this.#next();
  }

  /** @param {Item} item Send it, however it failed. */
  again(item) {
    clearTimeout(item.timer);
    item.state = "queued";
    item.words = "";
    this.changed(item);
    this.#next();
  }

  /** @param {Item} item */
  leaveOut(item) {
    clearTimeout(item.timer);
    this.items = this.items.filter((each) => each !== item);
    item.request?.abort();
    this.changed(null);
    this.#next();
  }

  /** Forget what arrived. */
  clear() {
    this.items = this.items.filter((item) => !["sent", "known"].includes(item.state));
    this.changed(null);
  }

  #next() {
    let free = AT_ONCE - this.items.filter((item) => item.state === "sending").length;
    for (const item of this.items) {
      if (free <= 0) return;
      if (item.state === "queued") {
        this.#send(item);
        free -= 1;
      }
    }
  }

  /** @param {Item} item */
  #send(item) {
    const request = new XMLHttpRequest();
    item.state = "sending";
    item.tries += 1;
    item.request = request;
    request.open("POST", `/api/v1/films?wait=0&name=${encodeURIComponent(item.name.slice(0, 255))}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Idempotency-Key", item.key);
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.upload.addEventListener("progress", (event) => {
      item.sent = event.lengthComputable ? event.loaded / event.total : 0;
      this.changed(item);
    });
    request.addEventListener("load", () => this.#ended(item, request.status, bodyOf(request), retryAfter(request.getResponseHeader("Retry-After"))));
    request.addEventListener("error", () => this.#ended(item, 0, null, null));
    request.addEventListener("abort", () => this.#ended(item, 0, null, null));
    request.send(item.file);
    this.changed(item);
  }

  /**
   * @param {Item} item
   * @param {number} status
   * @param {any} body
   * @param {number | null} asked
   */
  #ended(item, status, body, asked) {
    if (!this.items.includes(item)) return;
    item.request = null;
    if (status === 200 || status === 201) {
      Object.assign(item, { state: status === 201 ? "sent" : "known", sent: 1, film: body?.film ?? null, words: "" });
    } else if (status === 401) {
      Object.assign(item, { state: "failed", words: "Log in again, then send it again." });
      if (!this.items.some((each) => each.state === "sending")) toLogin();
    } else if (isWorthAgain(status)) {
      const seconds = waitS(item.tries, asked);
      const why = status ? wordsOf(body, status) : "The network is lost.";
      Object.assign(item, { state: "waiting", sent: 0, words: `${why} Trying again in ${Math.round(seconds)} s.` });
      item.timer = setTimeout(() => this.again(item), 1000 * seconds);
    } else {
      Object.assign(item, { state: "failed", words: wordsOf(body, status) });
    }
    this.changed(item);
    this.#next();
  }
}

/**
 * @param {XMLHttpRequest} request
 * @returns {unknown}
 */
function bodyOf(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return null;
  }
}

/** @returns {string} 128 random bits; also where a page without https has no randomUUID. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
