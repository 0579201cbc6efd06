"""How wide figures are, in CSS pixels: the page shows the one that fits (`holf.book.theme.html`).

Apart from what draws them: the build looks for pictures of these widths, and most builds draw none.
"""

# The column of a phone, which is that of a printed journal too, and the column of a page on a desktop.
PHONE, COLUMN = 350, 720
