/* What needs a script: dark mode by choice, Escape for the words at a number, a button that copies code, and search
   results from a folder. Every page is complete without it. */
(() => {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // Browsers may forbid pages to remember anything; then the system's choice holds.
  const recall = () => { try { return localStorage.getItem("frame-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("frame-theme", theme); } catch { /* not remembered */ } };
  const show = (theme) => {
    root.dataset.theme = theme;
    document.getElementById("frame-dark")?.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const current = () => recall() ?? (system.matches ? "dark" : "light");
  show(current());
  system.addEventListener("change", () => show(current()));
  // Paper is white.
  matchMedia("print").addEventListener("change", (paper) => show(paper.matches ? "light" : current()));

  // WCAG 1.4.13: words that appear on hover or focus go away at Escape, and come back at the next link.
  const speak = () => root.classList.remove("frame-hushed");
  document.addEventListener("keydown", (event) => event.key === "Escape" && root.classList.add("frame-hushed"));
  document.addEventListener("focusin", speak);
  document.addEventListener("pointerover", (event) => event.target.closest?.("a[data-said]") && speak());

  const offerCopy = (block) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "frame-copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch { button.textContent = "Not allowed"; }
    });
    block.prepend(button);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const dark = document.getElementById("frame-dark");
    dark.hidden = false;
    show(root.dataset.theme);
    dark.addEventListener("click", () => {
      show(root.dataset.theme === "dark" ? "light" : "dark");
      remember(root.dataset.theme);
    });
    if (navigator.clipboard) document.querySelectorAll("div.highlight").forEach(offerCopy);
    // From a folder browsers let no page read another, so that a search shows titles without the words around them.
    if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
      DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
    }
  });
})();
