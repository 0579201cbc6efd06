"""The release gate: what a published site may not contain."""

# Ending, or whole name, of a file that a site may hold, and what it is. Every other kind of file is refused.
KINDS = {
    ".html": "pages",
    ".css": "styles",
    ".js": "scripts",
    ".json": "values that are no table",
    ".csv": "the numbers of tables and figures",
    ".txt": "text alternatives and descriptions of columns",
    ".png": "figures",
    ".svg": "the icon of the site",
    ".bib": "references for BibTeX",
    ".ris": "references for other programs",
    ".cff": "how to cite",
    "objects.inv": "targets of links from other sites",
    "SHA256SUMS": "checksums of the files",
}

# What no rule sees, for the command's help and the page.
OUT_OF_REACH = (
    "what is drawn, in pixels or lines",
    "rows of data that look like no table: a call, a sentence or a box of a page for each, or a chart in a script",
    "a few rows of any table",
    "what was changed so that it is not recognised: other encodings, escapes in scripts and addresses, reversed text",
    "an id, number or name that is glued to other letters or digits, or of which a page shows a part only",
    "a short id: fewer than five letters and digits, or fewer than six digits and nothing else",
    "a value that was rounded or computed with: it is sought as it is written in the list",
    "a name, an address, a date of birth, free text or an id that is in no list",
)
