// @ts-check
/** Files that are dropped or chosen, folders walked. */
import { find } from "./dom.js";

/** @typedef {{ file: File, name: string }} Named */

/**
 * @param {FileList | File[] | null} files
 * @returns {Named[]} Without hidden files, which folders are full of.
 */
export function named(files) {
  return [...(files ?? [])].filter((file) => !file.name.startsWith(".")).map((file) => ({ file, name: file.name }));
}

/**
 * @param {DataTransfer} data
 * @returns {Promise<Named[]>} Files in it, and in its folders.
 */
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return named(data.files);
  const found = await Promise.all(entries.map((entry) => (entry ? walked(entry) : [])));
  return named(found.flat());
}

/**
 * @param {any} entry A FileSystemEntry.
 * @returns {Promise<File[]>}
 */
async function walked(entry) {
  if (entry.isFile) {
    return new Promise((done) => entry.file((/** @type {File} */ file) => done([file]), () => done([])));
  }
  const reader = entry.createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) {
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) return files;
    for (const each of some) files.push(...(await walked(each)));
  }
}

/**
 * Make the whole page a place to drop films on.
 * @param {(files: Named[]) => void} taken
 */
export function dropAnywhere(taken) {
  const veil = find("#drop", HTMLElement);
  let depth = 0;
  const isFiles = (/** @type {DragEvent} */ event) => Boolean(event.dataTransfer?.types.includes("Files"));
  addEventListener("dragenter", (event) => {
    if (!isFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!isFiles(event)) return;
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  addEventListener("dragover", (event) => {
    if (isFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!isFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    taken(await dropped(event.dataTransfer));
  });
}
