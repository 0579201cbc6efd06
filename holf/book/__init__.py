"""The build.

Front: `extension.setup`, which Sphinx calls, and which lists what happens in order: stale chapters run (`freshness`,
`execute`), Sphinx works beside the site, the finished pages are checked, and the site is put in place (`staging`).
Beside it: `archive.make_archive`, `pdf.print_book`, and `edition.make_edition` for a book from another study.
"""
