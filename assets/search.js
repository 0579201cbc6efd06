/* Numbers are words in this book: "884" is what readers look for. Sphinx's index holds them, and its search drops them
   from what was asked. */
(() => {
  "use strict";
  // From a folder browsers let no page read another, so that a search shows titles without the words around them.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
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
