"""A client's report: chapters from notebooks, one page of HTML, and its print."""
