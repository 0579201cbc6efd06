/* What needs a script: dark mode by choice, Escape for the words at a number and their place above it where there is no
   room below, a sign at tables that scroll, a button that copies code, and search results from a folder. Every page is
   complete without it. */
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
  // Below the window's edge nobody reads them; they open upwards where they fit there and not below.
  const place = (event) => {
    const link = event.target.closest?.("a[data-said]");
    if (!link) return;
    root.classList.remove("frame-up");
    const here = link.getBoundingClientRect();
    const words = getComputedStyle(link, "::after");
    const height = ["height", "paddingTop", "paddingBottom", "borderTopWidth", "borderBottomWidth"]
      .reduce((sum, part) => sum + (words.boxSizing === "border-box" && part !== "height" ? 0 : parseFloat(words[part]) || 0), 0);
    root.classList.toggle("frame-up", here.bottom + height > innerHeight && here.top - height > 0);
  };
  document.addEventListener("focusin", (event) => { speak(); place(event); });
  document.addEventListener("pointerover", (event) => {
    if (event.target.closest?.("a[data-said]")) { speak(); place(event); }
  });

  // A table that goes on beyond its frame says so at that edge.
  const edges = (frame) => {
    const rest = frame.scrollWidth - frame.clientWidth - Math.abs(frame.scrollLeft);
    frame.classList.toggle("frame-more", rest > 2);
  };

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
    const resized = new ResizeObserver((entries) => entries.forEach((entry) => edges(entry.target)));
    document.querySelectorAll(".holf-scroll, .pst-scrollable-table-container").forEach((frame) => {
      resized.observe(frame);
      frame.addEventListener("scroll", () => edges(frame), { passive: true });
    });
    if (navigator.clipboard) document.querySelectorAll("div.highlight").forEach(offerCopy);
    // From a folder browsers let no page read another, so that a search shows titles without the words around them.
    if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
      DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
    }
  });
})();
