/* Numbers are words in this book: "884" is what readers look for. Sphinx's index holds them, and its search drops them
   from what was asked. */
(() => {
  "use strict";
  // From a folder browsers let no page read another, so that a search shows titles without the words around them.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  // Words around a hit come from the whole page: without simulated outputs, code, and words that are hidden there.
  const toText = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page.querySelectorAll(".holf-banner-simulated").forEach((banner) =>
      (banner.closest(".holf-band") ?? page).querySelectorAll(".cell_output").forEach((output) => output.remove()));
    page.querySelectorAll(".holf-said, .holf-code, .holf-downloads").forEach((part) => part.remove());
    page.querySelectorAll("td, th, li, p").forEach((part) => part.append(" "));
    return toText(page.documentElement.outerHTML, anchor);
  };
  // A number is best explained by its rows of the ledger, and then where the families are counted; a term by the glossary.
  const rows = JSON.parse(document.getElementById("holf-rows").textContent);
  const first = { "chapters/sample_flow": 2, "chapters/ledger": 1 };
  const find = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const digits = query.replace(/[\s,.]/g, "");
    const isNumber = /^\d+$/.test(digits);
    Scorer.score = ([page, , , , score]) => score + (isNumber ? first[page] ?? 0 : 0);
    const best = rows[isNumber ? digits : query.trim().toLowerCase()] ?? [];
    // Taken from the end.
    return [...find(query, ...terms), ...best.map(([page, anchor, title]) => [page, title, anchor, null, 99, `${page}.md`]).reverse()];
  };
  const parse = Search._parseQuery;
  Search._parseQuery = (query) => {
    const parsed = parse(query);
    const [, searchTerms, , highlightTerms] = parsed;
    for (const term of splitQuery(query.trim())) {
      if (/^\d+$/.test(term)) {
        searchTerms.add(term);
        highlightTerms.add(term);
      }
    }
    return parsed;
  };
})();
