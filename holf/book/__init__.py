"""The build.

Jupyter Book's extension, runs of chapters, what is stale, checks of the finished site, downloads, archive and PDF.
Front: `extension.setup`, which Sphinx calls.
"""
