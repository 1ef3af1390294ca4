// @ts-check
/** Requests to this server, and what goes wrong with them, in words. */

/** What the server, or the network, said instead of an answer. */
export class Problem extends Error {
  /**
   * @param {number} status HTTP status; 0 if the server was not reached.
   * @param {string} words For the reader.
   * @param {number | null} retryAfterS Seconds the server asks to wait.
   */
  constructor(status, words, retryAfterS = null) {
    super(words);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** @returns {string} What this session sends back with whatever it changes. */
export function csrf() {
  return document.querySelector('meta[name="csrf"]')?.getAttribute("content") ?? "";
}

/**
 * @param {unknown} body A problem as RFC 9457 has it, or anything else.
 * @param {number} status
 * @returns {string}
 */
export function wordsOf(body, status) {
  if (body && typeof body === "object" && "detail" in body) {
    const more = "problems" in body && Array.isArray(body.problems) ? body.problems : [];
    return [String(body.detail), ...more.map(String)].join(" ");
  }
  return status ? `The server answered ${status}.` : "The server cannot be reached.";
}

/**
 * @param {string | null} header Retry-After, in seconds.
 * @returns {number | null}
 */
export function retryAfter(header) {
  const seconds = Number(header);
  return header !== null && header.trim() !== "" && Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

/** Send the reader to the login, and back here afterwards. */
export function toLogin() {
  const here = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/**
 * @param {string} path
 * @param {{ method?: string, json?: unknown, background?: boolean, signal?: AbortSignal, accept?: string }} [how]
 *   `background`: asked by a timer, not by a person; it does not keep a session alive.
 * @returns {Promise<Response>} An answer that is fine.
 * @throws {Problem}
 */
export async function ask(path, how = {}) {
  const method = how.method ?? "GET";
  /** @type {Record<string, string>} */
  const headers = { Accept: how.accept ?? "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf();
  if (how.json !== undefined) headers["Content-Type"] = "application/json";
  if (how.background) headers["X-Hilum-Background"] = "1";
  let response;
  try {
    const body = how.json === undefined ? undefined : JSON.stringify(how.json);
    response = await fetch(path, { method, headers, body, signal: how.signal, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, wordsOf(null, 0));
  }
  if (response.ok) return response;
  if (response.status === 401) toLogin();
  const body = await response.json().catch(() => null);
  throw new Problem(response.status, wordsOf(body, response.status), retryAfter(response.headers.get("Retry-After")));
}

/**
 * @param {string} path
 * @param {Parameters<typeof ask>[1]} [how]
 * @returns {Promise<any>} What the server says, from JSON.
 */
export async function askJson(path, how) {
  return (await ask(path, how)).json();
}
