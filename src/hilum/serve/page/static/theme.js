// @ts-check
/** Dark, light, or as the system is; kept in a cookie, so that pages are drawn with it at once. */
import { find } from "./dom.js";

const THEMES = ["dark", "light", "system"];

const button = find("#theme", HTMLButtonElement);
button.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(button.dataset.themeNow ?? "dark") + 1) % THEMES.length];
  button.dataset.themeNow = next;
  button.textContent = `Theme: ${next}`;
  document.documentElement.dataset.theme = next;
  document.cookie = `hilum_theme=${next}; path=/; max-age=31536000; samesite=strict`;
});
