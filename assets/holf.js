/* What needs a script: the reader's colours, Escape for the words at a number and their place above it where there is no
   room below. Every page is complete without it. */
(() => {
  "use strict";
  // Browsers may forbid pages to remember anything; then the system's choice holds.
  const recall = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  document.body.dataset.theme = recall() ?? "auto";
  // Before anything is drawn, so that the button for colours, which Furo hides without a script, moves nothing.
  document.documentElement.classList.remove("no-js");

  // WCAG 1.4.13: words that appear on hover or focus go away at Escape, and come back at the next link.
  const root = document.documentElement;
  const speak = () => root.classList.remove("holf-hushed");
  document.addEventListener("keydown", (event) => event.key === "Escape" && root.classList.add("holf-hushed"));
  // Below the window's edge nobody reads them; they open upwards where they fit there and not below.
  const place = (event) => {
    const link = event.target.closest?.("a[data-said]");
    if (!link) return;
    root.classList.remove("holf-up");
    const here = link.getBoundingClientRect();
    const words = getComputedStyle(link, "::after");
    const height = ["height", "paddingTop", "paddingBottom", "borderTopWidth", "borderBottomWidth"]
      .reduce((sum, part) => sum + (words.boxSizing === "border-box" && part !== "height" ? 0 : parseFloat(words[part]) || 0), 0);
    root.classList.toggle("holf-up", here.bottom + height > innerHeight && here.top - height > 0);
  };
  document.addEventListener("focusin", (event) => { speak(); place(event); });
  document.addEventListener("pointerover", (event) => {
    if (event.target.closest?.("a[data-said]")) { speak(); place(event); }
  });

  // A link to a part of the same page leaves the list of parts open, and the part behind it.
  document.addEventListener("click", (event) => {
    const list = event.target.closest?.("a[href^='#']")?.closest("[popover]");
    if (list) list.hidePopover();
  });

  document.addEventListener("DOMContentLoaded", () => {
    // The list of chapters is longer than many windows: show where the reader is.
    const list = document.querySelector(".sidebar-scroll");
    const here = list?.querySelector("[aria-current]");
    if (here) list.scrollTop = here.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 2;
  });
})();
